"""Journeys: what users did before they gave a rating, against what all users do."""

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

# More are compared with all events than are shown: between equal counts the lift decides.
COMPARED = 100

MILLISECOND = timedelta(milliseconds=1)
EARLIEST = datetime.min.replace(tzinfo=UTC)

# Events of one batch often have the same millisecond. ObjectIds, and event_ids that are UUIDs of
# version 7, tell their order.
IN_ORDER = {"timestamp": 1, "_id": 1}
NEWEST_FIRST = {"timestamp": -1, "_id": -1}

STEPS = "$_id.steps"
LAST = {"$slice": [STEPS, -1]}
# What a step needs; an array with such a value in it is none.
NO_ARRAY = {"$not": {"$type": "array"}}
NEEDED = ("user_id", "event_type", "timestamp")

WITH_EVENTS: dict[str, Any] = {"$match": {"_id.steps": {"$ne": []}}}
TOTAL = [{"$group": {"_id": None, "count": {"$sum": "$count"}}}]

Pipeline = list[dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """One to three event types in their order, and how often they come before a rating.

    `before` counts ratings, of `users` different users. `share_before` is their share of the
    ratings that have events in the window, `share_all` that of all users' events; both are 0 to 1.
    `lift` is how many times as large the first is, None where the second is 0.
    """

    steps: tuple[str, ...]
    before: int
    share_before: float
    share_all: float
    lift: float | None
    users: int


@dataclass(frozen=True)
class Journeys:
    """What came before the ratings: `last` events, and `sequences` of the last three.

    A sequence of fewer is all that there was in the window. Both lists have at most ten, the most
    frequent first, then by lift. `ratings` counts all ratings, `without_events` those of them that
    have no event in the window. `left_out` are ratings without a date, and events without a date or
    a type.
    """

    ratings: int
    without_events: int
    last: list[Step]
    sequences: list[Step]
    left_out: list[LeftOut]

    @property
    def with_events(self) -> int:
        """How many ratings have an event in the window."""
        return self.ratings - self.without_events


def find_journeys(  # noqa: PLR0913, PLR0917 (each is a part of the question)
    database: Database[Document],
    settings: Settings,
    sentiment: str,
    window: timedelta,
    period: Period,
    now: datetime,
) -> Journeys:
    """Return what users did in the `window` before they gave a rating in the period.

    `sentiment` is one of `Sentiment`'s values, or else an exact rating. An event at the very time
    of the rating does not come before it. What was before is compared with all events of all users
    in the period: with their types, and with the sequences that end with each of them.
    """
    # Without an end, the second query could find more than the first.
    asked, period = period, period.so_far(now)
    condition = rated(sentiment, settings.feedback_ratings)
    try:
        before, everywhere = count_there(database, condition, window, period)
    except OperationFailure as error:
        if error.code not in UNSUPPORTED:
            raise
        before, everywhere = count_here(database, condition, window, period)
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
    without_type: list[Filter] = [lacking("event_type", "string")]
    without_type += [{"event_type": {"$type": "array"}}] if arrays else []
    condition = {"$and": [events.condition(), {"$or": without_type}]}
    yield from left_out(database, Kind.EVENTS, Reason.NO_TYPE, condition)


def count_there(
    database: Database[Document], condition: Filter, window: timedelta, period: Period
) -> tuple[Document, Document]:
    """Have the server count the steps before ratings, and among all events."""
    before = aggregate(database, Kind.FEEDBACK, before_ratings(condition, window, period))
    if not total(before["with_events"]):
        return before, {}
    events = usable_events(database, window, period)
    return before, aggregate(database, Kind.EVENTS, among_all(before, events, window, period))


def count_here(
    database: Database[Document], condition: Filter, window: timedelta, period: Period
) -> tuple[Document, Document]:
    """Count the same here, where the server has no window functions."""
    ratings = {"$and": [condition, period.condition()]}
    events = usable_events(database, window, period)
    counts = sequences.Counts(period.since, window)
    sequences.count_sequences(database, ratings, events, counts)
    return sequences.before(counts, COMPARED), sequences.everywhere(counts)


def aggregate(database: Database[Document], kind: Kind, pipeline: Pipeline) -> Document:
    """Return the one document that a pipeline results in."""
    [result] = database[kind.collection].aggregate(pipeline, allowDiskUse=True)
    return result


def total(counted: Iterable[Document]) -> int:
    """Return the number that a pipeline ending in `TOTAL` gave: nothing where there is nothing."""
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
    """Return the pipeline to the steps before most ratings; none of them is empty."""
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
    """Return the pipeline from events to how often there are the steps that came before ratings.

    Each event of the period is the last of one sequence, which may begin before the period.
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
    """Return the filter for the events of a period, and for those that may lead up to them."""
    since = max(period.since or EARLIEST, EARLIEST + window) - window
    # The condition on the user lets the index alone answer: it has all that is needed.
    return {"user_id": {"$gte": ""}} | Period(since, period.until).condition()


def last_three() -> dict[str, Any]:
    """Return the `$setWindowFields` that gives each event the last three of its user there."""
    event = {"event_type": "$event_type", "timestamp": "$timestamp"}
    return {
        "partitionBy": "$user_id",
        "sortBy": IN_ORDER,
        "output": {"events": {"$push": event, "window": {"documents": [-2, "current"]}}},
    }


def types_within(window: timedelta) -> dict[str, Any]:
    """Return the expression for the types of an event's last three that are in its window."""
    start = {"$subtract": ["$timestamp", window // MILLISECOND]}
    in_window = {"$filter": {"input": "$events", "cond": {"$gt": ["$$this.timestamp", start]}}}
    return {"$map": {"input": in_window, "in": "$$this.event_type"}}


def counts(steps: str | dict[str, Any], wanted: Iterable[Document]) -> Pipeline:
    """Return the pipeline to the numbers of events that the wanted steps end with."""
    return [
        {"$group": {"_id": steps, "count": {"$sum": "$count"}}},
        {"$match": {"_id": {"$in": [each["_id"] for each in wanted]}}},
    ]


def compare(
    before: Iterable[Document], ratings: int, everywhere: Iterable[Document], events: int
) -> list[Step]:
    """Return the steps before ratings beside their shares of all events, in order."""
    numbers = {tuple(each["_id"]): each["count"] for each in everywhere}
    steps = (
        to_step(each, ratings, numbers.get(tuple(each["_id"]), 0) / max(events, 1))
        for each in before
    )
    return sorted(steps, key=rank)[:SHOWN]


def to_step(found: Document, ratings: int, share_all: float) -> Step:
    """Return what was found before so many ratings beside its share of all events."""
    share = found["before"] / ratings
    lift = share / share_all if share_all else None
    return Step(tuple(found["_id"]), found["before"], share, share_all, lift, found["users"])


def rank(step: Step) -> tuple[float, float, tuple[str, ...]]:
    """Return by what steps are sorted: the most frequent first, then those of the greatest lift."""
    return -step.before, -(inf if step.lift is None else step.lift), step.steps
