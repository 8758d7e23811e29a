"""Steps counted on the server: before the ratings of two groups, and among all events.

One pass gathers the events and the ratings of each user in order, which takes a fifth of the time
of a `$lookup` for each rating.
"""

from datetime import UTC, datetime, timedelta

from insights.kinds import Document, Kind
from insights.queries.filters import Filter, all_of
from insights.queries.left_out import may_be_arrays
from insights.queries.periods import Period
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Expression, let

SHOWN = 10

MILLISECOND = timedelta(milliseconds=1)
EARLIEST = datetime.min.replace(tzinfo=UTC)

# The events of a batch often share a millisecond. ObjectIds and version 7 UUIDs keep their order.
IN_ORDER = {"user_id": 1, "timestamp": 1, "_id": 1}

# The strides of a binary search through as many events as a document can hold.
STRIDES = [2**power for power in range(22, -1, -1)]

STEPS = "$_id.steps"
LAST = {"$slice": [STEPS, -1]}
HAS_STEPS = {"$ne": [STEPS, []]}
NUMBERS = ("wanted", "contrast", "events")
WITH_STEPS: Stage = {"$match": {"_id.steps": {"$ne": []}}}
OF_RATINGS: Stage = {"$match": {"_id.user": {"$exists": True}}}

HAS_USER: Filter = {"user_id": {"$ne": None}}
# An event with an array in one of the fields of a step has no step.
NO_ARRAY = {"$not": {"$type": "array"}}
NEEDED = ("user_id", "event_type", "timestamp")

Pipeline = list[Stage]


def count_on_server(ratings: Scope, groups: Pipeline, events: Scope, window: timedelta) -> Document:
    """Count the steps before the ratings of both groups, and among all events.

    `ratings` are the numbers of ratings with steps and without, and of all `events`. `users` are
    the numbers of ratings with steps that users gave in each group. `last` and `sequences` are the
    steps that are most frequent before wanted ratings.
    """
    pipeline = [*rows(ratings, groups, events, window), {"$facet": figures()}]
    collection = events.database[Kind.EVENTS.collection]
    [counted] = collection.aggregate(pipeline, allowDiskUse=True)
    return counted


def rows(ratings: Scope, groups: Pipeline, events: Scope, window: timedelta) -> Pipeline:
    """Return the pipeline over the events to the numbers of each step.

    Those of ratings are by steps and user, with `all_wanted` and `all_contrast`, the user's ratings
    that have steps. Those of events, each of which ends one sequence, are by steps alone.
    """
    return [
        {"$match": usable_events(events, window)},
        {"$sort": IN_ORDER},
        {"$project": {"_id": 0, "user_id": 1, "time": "$timestamp", "type": "$event_type"}},
        with_ratings(ratings, groups),
        # The events come first, in the order of the sort.
        {
            "$group": {"_id": "$user_id"}
            | {
                name: {"$push": f"${field}"}
                for name, field in {
                    "times": "time",
                    "types": "type",
                    "rated": "rated",
                }.items()
            }
        },
        {"$project": {"rated": before_ratings(window), "events": up_to_events(window, events)}},
        {
            "$project": {
                "row": {"$concatArrays": ["$rated", "$events"]},
                "all_wanted": total("wanted"),
                "all_contrast": total("contrast"),
            }
        },
        {"$unwind": "$row"},
        {
            "$group": {
                "_id": {"steps": "$row.steps", "user": "$row.user"},
                **{name: {"$sum": f"$row.{name}"} for name in NUMBERS},
                "all_wanted": {"$first": "$all_wanted"},
                "all_contrast": {"$first": "$all_contrast"},
            }
        },
    ]


def with_ratings(ratings: Scope, groups: Pipeline) -> Stage:
    """Return the stage that adds the ratings of both groups."""
    return {
        "$unionWith": {
            "coll": Kind.FEEDBACK.collection,
            "pipeline": [
                {"$match": ratings.condition(usable_ratings(ratings))},
                *groups,
                {
                    "$project": {
                        "user_id": 1,
                        "rated": {"time": "$timestamp", "is_wanted": "$is_wanted"},
                    }
                },
            ],
        }
    }


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


