"""The calendar days, or hours, in UTC that a period covers."""

from datetime import date, datetime, timedelta

from insights.kinds import Document
from insights.queries.periods import FIRST_TIME, Period

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

MILLISECOND = timedelta(milliseconds=1)


def start_of(length: timedelta) -> Document:
    """Return the expression for the start of a document's day or hour in UTC.

    `$dateTrunc` takes twice as long. Days count from the year 1, because the remainder of a
    negative number is negative.
    """
    within = {"$mod": [{"$subtract": ["$timestamp", FIRST_TIME]}, length // MILLISECOND]}
    return {"$subtract": ["$timestamp", within]}


def starts_of(period: Period, length: timedelta = DAY) -> list[date]:
    """Return the days or hours in UTC that a period with both ends covers, even in part.

    A day is its date, an hour the time of its start.
    """
    first = period.start - (period.start - FIRST_TIME) % length
    number = -((first - period.end) // length)
    return [named(first + each * length, length) for each in range(number)]


def by_start(documents: list[Document], length: timedelta) -> dict[date, Document]:
    """Return documents by day or hour; their `_id` is its start."""
    return {named(each.pop("_id"), length): each for each in documents}


def named(start: datetime, length: timedelta) -> date:
    """Return the date of a day, or the time of an hour."""
    return start.date() if length == DAY else start
