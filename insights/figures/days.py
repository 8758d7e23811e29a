"""The calendar days in UTC that a period covers."""

from datetime import date, timedelta

from insights.kinds import Document
from insights.queries.periods import FIRST_TIME, Period

DAY = timedelta(days=1)
DAY_MILLISECONDS = 24 * 60 * 60 * 1000

# The start of a document's calendar day in UTC. `$dateTrunc` takes twice as long. Days count from
# the year 1, because the remainder of a negative number is negative.
IN_DAY = {"$mod": [{"$subtract": ["$timestamp", FIRST_TIME]}, DAY_MILLISECONDS]}
START_OF_DAY = {"$subtract": ["$timestamp", IN_DAY]}


def days_of(period: Period) -> list[date]:
    """Return the calendar days in UTC that a period with both ends covers, even in part."""
    first, last = period.start.date(), (period.end - timedelta(microseconds=1)).date()
    return [first + number * DAY for number in range((last - first).days + 1)]


def by_day(documents: list[Document]) -> dict[date, Document]:
    """Return documents by day; their `_id` is its start."""
    return {each.pop("_id").date(): each for each in documents}
