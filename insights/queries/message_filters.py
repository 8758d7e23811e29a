"""Filters for the feedback on messages that meet conditions.

The messages are the application's, so the ids of those that match are looked up first, in batches,
by queries that every server knows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pymongo.database import Database

from insights.errors import UsageError
from insights.kinds import Document, Kind
from insights.messages.records import batches, naming_the_lookup
from insights.queries.filters import Filter, Filters, Selection, all_of
from insights.queries.message_conditions import (
    MessageCondition,
    message_conditions,
    without_messages,
)
from insights.queries.periods import Period, earlier
from insights.queries.rated_values import BATCH, find_records
from insights.settings import Settings
from insights.users.ids import ids_of, text_of

# Each query of the figures has the ids of the messages that match, 40 bytes each.
MOST_MESSAGES = 50_000


def with_message_filters(
    database: Database[Document], filters: Filters, period: Period, now: datetime
) -> Filters:
    """Return filters in which the conditions on messages are on the ids of feedback.

    They hold for feedback of the period, and of the equally long one before.

    Raises:
        UsageError: too many messages match.
        Unreadable: the MongoDB user may not read the application's collection.
    """
    if not filters.on_messages:
        return filters
    of_feedback = filters.by_kind.get(Kind.FEEDBACK, {})
    condition = all_of(with_previous(period, now).condition(), of_feedback)
    found = message_filters(database, condition, filters.on_messages)
    by_kind = {**filters.by_kind, Kind.FEEDBACK: all_of(of_feedback, *found)}
    return replace(filters, by_kind=by_kind, on_messages=())


def split_selection(
    kind: Kind, selection: Selection, settings: Settings, now: datetime
) -> tuple[Selection, Sequence[MessageCondition]]:
    """Return the options of a list without its conditions on messages, and these conditions."""
    if kind is Kind.EVENTS:
        return selection, ()
    on_messages = message_conditions(selection.where, settings, now)
    return replace(selection, where=without_messages(selection.where)), on_messages


def with_previous(period: Period, now: datetime) -> Period:
    """Return a period together with the equally long one before."""
    if period.since is None:
        return period
    length = (period.until or now) - period.since
    return replace(period, since=earlier(period.since, length))


def message_filters(
    database: Database[Document], condition: Filter, wanted: Sequence[MessageCondition]
) -> Iterator[Filter]:
    """Yield a filter for each condition on the messages of feedback that matches another filter.

    Raises:
        UsageError: too many messages match.
        Unreadable: the MongoDB user may not read the application's collection.
    """
    for each in wanted:
        found: list[Any] = []
        for batch in batches(rated_ids(database, condition), BATCH):
            found += matching(database, each, batch)
            if len(found) > MOST_MESSAGES:
                raise UsageError(
                    f"more than {MOST_MESSAGES:,} messages match {each.attribute.name}: "
                    "choose a shorter period, or use `insights compare`"
                )
        yield {"message_id": {"$nin" if each.excludes else "$in": found}}


def rated_ids(database: Database[Document], condition: Filter) -> Iterator[Any]:
    """Yield the ids of the messages that matching feedback is on."""
    stages = [{"$match": condition}, {"$group": {"_id": "$message_id"}}]
    found = database[Kind.FEEDBACK.collection].aggregate(stages, allowDiskUse=True)
    yield from (each["_id"] for each in found)


def matching(
    database: Database[Document], condition: MessageCondition, ids: Sequence[Any]
) -> list[Any]:
    """Return those of some ids whose messages meet a condition."""
    texts = {text_of(each) for each in ids} - {""}
    attribute = condition.attribute
    collection, *path = attribute.lookup.split(".")
    values = [value for text in texts for value in ids_of(text)]
    stages = [*find_records(path, attribute.keys, values), {"$match": condition.matching}]
    with naming_the_lookup(attribute.lookup):
        found = {text_of(each["id"]) for each in database[collection].aggregate(stages)}
    return [each for each in ids if text_of(each) in found]
