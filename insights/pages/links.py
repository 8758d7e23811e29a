"""The ways to a user's timeline: an address on the dashboard's server, or a command to copy."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from insights.queries.documents import iso_time
from insights.wording import show_command

PROGRAM = "insights"

# Periods end before their `until`. MongoDB stores milliseconds.
MILLISECOND = timedelta(milliseconds=1)
LAST_TIME = datetime.max.replace(tzinfo=UTC)


def user_address(user_id: str, token: str, last: datetime | None = None) -> str:
    """Return the address of a user's timeline, by default all of it, or that up to `last`."""
    until = {} if last is None else {"until": just_after(last)}
    return f"/user?{urlencode({'id': user_id} | until | {'token': token})}"


def user_command(user_id: str, last: datetime) -> str:
    """Return the command that shows a user's timeline up to `last`."""
    return f"{PROGRAM} {show_command('user', user_id, '--until', just_after(last))}"


def just_after(time: datetime) -> str:
    """Return the time a millisecond later, as `2026-11-01T09:30:00.001Z`."""
    return iso_time(time + min(MILLISECOND, LAST_TIME - time))
