"""The figures of the events in a period, compared with the period before."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from insights.figures.beginnings import is_late, late_beginning
from insights.figures.days import DAY, named, start_of, starts_of
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
    counted = counts_by_type(found)
    names = [each["_id"] for each in counted if each["_id"] is not None][:NAMED]
    users = users_by_value(found, names, is_complete=len(names) == len(counted))
    types = [
        TypeCount(each["_id"], each["count"], users.get(each["_id"], 0))
        for each in counted
        if each["_id"] in names
    ]
    daily = to_days(found, counted, names, users)
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


def counts_by_type(found: Scope, length: timedelta = DAY) -> list[Document]:
    """Return the counts of the most frequent types, in all and by day or hour.

    Other programs may have stored events without a text as type: they are of the type None. One
    type more than are named tells that there are others.
    """
    by_start = {"start": start_of(length), "type": "$event_type"}
    is_text = {"$eq": [{"$type": "$_id.type"}, "string"]}
    pipeline: list[Stage] = [
        {"$group": {"_id": by_start, "count": {"$sum": 1}}},
        # Each of many numbers as type would be an element of the same array.
        {
            "$group": {
                "_id": {"start": "$_id.start", "type": {"$cond": [is_text, "$_id.type", None]}},
                "count": {"$sum": "$count"},
            }
        },
        {
            "$group": {
                "_id": "$_id.type",
                "count": {"$sum": "$count"},
                "starts": {"$push": {"start": "$_id.start", "count": "$count"}},
            }
        },
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": NAMED + 2},
    ]
    return found.aggregate(pipeline)


def users_by_value(
    found: Scope, types: list[str], length: timedelta = DAY, *, is_complete: bool = False
) -> dict[str | datetime, int]:
    """Return the numbers of users by type, of these types, and by start of each day or hour.

    They need not be asked for if they are all that there are.
    """
    is_one = {"$in": ["$event_type", {"$literal": types}]}
    of_type = "$event_type" if is_complete else {"$cond": [is_one, "$event_type", None]}
    pipeline: list[Stage] = [
        {
            "$group": {
                "_id": "$user_id",
                "types": {"$addToSet": of_type},
                "starts": {"$addToSet": start_of(length)},
            }
        },
        {"$project": {"value": {"$concatArrays": ["$types", "$starts"]}}},
        {"$unwind": "$value"},
        {"$group": {"_id": "$value", "users": {"$sum": 1}}},
    ]
    return {each["_id"]: each["users"] for each in found.aggregate(pipeline)}


def events_days(found: Scope, types: list[str], length: timedelta = DAY) -> list[EventsDay]:
    """Return the events of each day or hour by these types, including those without any."""
    counted, users = counts_by_type(found, length), users_by_value(found, types, length)
    return to_days(found, counted, types, users, length)


def to_days(
    found: Scope,
    counted: list[Document],
    types: list[str],
    users: Mapping[str | datetime, int],
    length: timedelta = DAY,
) -> list[EventsDay]:
    """Return the days or hours from the counts by type and the numbers of users."""
    by_type: dict[datetime, dict[str, int]] = defaultdict(dict)
    totals = Counter[datetime]()
    for each in counted:
        for own in each["starts"]:
            totals[own["start"]] += own["count"]
            if each["_id"] in types:
                by_type[own["start"]][each["_id"]] = own["count"]
    if len(counted) > NAMED + 1:
        totals = counts_by_start(found, length)
    filled = {
        named(start, length): EventsDay(
            named(start, length), count, users.get(start, 0), dict(sorted(by_type[start].items()))
        )
        for start, count in totals.items()
    }
    return [filled.get(day, EventsDay(day, 0, 0, {})) for day in starts_of(found.period, length)]


def counts_by_start(found: Scope, length: timedelta) -> Counter[datetime]:
    """Return the numbers of events of all types by day or hour."""
    pipeline: list[Stage] = [{"$group": {"_id": start_of(length), "count": {"$sum": 1}}}]
    return Counter({each["_id"]: each["count"] for each in found.aggregate(pipeline)})


def active_users(found: Scope) -> Active:
    """Return the numbers of users with events in the last days of a scope, or before it."""
    until = found.period.end
    return Active(
        **{
            name: users_in(found.during(Period(earlier(until, days * DAY), until)))
            for name, days in ACTIVE_DAYS.items()
        }
    )


def active_before(found: Scope) -> ActiveBefore:
    """Return the numbers of users with events in as many days before the last ones of a scope."""
    spans = {}
    for name, days in ACTIVE_DAYS.items():
        until = earlier(found.period.end, days * DAY)
        spans[name] = Period(earlier(until, days * DAY), until)
    begins = late_beginning(found, spans["month"])
    return ActiveBefore(
        **{
            name: None if begins and is_late(begins, span) else users_in(found.during(span))
            for name, span in spans.items()
        }
    )


def users_in(found: Scope) -> int:
    """Return the number of users with events in a scope."""
    # MongoDB skips from user to user in an index, if there is nothing else to group, and a
    # condition on the user.
    anyone: Stage = {"user_id": {"$nin": []}}
    pipeline: list[Stage] = [
        {"$group": {"_id": "$user_id"}},
        {"$group": {"_id": None, "users": {"$sum": 1}}},
    ]
    return sum(each["users"] for each in found.aggregate(pipeline, anyone))
