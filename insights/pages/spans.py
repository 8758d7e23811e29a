"""The spans of time that one bar of a chart shows: an hour, a day, or whole weeks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Generic, TypeVar

from insights.figures.curves import FeedbackDay
from insights.figures.days import DAY, HOUR
from insights.figures.events import EventsDay
from insights.queries.periods import Period
from insights.wording import plural, show_day, show_days

# More bars would be too thin to point at, so longer periods are drawn in whole weeks.
MAXIMUM_BARS = 92
WEEK = 7

# More spans are counted instead of named.
NAMED = 2

Day = TypeVar("Day", bound=FeedbackDay | EventsDay)


@dataclass(frozen=True)
class Span(Generic[Day]):
    """The days of one bar: a single day or hour, or whole weeks."""

    days: Sequence[Day]

    @property
    def is_hour(self) -> bool:
        """Whether it is an hour."""
        return isinstance(self.days[0].day, datetime)

    @property
    def unit(self) -> str:
        """The unit of all spans of a chart: hour, day, or a number of days."""
        if len(self.days) > 1:
            return f"{len(self.days)} days"
        return "hour" if self.is_hour else "day"

    @property
    def start(self) -> datetime:
        """The start, in UTC."""
        return start_of(self.days[0])

    @property
    def end(self) -> datetime:
        """The end, in UTC."""
        return start_of(self.days[-1]) + (HOUR if self.is_hour else DAY)

    @property
    def name(self) -> str:
        """The days, as `2 Nov 2026` or `2 to 8 Nov 2026`, or the hour, as `2 Nov 2026 09:00`."""
        if self.is_hour:
            return f"{show_day(self.start)} {self.start:%H:%M}"
        return show_days(self.days[0].day, self.days[-1].day, year=True)

    @property
    def key(self) -> str:
        """The start in ISO 8601, by which spans are ordered."""
        return self.days[0].day.isoformat()

    def total(self, *fields: str) -> int:
        """Return the sum of these fields over all days."""
        return sum(getattr(day, field) for day in self.days for field in fields)

    def is_whole(self, period: Period, number: int) -> bool:
        """Say whether the span has `number` days, each wholly in the period."""
        covered = (period.since or self.start) <= self.start and self.end <= (
            period.until or self.end
        )
        return covered and len(self.days) == number


def start_of(day: FeedbackDay | EventsDay) -> datetime:
    """Return the start of a day or an hour, in UTC."""
    start = day.day
    return start if isinstance(start, datetime) else datetime.combine(start, time(), UTC)


def group(days: Sequence[Day]) -> list[Span[Day]]:
    """Return the days one by one, or in as many weeks a bar as `MAXIMUM_BARS` demands.

    A remainder of days is the first span, because the last days matter more.
    """
    weeks = math.ceil(len(days) / MAXIMUM_BARS / WEEK) if len(days) > MAXIMUM_BARS else 0
    size = weeks * WEEK or 1
    ends = range(len(days), 0, -size)
    return [Span(days[max(0, end - size) : end]) for end in reversed(ends)]


def name_all(spans: Sequence[Span[Day]]) -> str:
    """Return the names of one or two spans, or the number of more, as `3 spans of 7 days`."""
    if len(spans) <= NAMED:
        return " and ".join(span.name for span in spans)
    unit, is_single = spans[-1].unit, len(spans[-1].days) == 1
    return plural(len(spans), unit) if is_single else f"{len(spans)} spans of {unit}"


def heading(spans: Sequence[Span[Day]]) -> str:
    """Return the heading of a column of spans."""
    if spans[0].is_hour:
        return "Hour (UTC)"
    return "Day (UTC)" if len(spans[-1].days) == 1 else "Days (UTC)"
