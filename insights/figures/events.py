"""The figures of the events in a period, compared with the period before."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from insights.figures.beginnings import is_late, late_beginning
from insights.figures.days import DAY, by_start, start_of, starts_of
from insights.queries.periods import Period, earlier
from insights.queries.scopes import Scope, Stage

# Types beyond the most frequent are only counted.
NAMED = 20

ACTIVE_DAYS = {"day": 1, "week": 7, "month": 30}


@dataclass(frozen=True)
class TypeCount:
    """A type of event, with its numbers of events and users."""

    event_type: str
    count: int
    users: int


@dataclass(frozen=True)
class Active:
    """The users with events in the last 1, 7 and 30 days of a period."""

    day: int
    week: int
    month: int


@dataclass(frozen=True)
class ActiveBefore:
    """The users with events in the 1, 7 and 30 days before those; None without data."""

    day: int | None
    week: int | None
    month: int | None


@dataclass(frozen=True)
class EventsDay:
    """The events of one calendar day in UTC, or of an hour, whose start is the `day`.

    `types` is limited to `EventsSummary.types`.
    """

    day: date
    count: int
    users: int
    types: dict[str, int]


@dataclass(frozen=True)
class EventsSummary:
    """The events of a period.

    `begins` is when the first event happened, if that is too late to compare the counts.
    `types` are the 20 most frequent; events of another type are counted in `others`.
    """

    count: int
    previous_count: int
    begins: datetime | None
    types: list[TypeCount]
    others: int
    active: Active
    previous_active: ActiveBefore
    daily: list[EventsDay]


def summarize_events(found: Scope, before: Period, begins: datetime | None) -> EventsSummary:
    """Return the figures of the events in a scope, compared with the period before."""
    types = frequent_types(found)
    daily = events_days(found, [each.event_type for each in types])
    count = sum(day.count for day in daily)
    return EventsSummary(
        count=count,
        previous_count=found.during(before).count(),
        begins=begins,
        types=types,
        others=count - sum(each.count for each in types),
        active=active_users(found),
        previous_active=active_before(found),
        daily=daily,
    )


def frequent_types(found: Scope) -> list[TypeCount]:
    """Return the most frequent types of a scope."""
    # Other programs may have stored events without a type. They count as others.
    has_type = {"event_type": {"$type": "string"}}
    pipeline: list[Stage] = [
        {
            "$group": {
                "_id": {"event_type": "$event_type", "user_id": "$user_id"},
                "count": {"$sum": 1},
            }
        },
        {"$group": {"_id": "$_id.event_type", "count": {"$sum": "$count"}, "users": {"$sum": 1}}},
        # An array with a text in it is no type either.
        {"$addFields": {"is_array": {"$isArray": "$_id"}}},
        {"$match": {"is_array": False}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": NAMED},
    ]
    return [
        TypeCount(each["_id"], each["count"], each["users"])
        for each in found.aggregate(pipeline, has_type)
    ]


def events_days(found: Scope, types: list[str], length: timedelta = DAY) -> list[EventsDay]:
    """Return the events of each day or hour by these types, including those without any."""
    pipeline: list[Stage] = [
        {"$group": {"_id": {"day": start_of(length), "user": "$user_id"}, "count": {"$sum": 1}}},
        {"$group": {"_id": "$_id.day", "count": {"$sum": "$count"}, "users": {"$sum": 1}}},
    ]
    counted = by_start(found.aggregate(pipeline), length)
    counted_types = types_by_day(found, types, length)
    nothing = {"count": 0, "users": 0}
    return [
        EventsDay(day=day, types=counted_types.get(day, {}), **counted.get(day, nothing))
        for day in starts_of(found.period, length)
    ]


def types_by_day(found: Scope, types: list[str], length: timedelta) -> dict[date, dict[str, int]]:
    """Return the numbers of events by day or hour, and type; those without any are absent."""
    pipeline: list[Stage] = [
        {"$group": {"_id": {"day": start_of(length), "type": "$event_type"}, "count": {"$sum": 1}}},
        {"$group": {"_id": "$_id.day", "types": {"$push": {"k": "$_id.type", "v": "$count"}}}},
    ]
    counted = by_start(found.aggregate(pipeline, {"event_type": {"$in": types}}), length)
    return {
        day: dict(sorted((each["k"], each["v"]) for each in types if isinstance(each["k"], str)))
        for day, types in ((day, each["types"]) for day, each in counted.items())
    }


def active_users(found: Scope) -> Active:
    """Return the numbers of users with events in the last days of a scope, or before it."""
    until = found.period.end
    beginnings = {name: earlier(until, days * DAY) for name, days in ACTIVE_DAYS.items()}
    pipeline: list[Stage] = [
        {"$group": {"_id": "$user_id", "last": {"$max": "$timestamp"}}},
        {
            "$group": {
                "_id": None,
                **{
                    name: {"$sum": {"$cond": [{"$gte": ["$last", since]}, 1, 0]}}
                    for name, since in beginnings.items()
                },
            }
        },
        {"$project": {"_id": False}},
    ]
    counted = found.during(Period(min(beginnings.values()), until)).aggregate(pipeline)
    return Active(**counted[0]) if counted else Active(0, 0, 0)


def active_before(found: Scope) -> ActiveBefore:
    """Return the numbers of users with events in as many days before the last ones of a scope.

    One query for each is faster than one for all, because an index covers it.
    """
    spans = {}
    for name, days in ACTIVE_DAYS.items():
        until = earlier(found.period.end, days * DAY)
        spans[name] = Period(earlier(until, days * DAY), until)
    begins = late_beginning(found, spans["month"])
    return ActiveBefore(
        **{
            name: None if begins and is_late(begins, span) else count_users(found.during(span))
            for name, span in spans.items()
        }
    )


def count_users(found: Scope) -> int:
    """Return the number of users in a scope."""
    pipeline: list[Stage] = [
        {"$group": {"_id": "$user_id"}},
        {"$group": {"_id": None, "users": {"$sum": 1}}},
    ]
    counted = found.aggregate(pipeline)
    return int(counted[0]["users"]) if counted else 0
