"""Journeys: the events before ratings, compared with the events of all users."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.figures import sequences
from insights.kinds import Document, Kind
from insights.mongodb.servers import UNSUPPORTED
from insights.queries.filters import Filter, Filters, all_of, rated
from insights.queries.left_out import (
    LeftOut,
    Reason,
    lacking,
    left_out,
    may_be_arrays,
    not_counted,
    of_system_users,
    usable,
)
from insights.queries.periods import Period
from insights.queries.scopes import Scope
from insights.settings import Settings

SHOWN = 10

# More than are shown, because the lift decides between equal counts.
COMPARED = 100

MILLISECOND = timedelta(milliseconds=1)
EARLIEST = datetime.min.replace(tzinfo=UTC)

# The events of a batch often share a millisecond. ObjectIds and version 7 UUIDs keep their order.
IN_ORDER = {"timestamp": 1, "_id": 1}
NEWEST_FIRST = {"timestamp": -1, "_id": -1}

STEPS = "$_id.steps"
LAST = {"$slice": [STEPS, -1]}
# The fields of a step. An event with an array in one of them has no step.
NO_ARRAY = {"$not": {"$type": "array"}}
NEEDED = ("user_id", "event_type", "timestamp")

WITH_EVENTS: dict[str, Any] = {"$match": {"_id.steps": {"$ne": []}}}
TOTAL = [{"$group": {"_id": None, "count": {"$sum": "$count"}}}]

Pipeline = list[dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """One to three event types in order, and their frequency before ratings.

    `before` counts the ratings that they precede, and `users` the users of those. `share_before` is
    the share of the ratings with events in the window, `share_all` the share of all events; both
    are 0 to 1. `lift` is the ratio of the two, None if `share_all` is 0.
    """

    steps: tuple[str, ...]
    before: int
    share_before: float
    share_all: float
    lift: float | None
    users: int


@dataclass(frozen=True)
class Journeys:
    """The steps before ratings: the `last` event, and `sequences` of the last three.

    A shorter sequence is all that the window holds. Each list has at most ten, sorted by frequency,
    then by lift. `ratings` counts all ratings, `without_events` those without events in the window.
    `left_out` counts ratings without a date, and events without a date or a type.
    """

    ratings: int
    without_events: int
    last: list[Step]
    sequences: list[Step]
    left_out: list[LeftOut]

    @property
    def with_events(self) -> int:
        """The number of ratings with events in the window."""
        return self.ratings - self.without_events


def find_journeys(  # noqa: PLR0913, PLR0917 (each is part of the question)
    database: Database[Document],
    settings: Settings,
    filters: Filters,
    sentiment: str,
    window: timedelta,
    asked: Period,
    now: datetime,
) -> Journeys:
    """Return the steps in the `window` before each rating of the period.

    `sentiment` is a value of `Sentiment`, or else an exact rating. Events at the very time of the
    rating do not count. The steps are compared with all events of the period: single types with
    all types, and sequences with the sequence that ends at each event.
    """
    # With an end, so that both queries see the same period.
    period = asked.so_far(now)
    rating = rated(sentiment, settings.feedback_ratings)
    ratings = Scope(
        database,
        Kind.FEEDBACK,
        usable(database, Kind.FEEDBACK, period),
        all_of(rating, filters.of(Kind.FEEDBACK)),
    )
    events = Scope(database, Kind.EVENTS, period, filters.of(Kind.EVENTS))
    try:
        before, everywhere = count_on_server(ratings, events, window)
    except OperationFailure as error:
        if error.code not in UNSUPPORTED:
            raise
        before, everywhere = count_in_client(ratings, events, window)
    given, with_events = total(before["ratings"]), total(before["with_events"])
    all_events = total(everywhere.get("events", []))
    last, in_sequence = (
        compare(before[name], with_events, everywhere.get(name, []), all_events)
        for name in ("last", "sequences")
    )
    not_used = [
        *not_counted(ratings, asked),
        *events_not_counted(events, asked),
        *of_system_users(database, filters, period),
    ]
    return Journeys(given, given - with_events, last, in_sequence, not_used)


def events_not_counted(events: Scope, asked: Period) -> Iterator[LeftOut]:
    """Yield which events are not counted."""
    database, condition = events.database, events.condition()
    arrays = may_be_arrays(database, Kind.EVENTS, condition, "timestamp", "event_type")
    dated = replace(events, period=replace(events.period, dates_only=arrays))
    yield from not_counted(dated, asked)
    without_type = lacking("event_type", "string", dated.condition())
    if arrays:
        without_type["$or"].append(all_of({"event_type": {"$type": "array"}}, dated.condition()))
    yield from left_out(database, Kind.EVENTS, Reason.NO_TYPE, without_type)


def count_on_server(ratings: Scope, events: Scope, window: timedelta) -> tuple[Document, Document]:
    """Count the steps on the server, before ratings and among all events."""
    [before] = dates_only(ratings).aggregate(before_ratings(window, events.matching))
    if not total(before["with_events"]):
        return before, {}
    usable = usable_events(events, window)
    pipeline = among_all(before, window, events.period)
    [everywhere] = events.database[Kind.EVENTS.collection].aggregate(
        [{"$match": usable}, *pipeline], allowDiskUse=True
    )
    return before, everywhere


def count_in_client(ratings: Scope, events: Scope, window: timedelta) -> tuple[Document, Document]:
    """Count the same in the client, for servers without window functions."""
    counts = sequences.Counts(events.period.since, window)
    usable = usable_events(events, window)
    sequences.count_sequences(ratings.database, ratings.condition(), usable, counts)
    return sequences.before(counts, COMPARED), sequences.everywhere(counts)


def dates_only(found: Scope) -> Scope:
    """Return a scope without arrays of dates."""
    return replace(found, period=replace(found.period, dates_only=True))


def total(counted: Iterable[Document]) -> int:
    """Return the number that `TOTAL` counted, which has no result for zero."""
    return sum(each["count"] for each in counted)


def before_ratings(window: timedelta, events: Filter) -> Pipeline:
    """Return the pipeline from feedback to the most frequent steps before it."""
    return [
        {"$lookup": last_events(window, events)},
        {
            "$group": {
                "_id": {"steps": {"$reverseArray": "$events.event_type"}, "user": "$user_id"},
                "count": {"$sum": 1},
            }
        },
        {
            "$facet": {
                "ratings": TOTAL,
                "with_events": [WITH_EVENTS, *TOTAL],
                "last": most_frequent(LAST),
                "sequences": most_frequent(STEPS),
            }
        },
    ]


def last_events(window: timedelta, events: Filter) -> dict[str, Any]:
    """Return the `$lookup` of the last three such events before a feedback, the newest first."""
    start = {"$subtract": ["$$rated", window // MILLISECOND]}
    in_window = [{"$gte": ["$timestamp", start]}, {"$lt": ["$timestamp", "$$rated"]}]
    return {
        "from": Kind.EVENTS.collection,
        "localField": "user_id",
        "foreignField": "user_id",
        "let": {"rated": "$timestamp"},
        "pipeline": [
            {
                "$match": all_of(
                    {"$expr": {"$and": in_window}},
                    {"event_type": {"$type": "string"} | NO_ARRAY},
                    events,
                )
            },
            {"$sort": NEWEST_FIRST},
            {"$limit": 3},
            {"$project": {"_id": 0, "event_type": 1}},
        ],
        "as": "events",
    }


def most_frequent(steps: str | dict[str, Any]) -> Pipeline:
    """Return the pipeline to the most frequent steps, without empty ones."""
    return [
        WITH_EVENTS,
        {"$group": {"_id": {"steps": steps, "user": "$_id.user"}, "count": {"$sum": "$count"}}},
        {"$group": {"_id": STEPS, "before": {"$sum": "$count"}, "users": {"$sum": 1}}},
        {"$sort": {"before": -1, "_id": 1}},
        {"$limit": COMPARED},
    ]


def among_all(before: Mapping[str, Any], window: timedelta, period: Period) -> Pipeline:
    """Return the pipeline from events to the counts of the steps in `before`.

    Each event of the period ends one sequence, which may begin before the period.
    """
    return [
        {"$sort": {"user_id": 1} | IN_ORDER},
        {"$project": {"user_id": 1, "timestamp": 1, "event_type": 1}},
        {"$setWindowFields": last_three()},
        {"$match": period.condition()},
        {"$group": {"_id": {"steps": types_within(window)}, "count": {"$sum": 1}}},
        {
            "$facet": {
                "events": TOTAL,
                "last": counts(LAST, before["last"]),
                "sequences": counts(STEPS, before["sequences"]),
            }
        },
    ]


def usable_events(events: Scope, window: timedelta) -> Filter:
    """Return the filter for the events of a scope, and those just before it, that can be steps."""
    since = max(events.period.since or EARLIEST, EARLIEST + window) - window
    in_time = Period(since, events.period.until).condition()
    # The condition on the user makes this a covered query.
    condition = all_of({"user_id": {"$gte": ""}}, in_time, events.matching)
    arrays: list[Filter] = []
    if may_be_arrays(events.database, Kind.EVENTS, condition, *NEEDED):
        arrays = [{field: NO_ARRAY} for field in NEEDED]
    return all_of(condition, {"event_type": {"$gte": ""}}, *arrays)


def last_three() -> dict[str, Any]:
    """Return the `$setWindowFields` that adds to each event the last three of its user."""
    event = {"event_type": "$event_type", "timestamp": "$timestamp"}
    return {
        "partitionBy": "$user_id",
        "sortBy": IN_ORDER,
        "output": {"events": {"$push": event, "window": {"documents": [-2, "current"]}}},
    }


def types_within(window: timedelta) -> dict[str, Any]:
    """Return the expression for the types of an event's last three within its window."""
    start = {"$subtract": ["$timestamp", window // MILLISECOND]}
    in_window = {"$filter": {"input": "$events", "cond": {"$gt": ["$$this.timestamp", start]}}}
    return {"$map": {"input": in_window, "in": "$$this.event_type"}}


def counts(steps: str | dict[str, Any], wanted: Iterable[Document]) -> Pipeline:
    """Return the pipeline that counts the wanted steps."""
    return [
        {"$group": {"_id": steps, "count": {"$sum": "$count"}}},
        {"$match": {"_id": {"$in": [each["_id"] for each in wanted]}}},
    ]


def compare(
    before: Iterable[Document], ratings: int, everywhere: Iterable[Document], events: int
) -> list[Step]:
    """Return the steps before ratings with their shares of all events, in order."""
    numbers = {tuple(each["_id"]): each["count"] for each in everywhere}
    steps = (
        to_step(each, ratings, numbers.get(tuple(each["_id"]), 0) / max(events, 1))
        for each in before
    )
    return sorted(steps, key=rank)[:SHOWN]


def to_step(found: Document, ratings: int, share_all: float) -> Step:
    """Return a found step with its shares of the ratings and of all events."""
    share = found["before"] / ratings
    lift = share / share_all if share_all else None
    return Step(tuple(found["_id"]), found["before"], share, share_all, lift, found["users"])


def rank(step: Step) -> tuple[float, float, tuple[str, ...]]:
    """Return the sort key: the most frequent steps first, then those with the greatest lift."""
    return -step.before, -(inf if step.lift is None else step.lift), step.steps