def before_ratings(window: timedelta) -> Expression:
    """Return the expression for the rows of a user's ratings: the steps before each."""
    start = {"$subtract": ["$$rating.time", window // MILLISECOND]}
    row = {
        "steps": last_three("$$end", start),
        "user": "$_id",
        "wanted": {"$cond": ["$$rating.is_wanted", 1, 0]},
        "contrast": {"$cond": ["$$rating.is_wanted", 0, 1]},
    }
    return for_each("rating", "$rated", let("end", before("$$rating.time"), row))


def up_to_events(window: timedelta, events: Scope) -> Expression:
    """Return the expression for the rows of a user's events: the steps that each ends."""
    first = before(events.period.since) if events.period.since else 0
    start = {"$subtract": [at("times", "$$event"), window // MILLISECOND]}
    second, third = ({"$subtract": ["$$event", number]} for number in (1, 2))
    steps = {
        "$switch": {
            "branches": [
                {"case": is_within(third, "$gt", start), "then": types_from(third, 3)},
                {"case": is_within(second, "$gt", start), "then": types_from(second, 2)},
            ],
            "default": types_from("$$event", 1),
        }
    }
    row = {"steps": steps, "events": 1}
    return for_each("event", {"$range": [first, {"$size": "$times"}]}, row)


def before(time: object) -> Expression:
    """Return the expression for the number of a user's events before a time: a binary search."""
    end = {"$add": ["$$value", "$$this"]}
    is_before = {"$lt": [at("times", {"$subtract": [end, 1]}), time]}
    size = {"$size": "$times"}
    strides = {"$filter": {"input": STRIDES, "cond": {"$lte": ["$$this", size]}}}
    further = {"$cond": [{"$and": [{"$lte": [end, size]}, is_before]}, end, "$$value"]}
    return {"$reduce": {"input": strides, "initialValue": 0, "in": further}}


def last_three(end: str, start: object) -> Expression:
    """Return the expression for the types of the last three events before the position `end`.

    Those before the time `start` are left out.
    """
    firsts = {number: {"$subtract": [end, number]} for number in (3, 2, 1)}
    return {
        "$switch": {
            "branches": [
                {"case": is_within(first, "$gte", start), "then": types_from(first, number)}
                for number, first in firsts.items()
            ],
            "default": [],
        }
    }


def is_within(position: Expression, operator: str, start: object) -> Expression:
    """Return the expression for whether there is an event at a position, after `start`."""
    return {"$and": [{"$gte": [position, 0]}, {operator: [at("times", position), start]}]}


def types_from(position: str | Expression, number: int) -> Expression:
    """Return the expression for the types of so many events from a position on."""
    return {"$slice": ["$types", position, number]}


def at(field: str, index: object) -> Expression:
    """Return the expression for an element of an array."""
    return {"$arrayElemAt": [f"${field}", index]}


def for_each(name: str, elements: str | Expression, result: Expression) -> Expression:
    """Return the expression for an array of results."""
    return {"$map": {"input": elements, "as": name, "in": result}}


def total(name: str) -> Expression:
    """Return the expression for the number of a user's ratings of a group that have steps."""
    with_steps = {"$filter": {"input": "$rated", "cond": {"$ne": ["$$this.steps", []]}}}
    return {"$sum": {"$map": {"input": with_steps, "in": f"$$this.{name}"}}}


def figures() -> dict[str, Pipeline]:
    """Return the pipelines from the numbers of steps to the results."""
    return {
        "ratings": [
            {"$group": {"_id": HAS_STEPS} | {name: {"$sum": f"${name}"} for name in NUMBERS}}
        ],
        "users": [
            OF_RATINGS,
            WITH_STEPS,
            {
                "$group": {
                    "_id": "$_id.user",
                    "wanted": {"$first": "$all_wanted"},
                    "contrast": {"$first": "$all_contrast"},
                }
            },
            {
                "$group": {
                    "_id": {"wanted": "$wanted", "contrast": "$contrast"},
                    "users": {"$sum": 1},
                }
            },
        ],
        "last": [WITH_STEPS, by_last_step(), *most_frequent()],
        "sequences": [WITH_STEPS, *most_frequent()],
    }


def by_last_step() -> Stage:
    """Return the stage that adds up the numbers of steps with the same last event."""
    return {
        "$group": {
            "_id": {"steps": LAST, "user": "$_id.user"},
            **{name: {"$sum": f"${name}"} for name in NUMBERS},
            **{name: {"$first": f"${name}"} for name in ("all_wanted", "all_contrast")},
        }
    }


def most_frequent() -> Pipeline:
    """Return the pipeline from the numbers of steps to the most frequent before wanted ratings.

    Among equals, the rarest before contrasting ratings come first. Users with equal numbers are one
    of the `profiles`, in the order of the fields of `Profile`.
    """
    profile = ["wanted", "all_wanted", "contrast", "all_contrast"]
    # The rows of events have neither, and no user.
    is_user = {"$gt": [{"$add": ["$wanted", "$contrast"]}, 0]}
    return [
        {
            "$group": {
                "_id": {"steps": STEPS} | {name: f"${name}" for name in profile},
                "users": {"$sum": {"$cond": [is_user, 1, 0]}},
                "events": {"$sum": "$events"},
            }
        },
        {
            "$group": {
                # An array would be sorted by its smallest element.
                "_id": {"steps": STEPS},
                "events": {"$sum": "$events"},
                **{
                    name: {"$sum": {"$multiply": ["$users", f"$_id.{name}"]}}
                    for name in ("wanted", "contrast")
                },
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
