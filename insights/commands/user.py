"""`insights user`: the timeline of one user."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from rich.console import Console
from rich.text import Text

from insights.errors import NoData
from insights.kinds import Document, Kind
from insights.messages.rated import QUESTION, TEXT, with_own_names
from insights.mongodb.connection import open_database
from insights.queries.documents import to_plain
from insights.queries.periods import Period, parse_period
from insights.settings import read_settings
from insights.terminal.blocks import user_text
from insights.terminal.console import (
    UNBOUNDED,
    is_bounded,
    output,
    print_error,
    print_json,
    print_warning,
)
from insights.terminal.counts import show_counts
from insights.terminal.left_out import tell_left_out
from insights.terminal.lines import hang, pack, print_lines, words
from insights.terminal.options import AsJson, Limit, Since, Until
from insights.terminal.users import UserId, name_similar_ids
from insights.terminal.working import awaited, working
from insights.users.timelines import Entry, Timeline, find_timeline
from insights.wording import show_number

NAMES = {Kind.FEEDBACK: ("feedback", "magenta"), Kind.EVENTS: ("event", "cyan")}

# The widths of a time of day and of the longest name, with the blanks after them.
TIME_WIDTH = len("09:30:00  ")
NAME_WIDTH = len("feedback  ")


def user(
    user_id: UserId,
    limit: Limit = 50,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Show the timeline of one user, newest first.

    Read downwards from a rating to see what its user did before. With MESSAGE_LOOKUP, the question
    and the answer are shown where a message first occurs.

    USER_ID also matches ids of other types: 42 the numbers 42 and 42.0, and 24 hexadecimal digits
    the ObjectId.

    Examples:
        insights user user-1
        insights user user-1 --until 2026-11-01T09:30:00Z --limit 20
        insights user user-1 --since 7d --json
    """
    now, settings = datetime.now(UTC), read_settings()
    period = parse_period(since, until, now)
    with open_database(settings) as database:
        reading = f"Reading the timeline of {user_id}"
        with working(reading):
            found = find_timeline(database, settings, user_id, period, limit)
        found = replace(found, entries=awaited(reading, found.entries))
        if found.is_empty and (names := name_similar_ids(database, user_id)):
            print_error(f"similar ids are stored: {names}")
        if as_json:
            print_as_json(found, with_messages=settings.message_lookup is not None)
        elif not found.is_empty:
            print_days(found)
    tell_left_out(found.left_out)
    for note in found.notes:
        print_warning(note)
    if found.is_empty:
        raise nothing_stored(found)
    if found.is_cut:
        shown = show_number(limit)
        print_error(f"only the newest {shown} are shown: older ones need --until or --limit")


def nothing_stored(timeline: Timeline) -> NoData:
    """Return the error for a timeline without entries."""
    nothing = "nothing else" if timeline.left_out else "nothing"
    where = "" if timeline.period == Period() else " in this period"
    return NoData(f"{nothing} is stored for {timeline.user_id}{where}")


def print_as_json(timeline: Timeline, *, with_messages: bool) -> None:
    """Print each entry as a line of JSON, with two fields for its message if those are known."""
    for entry in timeline.entries:
        plain = to_plain(entry.kind, entry.document)
        fields = with_own_names(plain) | plain_message(entry) if with_messages else plain
        print_json({"kind": entry.kind} | fields)


def plain_message(entry: Entry) -> Document:
    """Return the texts of an entry's message, named as `feedback --messages` names them."""
    if entry.message is None:
        return {}
    texts = {TEXT.name: entry.message.text, QUESTION.name: entry.message.question}
    return {name: text for name, text in texts.items() if text is not None}


def print_days(timeline: Timeline) -> None:
    """Print the entries below their days. A pipe gets each in full, on one line."""
    console = output()
    bounded = is_bounded(console)
    width = console.width if bounded else UNBOUNDED
    user_id = timeline.user_id
    heading = [*words(Text(f"{show_counts(timeline.counts)} of ")), user_text(user_id)]
    lines = pack(heading, width)
    # An id may end in blanks.
    lines[-1].pad_right(len(user_id) - len(user_id.rstrip(" ")))
    print_lines(console, lines)
    for day, entries in groupby(timeline.entries, attrgetter("day")):
        console.print(Text(f"\n{day}", style="bold"))
        for entry in entries:
            print_entry(console, entry, width, bounded=bounded)


def print_entry(console: Console, entry: Entry, width: int, *, bounded: bool) -> None:
    """Print the time of an entry, its kind and its texts."""
    name, colour = NAMES[entry.kind]
    time = (f"{entry.time_of_day:{TIME_WIDTH}}", "dim")
    head = Text.assemble(time, (f"{name:{NAME_WIDTH}}", colour))
    print_lines(console, hang(head, describe(entry, bounded=bounded), width))
    for label, text in entry.texts:
        head = Text(f"{'':{TIME_WIDTH}}{label:{NAME_WIDTH}}", "dim")
        print_lines(console, hang(head, user_text(text, "dim", bounded=True), width))


def describe(entry: Entry, *, bounded: bool) -> Text:
    """Return an entry's rating or type, its details, and its comment in quotes."""
    texts = [user_text(entry.title, "bold")]
    if entry.details:
        texts.append(user_text(entry.details, bounded=bounded))
    if entry.comment:
        comment = user_text(entry.comment, bounded=bounded)
        texts.append(Text.assemble('"', comment, '"'))
    return Text(" ").join(texts)
