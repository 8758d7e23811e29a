"""Half-open periods of time in UTC, and the formats of --since and --until."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from insights.errors import UsageError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DURATION = re.compile(r"([0-9]{1,6})([smhdw])")
FORMATS = "an ISO 8601 date or time (2026-11-01, 2026-11-01T09:30:00Z) or an age (90m, 24h, 7d)"

FIRST_TIME = datetime.min.replace(tzinfo=UTC)
LAST_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Period:
    """The time from `since` (inclusive) to `until` (exclusive), in UTC. None leaves an end open.

    With `dates_only`, the condition does not match arrays with a date in the period.
    """

    since: datetime | None = None
    until: datetime | None = None
    dates_only: bool = False

    @property
    def start(self) -> datetime:
        """The start, which this period must have.

        Raises:
            ValueError: it has none.
        """
        if self.since is None:
            raise ValueError("the period has no start")
        return self.since

    @property
    def end(self) -> datetime:
        """The end, which this period must have.

        Raises:
            ValueError: it has none.
        """
        if self.until is None:
            raise ValueError("the period has no end")
        return self.until

    def condition(self) -> dict[str, Any]:
        """Return the MongoDB filter for this period."""
        bounds = {"$gte": self.since, "$lt": self.until}
        given: dict[str, Any] = {operator: time for operator, time in bounds.items() if time}
        if self.dates_only:
            given["$not"] = {"$type": "array"}
        return {"timestamp": given} if given else {}

    def so_far(self, now: datetime) -> "Period":
        """Return the part that is over, which has an end; of a period to come, all of it."""
        until = self.until or now
        if (self.since or FIRST_TIME) < now < until:
            until = now
        return replace(self, until=until)

    def previous(self, now: datetime) -> "Period | None":
        """Return the period of the same length before this one; None if this one has no start."""
        if self.since is None:
            return None
        return Period(earlier(self.since, (self.until or now) - self.since), self.since)


def earlier(time: datetime, length: timedelta) -> datetime:
    """Return the time that is `length` earlier, or the earliest that Python has."""
    return time - min(length, time - FIRST_TIME)


def parse_period(since: str | None, until: str | None, now: datetime) -> Period:
    """Return the period from --since to --until.

    Raises:
        UsageError: one is not a time, or the first is not before the second.
    """
    period = Period(
        parse_time(since, now) if since is not None else None,
        parse_time(until, now) if until is not None else None,
    )
    if period.since and period.since >= (period.until or now):
        raise UsageError(f"--since {since} must be before {f'--until {until}' if until else 'now'}")
    return period


def parse_time(text: str, now: datetime) -> datetime:
    """Parse an ISO 8601 time, or an age such as `24h` relative to `now`.

    Raises:
        UsageError: it is neither.
    """
    try:
        if DURATION.fullmatch(text):
            return now - parse_duration(text)
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is not a time: use {FORMATS}") from None


def parse_duration(text: str) -> timedelta:
    """Parse a duration: `90m`, `24h` or `7d`.

    Raises:
        UsageError: it is not one.
    """
    match = DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a duration such as 90m, 24h or 7d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
