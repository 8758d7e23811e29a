"""Steps counted on the server: before the ratings of two groups, and among all events."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from insights.kinds import Document, Kind
from insights.queries.filters import Filter, all_of
from insights.queries.left_out import may_be_arrays
from insights.queries.periods import Period
from insights.queries.scopes import Scope, Stage

SHOWN = 10

MILLISECOND = timedelta(milliseconds=1)
EARLIEST = datetime.min.replace(tzinfo=UTC)

# The events of a batch often share a millisecond. ObjectIds and version 7 UUIDs keep their order.
IN_ORDER = {"timestamp": 1, "_id": 1}
NEWEST_FIRST = {"timestamp": -1, "_id": -1}

STEPS = "$_id.steps"
LAST = {"$slice": [STEPS, -1]}
HAS_STEPS = {"$ne": [STEPS, []]}
WITH_STEPS: Stage = {"$match": {"_id.steps": {"$ne": []}}}

HAS_USER: Filter = {"user_id": {"$ne": None}}
# An event with an array in one of the fields of a step has no step.
NO_ARRAY = {"$not": {"$type": "array"}}
NEEDED = ("user_id", "event_type", "timestamp")

Pipeline = list[Stage]


def count_on_server(
    ratings: Scope, groups: Pipeline, events: Scope, window: timedelta
) -> tuple[Document, Document]:
    """Count the steps before the ratings of both groups, and the most frequent among all events."""
    pipeline = [*groups, *before_ratings(window, events.matching)]
    [before] = ratings.aggregate(pipeline, usable_ratings(ratings))
    if not before["last"]:
        return before, {}
    [everywhere] = events.database[Kind.EVENTS.collection].aggregate(
        [{"$match": usable_events(events, window)}, *among_all(before, window, events.period)],
        allowDiskUse=True,
    )
    return before, everywhere


def usable_ratings(ratings: Scope) -> Filter:
    """Return the filter for the ratings of a scope that are of a user."""
    arrays = may_be_arrays(ratings.database, Kind.FEEDBACK, ratings.condition(), "user_id")
    return all_of(HAS_USER, {"user_id": NO_ARRAY} if arrays else {})


def usable_events(events: Scope, window: timedelta) -> Filter:
    """Return the filter for the events of a scope, and those just before it, that can be steps."""
    since = max(events.period.since or EARLIEST, EARLIEST + window) - window
    in_time = Period(since, events.period.until).condition()
    # The condition on the user makes this a covered query.
    condition = all_of(HAS_USER, in_time, events.matching)
    arrays: list[Filter] = []
    if may_be_arrays(events.database, Kind.EVENTS, condition, *NEEDED):
        arrays = [{field: NO_ARRAY} for field in NEEDED]
    return all_of(condition, {"event_type": {"$gte": ""}}, *arrays)


def before_ratings(window: timedelta, events: Filter) -> Pipeline:
    """Return the pipeline from the ratings of both groups to the most frequent steps before them.

    Each has the `profiles` of the users who took it, in the order of the fields of `Profile`.
    `users` are the numbers of ratings with events that users gave in each group.
    """
    return [
        {"$lookup": last_events(window, events)},
        {
            "$group": {
                "_id": {"steps": {"$reverseArray": "$events.event_type"}, "user": "$user_id"},
                "wanted": {"$sum": {"$cond": ["$is_wanted", 1, 0]}},
                "contrast": {"$sum": {"$cond": ["$is_wanted", 0, 1]}},
            }
        },
        {"$setWindowFields": numbers_of_user()},
        {
            "$facet": {
                "ratings": [{"$group": {"_id": HAS_STEPS} | both("$wanted", "$contrast")}],
                "users": [
                    WITH_STEPS,
                    {"$group": {"_id": "$_id.user"} | both("$wanted", "$contrast")},
                    {
                        "$group": {
                            "_id": {"wanted": "$wanted", "contrast": "$contrast"},
                            "users": {"$sum": 1},
                        }
                    },
                ],
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
                    # An array of users matches each of them.
                    {"user_id": NO_ARRAY, "event_type": {"$type": "string"} | NO_ARRAY},
                    events,
                )
            },
            {"$sort": NEWEST_FIRST},
            {"$limit": 3},
            {"$project": {"_id": 0, "event_type": 1}},
        ],
        "as": "events",
    }


def numbers_of_user() -> dict[str, Any]:
    """Return the `$setWindowFields` that adds the user's numbers of ratings with events."""
    return {
        "partitionBy": {"user": "$_id.user", "has_steps": HAS_STEPS},
        "output": {
            "all_wanted": {"$sum": "$wanted"},
            "all_contrast": {"$sum": "$contrast"},
        },
    }


def both(wanted: Any, contrast: Any) -> dict[str, Any]:  # noqa: ANN401 (expressions)
    """Return the accumulators that sum the numbers of both groups."""
    return {"wanted": {"$sum": wanted}, "contrast": {"$sum": contrast}}


def most_frequent(steps: str | dict[str, Any]) -> Pipeline:
    """Return the pipeline to the steps that are most frequent before wanted ratings.

    Among equals, the rarest before contrasting ratings come first. Users with equal numbers are one
    profile.
    """
    of_user = {
        "all_wanted": {"$first": "$all_wanted"},
        "all_contrast": {"$first": "$all_contrast"},
    }
    profile = ["wanted", "all_wanted", "contrast", "all_contrast"]
    total = both(*({"$multiply": ["$users", f"$_id.{name}"]} for name in ("wanted", "contrast")))
    return [
        WITH_STEPS,
        {
            "$group": {"_id": {"steps": steps, "user": "$_id.user"}}
            | both("$wanted", "$contrast")
            | of_user
        },
        {
            "$group": {
                "_id": {"steps": STEPS} | {name: f"${name}" for name in profile},
                "users": {"$sum": 1},
            }
        },
        {
            "$group": {
                # An array would be sorted by its smallest element.
                "_id": {"steps": STEPS},
                **total,
                # An array alone would be the accumulator's arguments.
                "profiles": {
                    "$push": {"$concatArrays": [["$users", *(f"$_id.{name}" for name in profile)]]}
                },
            }
        },
        {"$match": {"wanted": {"$gt": 0}}},
        {"$sort": {"wanted": -1, "contrast": 1, "_id": 1}},
        {"$limit": SHOWN},
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
                "events": [{"$group": {"_id": None, "count": {"$sum": "$count"}}}],
                "last": counts(LAST, before["last"]),
                "sequences": counts(STEPS, before["sequences"]),
            }
        },
    ]


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
        {"$match": {"_id": {"$in": [each["_id"]["steps"] for each in wanted]}}},
    ]
