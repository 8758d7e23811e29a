"""Scored ratings with the value of an attribute.

The values are read in batches, by queries that every server knows and that need an index only to
be fast. Values of several types are one if they are the same as text.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.messages.records import batches, naming_the_lookup
from insights.queries.attributes import Attribute, Root
from insights.queries.documents import as_text
from insights.queries.filters import Filter, all_of
from insights.queries.keys import is_special, value_at
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Expression, Sentiment
from insights.users.ids import ids_of, text_of

BATCH = 1000

# So that a user's ratings share a batch.
BY_USER = {"user_id": 1, "timestamp": 1}

Change = tuple[datetime, str]
"""The time of an event, and the value that it changed to."""


class RatedValue(NamedTuple):
    """A scored rating: its user, and its value as text, None without one."""

    user: str
    value: str | None
    is_positive: bool


def rated_values(
    found: Scope, events: Filter, attribute: Attribute, scored: Stage
) -> Iterator[RatedValue]:
    """Yield each scored rating of a scope with its value.

    `events` restricts the events whose details count.

    Raises:
        Unreadable: the MongoDB user may not read the application's collection.
    """
    pipeline: list[Stage] = [
        scored,
        {"$match": {"sentiment": {"$ne": Sentiment.UNSCORED}}},
        {"$project": {"_id": 0, "user_id": 1, "message_id": 1, "timestamp": 1, "sentiment": 1}},
        *([] if attribute.root is Root.MESSAGE else [{"$sort": BY_USER}]),
    ]
    for batch in batches(found.stream(pipeline), BATCH):
        values = values_of(found.database, events, attribute, batch)
        for rating, value in zip(batch, values, strict=True):
            user = to_text(rating.get("user_id")) or ""
            yield RatedValue(user, value, rating["sentiment"] == Sentiment.POSITIVE)


def values_of(
    database: Database[Document], events: Filter, attribute: Attribute, ratings: Sequence[Document]
) -> list[str | None]:
    """Return the value of each rating."""
    if attribute.root is Root.DETAILS:
        return values_before(database, events, attribute, ratings)
    ids = [text_of(each.get(f"{attribute.root}_id")) for each in ratings]
    found = values_by_id(database, attribute, {each for each in ids if each})
    return [found.get(each) if each else None for each in ids]


def to_text(value: object) -> str | None:
    """Return a value as text, equal for equal numbers; None for null."""
    return None if value is None else text_of(value) or as_text(value)


def values_by_id(
    database: Database[Document], attribute: Attribute, ids: Iterable[str]
) -> dict[str, str | None]:
    """Return the values of those messages or users that the application has, by id."""
    collection, *path = attribute.lookup.split(".")
    pipeline = find_records(path, attribute.keys, [each for text in ids for each in ids_of(text)])
    found: dict[str, str | None] = {}
    with naming_the_lookup(attribute.lookup, attribute.root.setting):
        for each in database[collection].aggregate(pipeline, batchSize=BATCH):
            found.setdefault(text_of(each["id"]), to_text(each.get("value")))
    return found


def find_records(path: Sequence[str], keys: Sequence[str], ids: Sequence[Any]) -> list[Stage]:
    """Return the stages that find the `id` and the `value` of each record with one of these ids.

    The ids are at the path, which may lead through arrays. The value is that beside the id, or
    else that of the nearest object around it: of the session that holds a message, say.
    """
    field = ".".join(path)
    wanted = {field: {"$in": list(ids)}}
    around = [[*path[:depth], *keys] for depth in range(len(path) - 1, -1, -1)]
    return [
        {"$match": wanted},
        *only([[*path], *around]),
        *({"$unwind": f"${'.'.join(path[:depth])}"} for depth in range(1, len(path) + 1)),
        {"$match": wanted},
        {"$project": {"_id": 0, "id": f"${field}", "value": first_of(around)}},
    ]


def only(paths: Sequence[Sequence[str]]) -> list[Stage]:
    """Return the stage that keeps only these paths, which saves copies of long texts.

    Projections cannot name some keys, and no path within another: the object around is kept.
    """
    cut = {tuple(before_special(path)) for path in paths}
    kept = [each for each in cut if not any(each[:end] in cut for end in range(len(each)))]
    return [{"$project": {".".join(each): 1 for each in sorted(kept)}}] if () not in kept else []


def before_special(path: Sequence[str]) -> Sequence[str]:
    """Return the part of a path before the first key that a projection cannot name."""
    return path[: next((at for at, key in enumerate(path) if is_special(key)), len(path))]


def first_of(paths: Sequence[Sequence[str]]) -> str | Expression:
    """Return the expression for the first value at one of these paths that is not null."""
    *others, found = (path_expression(path) for path in paths)
    for each in reversed(others):
        found = {"$ifNull": [each, found]}
    return found


def path_expression(path: Sequence[str]) -> str | Expression:
    """Return the expression for the value at a path."""
    return value_at(path) if any(map(is_special, path)) else f"${'.'.join(path)}"


def values_before(
    database: Database[Document], events: Filter, attribute: Attribute, ratings: Sequence[Document]
) -> list[str | None]:
    """Return for each rating the value in the user's last event before it that has the detail."""
    users = {text_of(each.get("user_id")) for each in ratings} - {""}
    # Other programs may have stored dates that Python lacks.
    times = [each["timestamp"] for each in ratings if isinstance(each["timestamp"], datetime)]
    if not (users and times):
        return [None] * len(ratings)
    pipeline = events_of(users, max(times), events, ["details", *attribute.keys])
    changes: dict[str, list[Change]] = defaultdict(list)
    for each in database[Kind.EVENTS.collection].aggregate(pipeline, allowDiskUse=True):
        user, time, value = text_of(each["user_id"]), each["timestamp"], to_text(each["value"])
        # A user's events are in order, so only the changes matter.
        if user in users and isinstance(time, datetime) and is_change(changes[user], value):
            changes[user].append((time, value or ""))
    return [last_before(each, changes) for each in ratings]


def events_of(
    users: Iterable[str], until: datetime, events: Filter, path: Sequence[str]
) -> list[Stage]:
    """Return the stages that find the users' events before a time, in order, with their value."""
    of_users = {"user_id": {"$in": [each for user in users for each in ids_of(user)]}}
    return [
        {"$match": all_of(of_users, {"timestamp": {"$lt": until}}, events)},
        {"$sort": {"user_id": 1, "timestamp": 1, "_id": 1}},
        {"$project": {"_id": 0, "user_id": 1, "timestamp": 1, "value": path_expression(path)}},
        {"$match": {"value": {"$ne": None}}},
    ]


def is_change(changes: Sequence[Change], value: str | None) -> bool:
    """Say whether a value differs from the last one."""
    return not changes or changes[-1][1] != value


def last_before(rating: Document, changes: dict[str, list[Change]]) -> str | None:
    """Return the value that a user's last event before a rating changed to, if there is one."""
    own = changes.get(text_of(rating.get("user_id")), [])
    if not isinstance(rating["timestamp"], datetime):
        return None
    count = bisect_left(own, rating["timestamp"], key=itemgetter(0))
    return own[count - 1][1] if count else None
