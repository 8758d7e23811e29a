"""The figures of the events in a period, compared with the period before."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from insights.figures.days import DAY, START_OF_DAY, by_day, days_of
from insights.kinds import Document
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
class EventsDay:
    """The events of one calendar day in UTC. `types` is limited to `EventsSummary.types`."""

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
    daily: list[EventsDay]


def summarize_events(found: Scope, before: Period, begins: datetime | None) -> EventsSummary:
    """Return the figures of the events in a scope, compared with the period before."""
    counted = counts_by_type(found)
    names = [each["_id"] for each in counted if each["_id"] is not None][:NAMED]
    users = users_by_value(found, names)
    types = [
        TypeCount(each["_id"], each["count"], users.get(each["_id"], 0))
        for each in counted
        if each["_id"] in names
    ]
    daily = events_days(found, counted, names, users)
    count = sum(day.count for day in daily)
    return EventsSummary(
        count=count,
        previous_count=found.during(before).count(),
        begins=begins,
        types=types,
        others=count - sum(each.count for each in types),
        active=active_users(found),
        daily=daily,
    )


def counts_by_type(found: Scope) -> list[Document]:
    """Return the counts of the most frequent types, in all and by day.

    Other programs may have stored events without a text as type: they are of the type None. One
    type more than are named tells that there are others.
    """
    is_text = {"$eq": [{"$type": "$_id.type"}, "string"]}
    pipeline: list[Stage] = [
        {"$group": {"_id": {"day": START_OF_DAY, "type": "$event_type"}, "count": {"$sum": 1}}},
        {
            "$group": {
                "_id": {"$cond": [is_text, "$_id.type", None]},
                "count": {"$sum": "$count"},
                "days": {"$push": {"day": "$_id.day", "count": "$count"}},
            }
        },
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": NAMED + 2},
    ]
    return found.aggregate(pipeline)


def users_by_value(found: Scope, types: list[str]) -> dict[str | datetime, int]:
    """Return the numbers of users by type, of these types, and by the start of each day."""
    of_type = {"$cond": [{"$in": ["$event_type", {"$literal": types}]}, "$event_type", None]}
    pipeline: list[Stage] = [
        {
            "$group": {
                "_id": "$user_id",
                "types": {"$addToSet": of_type},
                "days": {"$addToSet": START_OF_DAY},
            }
        },
        {"$project": {"value": {"$concatArrays": ["$types", "$days"]}}},
        {"$unwind": "$value"},
        {"$group": {"_id": "$value", "users": {"$sum": 1}}},
    ]
    return {each["_id"]: each["users"] for each in found.aggregate(pipeline)}


def events_days(
    found: Scope,
    counted: list[Document],
    types: list[str],
    users: Mapping[str | datetime, int],
) -> list[EventsDay]:
    """Return the events of each day, including days without any, by these types."""
    by_type: dict[date, dict[str, int]] = defaultdict(dict)
    totals = Counter[date]()
    for each in counted:
        for own in each["days"]:
            totals[own["day"].date()] += own["count"]
            if each["_id"] in types:
                by_type[own["day"].date()][each["_id"]] = own["count"]
    if len(counted) > NAMED + 1:
        totals = all_by_day(found)
    users_on = {day.date(): number for day, number in users.items() if isinstance(day, datetime)}
    return [
        EventsDay(day, totals[day], users_on.get(day, 0), dict(sorted(by_type[day].items())))
        for day in days_of(found.period)
    ]


def all_by_day(found: Scope) -> Counter[date]:
    """Return the numbers of events of all types by day."""
    pipeline: list[Stage] = [{"$group": {"_id": START_OF_DAY, "count": {"$sum": 1}}}]
    return Counter({day: each["count"] for day, each in by_day(found.aggregate(pipeline)).items()})


def active_users(found: Scope) -> Active:
    """Return the numbers of users with events in the last days of a scope, or before it."""
    until = found.period.end
    return Active(
        **{
            name: users_in(found.during(Period(earlier(until, days * DAY), until)))
            for name, days in ACTIVE_DAYS.items()
        }
    )


def users_in(found: Scope) -> int:
    """Return the number of users with events in a scope."""
    # MongoDB skips from user to user in an index, if there is nothing else to group.
    pipeline: list[Stage] = [
        {"$group": {"_id": "$user_id"}},
        {"$group": {"_id": None, "users": {"$sum": 1}}},
    ]
    return sum(each["users"] for each in found.aggregate(pipeline))
