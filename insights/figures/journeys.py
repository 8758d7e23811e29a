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
from insights.queries.filters import Filter, rated
from insights.queries.left_out import (
    LeftOut,
    Reason,
    lacking,
    left_out,
    may_be_arrays,
    not_counted,
    usable,
)
from insights.queries.periods import Period
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
    sentiment: str,
    window: timedelta,
    period: Period,
    now: datetime,
) -> Journeys:
    """Return the steps in the `window` before each rating of the period.

    `sentiment` is a value of `Sentiment`, or else an exact rating. Events at the very time of the
    rating do not count. The steps are compared with all events of the period: single types with
    all types, and sequences with the sequence that ends at each event.
    """
    # With an end, so that both queries see the same period.
    asked, period = period, period.so_far(now)
    condition = rated(sentiment, settings.feedback_ratings)
    try:
        before, everywhere = count_on_server(database, condition, window, period)
    except OperationFailure as error:
        if error.code not in UNSUPPORTED:
            raise
        before, everywhere = count_in_client(database, condition, window, period)
    ratings, with_events = total(before["ratings"]), total(before["with_events"])
    events = total(everywhere.get("events", []))
    last, in_sequence = (
        compare(before[name], with_events, everywhere.get(name, []), events)
        for name in ("last", "sequences")
    )
    not_used = [*not_in_journeys(database, condition, asked, period)]
    return Journeys(ratings, ratings - with_events, last, in_sequence, not_used)


def not_in_journeys(
    database: Database[Document], rating: Filter, asked: Period, period: Period
) -> Iterator[LeftOut]:
    """Yield which ratings and events are not counted."""
    ratings = usable(database, Kind.FEEDBACK, period)
    yield from not_counted(database, Kind.FEEDBACK, asked, ratings, rating)
    arrays = may_be_arrays(database, Kind.EVENTS, period.condition(), "timestamp", "event_type")
    events = replace(period, dates_only=arrays)
    yield from not_counted(database, Kind.EVENTS, asked, events)
    without_type = lacking("event_type", "string", events.condition())
    if arrays:
        without_type["$or"].append({"event_type": {"$type": "array"}} | events.condition())
    yield from left_out(database, Kind.EVENTS, Reason.NO_TYPE, without_type)


def count_on_server(
    database: Database[Document], condition: Filter, window: timedelta, period: Period
) -> tuple[Document, Document]:
    """Count the steps on the server, before ratings and among all events."""
    before = aggregate(database, Kind.FEEDBACK, before_ratings(condition, window, period))
    if not total(before["with_events"]):
        return before, {}
    events = usable_events(database, window, period)
    return before, aggregate(database, Kind.EVENTS, among_all(before, events, window, period))


def count_in_client(
    database: Database[Document], condition: Filter, window: timedelta, period: Period
) -> tuple[Document, Document]:
    """Count the same in the client, for servers without window functions."""
    ratings = {"$and": [condition, period.condition()]}
    events = usable_events(database, window, period)
    counts = sequences.Counts(period.since, window)
    sequences.count_sequences(database, ratings, events, counts)
    return sequences.before(counts, COMPARED), sequences.everywhere(counts)


def aggregate(database: Database[Document], kind: Kind, pipeline: Pipeline) -> Document:
    """Return the only document in a pipeline's result."""
    [result] = database[kind.collection].aggregate(pipeline, allowDiskUse=True)
    return result


def total(counted: Iterable[Document]) -> int:
    """Return the number that `TOTAL` counted, which has no result for zero."""
    return sum(each["count"] for each in counted)


def before_ratings(condition: Filter, window: timedelta, period: Period) -> Pipeline:
    """Return the pipeline from feedback to the most frequent steps before it."""
    return [
        {"$match": {"$and": [condition, replace(period, dates_only=True).condition()]}},
        {"$lookup": last_events(window)},
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


def last_events(window: timedelta) -> dict[str, Any]:
    """Return the `$lookup` of the last three events before a feedback, the newest first."""
    start = {"$subtract": ["$$rated", window // MILLISECOND]}
    in_window = [{"$gte": ["$timestamp", start]}, {"$lt": ["$timestamp", "$$rated"]}]
    return {
        "from": Kind.EVENTS.collection,
        "localField": "user_id",
        "foreignField": "user_id",
        "let": {"rated": "$timestamp"},
        "pipeline": [
            {
                "$match": {
                    "$expr": {"$and": in_window},
                    "event_type": {"$type": "string"} | NO_ARRAY,
                }
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


def among_all(
    before: Mapping[str, Any], events: Filter, window: timedelta, period: Period
) -> Pipeline:
    """Return the pipeline from events to the counts of the steps in `before`.

    Each event of the period ends one sequence, which may begin before the period.
    """
    return [
        {"$match": events},
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


def usable_events(database: Database[Document], window: timedelta, period: Period) -> Filter:
    """Return the filter for the events of a period, and before it, that can be steps."""
    events = of_users_in(window, period)
    condition = {"$and": [events, {"event_type": {"$gte": ""}}]}
    if may_be_arrays(database, Kind.EVENTS, events, *NEEDED):
        condition["$and"] += [{field: NO_ARRAY} for field in NEEDED]
    return condition


def of_users_in(window: timedelta, period: Period) -> Filter:
    """Return the filter for the events of a period, and of the window before it."""
    since = max(period.since or EARLIEST, EARLIEST + window) - window
    # The condition on the user makes this a covered query.
    return {"user_id": {"$gte": ""}} | Period(since, period.until).condition()


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
