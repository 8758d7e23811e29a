"""Periods of time, as the user writes them: in UTC, half-open."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from insights.errors import UsageError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
DURATION = re.compile(r"([0-9]{1,6})([smhdw])")
ALLOWED = "an ISO 8601 date or time (2026-11-01, 2026-11-01T09:30:00Z) or a time ago (90m, 24h, 7d)"

FIRST_TIME = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Period:
    """The time from `since` on and before `until`, both in UTC; None leaves that end open.

    The condition of a period of `dates_only` does not match arrays with a date in the period.
    """

    since: datetime | None = None
    until: datetime | None = None
    dates_only: bool = False

    def condition(self) -> dict[str, Any]:
        """Return the MongoDB filter that selects the documents of this period."""
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
        """Return the equally long period before this one; None where this has no beginning."""
        if self.since is None:
            return None
        return Period(earlier(self.since, (self.until or now) - self.since), self.since)


def earlier(time: datetime, length: timedelta) -> datetime:
    """Return the time so long before, or the first that there is."""
    return time - min(length, time - FIRST_TIME)


def parse_period(since: str | None, until: str | None, now: datetime) -> Period:
    """Return the period between two times as the user writes them.

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
    """Return the time, in UTC, that `text` names: an ISO 8601 one, or so long before `now`.

    Raises:
        UsageError: it names none.
    """
    try:
        if DURATION.fullmatch(text):
            return now - parse_duration(text)
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is not a time: it must be {ALLOWED}") from None


def parse_duration(text: str) -> timedelta:
    """Return how long `90m`, `24h` or `7d` is.

    Raises:
        UsageError: it is not written so.
    """
    match = DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a length of time such as 90m, 24h or 7d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
