"""Formatting of numbers, times and users' texts, for the terminal and the dashboard."""

import re
import shlex
from datetime import UTC, date, datetime, timedelta

from insights.queries.periods import Period

# Longer comments are shortened; --json and `export` print them whole.
LONG_TEXT = 200

# The limit for names that share a row, such as the event types of a sequence.
LONG_NAME = 40

# Control characters (ECMA-48, C0 and C1), which terminals execute, and Unicode's bidirectional
# controls, which reorder the text around them. Tabs and line ends become spaces instead.
LINE_ENDS = re.compile(r"\r\n|[\t\n\v\f\r\x85\u2028\u2029]")
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
# The blanks in `42 %`, `72 to 75 %`, `3 Nov` and `3 to 9 Nov`.
UNIT = r"(?:%|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b)"
WITHIN = re.compile(
    rf"(?<=[0-9]) (?={UNIT})|(?<=[0-9]) (?=to [0-9]+ {UNIT})|(?<=[0-9] to) (?=[0-9]+ {UNIT})"
)
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """Return a user's text in one line without control characters."""
    return CONTROLS.sub(REPLACEMENT, LINE_ENDS.sub(" ", text))


def shorten(text: str, length: int = LONG_TEXT) -> str:
    """Truncate a long text."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def show_time(time: datetime) -> str:
    """Return a time as `1 Nov 2026 09:30`, in UTC."""
    time = time.astimezone(UTC)
    return f"{show_day(time)} {time:%H:%M}"


def sortable_time(time: datetime) -> str:
    """Return a time as `2026-11-01 09:30`, in UTC, for lists; `--until` takes it, too."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def show_number(number: int) -> str:
    """Return a number as `1,234,567`."""
    return f"{number:,}"


def show_percentage(share: float | None) -> str:
    """Return 0.42 as `42 %`, and None as a dash."""
    return "-" if share is None else f"{share:.0%}".replace("%", " %")


def unbroken(text: str) -> str:
    """Return a text in which no line ends within a percentage, an interval or some days."""
    return WITHIN.sub(NO_BREAK_SPACE, text)


def show_period(period: Period, now: datetime) -> str:
    """Return a period as `from 1 Nov 2026 00:00 to 8 Nov 2026 00:00 UTC`."""
    since = f"from {show_time(period.since)} " if period.since else ""
    return f"{since}to {show_time(period.until or now)} UTC"


def show_day(day: date) -> str:
    """Return a day as `1 Nov 2026`."""
    return show_days(day, day, year=True)


def show_days(first: date, last: date, *, year: bool = False) -> str:
    """Return some days as `3 Nov`, `3 to 9 Nov` or `28 Oct to 3 Nov`, with the year if asked."""
    end = f"{last.day} {last:%b}{f' {last.year}' if year else ''}"
    if (first.year, first.month, first.day) == (last.year, last.month, last.day):
        return end
    start = str(first.day)
    if (first.year, first.month) != (last.year, last.month):
        start += f" {first:%b}"
    if year and first.year != last.year:
        start += f" {first.year}"
    return f"{start} to {end}"


def length_of(period: Period) -> str:
    """Return how long a period is, which has both ends: `30 days`, `24 hours`, `90 minutes`.

    Accurate to 1 %: while a page is live, the end of its period moves on, and the start does not.
    """
    if period.since is None or period.until is None:
        raise ValueError("the period has no end")
    length = period.until - period.since
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        number = round(length / size)
        if number > 1 and abs(length - number * size) <= length / 100:
            return plural(number, unit)
    return plural(round(length / timedelta(minutes=1)), "minute")


def plural(number: int, noun: str) -> str:
    """Return `1 rating`, or `2 ratings`."""
    return f"{show_number(number)} {noun}{'s'[: number != 1]}"


def show_command(command: str, user_id: str, *options: str) -> str:
    """Return a command for a user, quoted for a shell, without the program."""
    end_of_options = ["--"] if user_id.startswith("-") else []
    # Control characters are not printed, and without them the command would name another user.
    shown = user_id if clean(user_id) == user_id else "USER_ID"
    return shlex.join([command, *options, *end_of_options, shown])
