"""`insights journey`: the events before a rating, compared with usual activity."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from insights.errors import NoData, UsageError
from insights.figures.journeys import Journeys, Step, find_journeys
from insights.figures.verdicts import headline, name_of, stands_out
from insights.kinds import Document
from insights.mongodb.connection import open_database
from insights.queries.documents import iso_time
from insights.queries.filters import Selection, to_filters
from insights.queries.periods import Period, parse_duration, parse_period
from insights.settings import read_settings
from insights.terminal.advice import advise_setup
from insights.terminal.console import output, print_json
from insights.terminal.left_out import tell_left_out
from insights.terminal.options import AsObject
from insights.terminal.selections import selects
from insights.wording import LONG_NAME, clean, plural, shorten, show_number, show_period

SECOND = timedelta(seconds=1)
LONGEST_WINDOW = timedelta(days=366)

TIMES = "\N{MULTIPLICATION SIGN}"
SMALLEST_SHARE = 0.0005

EXPLANATION = (
    "Before: share of the ratings with events in their window. "
    "All: share of the events of all users. Lift: Before divided by All."
)

BeforeRating = Annotated[
    str,
    typer.Option(
        metavar="RATING",
        help="Sentiment (positive, neutral, negative, unscored) or exact rating.",
    ),
]
Window = Annotated[
    str, typer.Option(metavar="DURATION", help="Time before each rating: 90s, 30m, 2h.")
]


@selects(but=("message",), since="30d")
def journey(
    selection: Selection,
    before_rating: BeforeRating = "negative",
    window: Window = "30m",
    as_json: AsObject = False,
) -> None:
    """Compare the events before a rating with usual activity.

    Takes the last event and the last three events before each such rating, and compares their
    frequency with that of all users' events in the same period.

    Examples:
        insights journey --before-rating negative
        insights journey --before-rating 2 --window 10m --since 7d --json
    """
    now = datetime.now(UTC)
    period, length = parse_period(selection.since, selection.until, now), parse_window(window)
    settings = read_settings()
    filters = to_filters(selection, settings, now)
    with open_database(settings) as database:
        advise_setup(database, settings)
        found = find_journeys(database, settings, filters, before_rating, length, period, now)
    if not found.ratings:
        tell_left_out(found.left_out)
        raise NoData(f"nobody gave {name_of(before_rating)} in this period")
    if as_json:
        question = {"before_rating": before_rating, "window_seconds": length // SECOND}
        print_json(question | plain_period(period, now) | dataclasses.asdict(found))
    else:
        print_journeys(found, before_rating, window, show_period(period, now))


def parse_window(text: str) -> timedelta:
    """Parse a window.

    Raises:
        UsageError: it is not a duration, or zero, or too long.
    """
    window = parse_duration(text)
    if not timedelta() < window <= LONGEST_WINDOW:
        raise UsageError(f"--window {text} must be longer than 0s and at most 366d")
    return window


def plain_period(period: Period, now: datetime) -> Document:
    """Return a period as JSON values."""
    since = iso_time(period.since) if period.since else None
    return {"since": since, "until": iso_time(period.until or now)}


def print_journeys(found: Journeys, rating: str, window: str, period: str) -> None:
    """Print the headline, the number of ratings, and the table of events."""
    console = output()
    console.print(Text(clean(headline(found, rating)), style="bold"))
    without = f"{show_number(found.without_events)} without an event in the {window} before"
    console.print(f"\n{plural(found.ratings, 'rating')} {period}, {without}.")
    for each in found.left_out:
        console.print(Text(f"{each}.", style="dim"))
    if found.last:
        console.print("", new_table(found), "", EXPLANATION, sep="\n")


def new_table(found: Journeys) -> Table:
    """Return the table of the last events, followed by the sequences."""
    table = Table("Last event", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("Ratings", "Before", "All", "Lift"):
        table.add_column(name, justify="right", no_wrap=True)
    for step in found.last:
        table.add_row(*cells(step), style="bold" if stands_out(step, found.with_events) else None)
    table.add_row()
    table.add_row("Last three events", style=table.header_style)
    for step in found.sequences:
        table.add_row(*cells(step), style="bold" if stands_out(step, found.with_events) else None)
    return table


def cells(step: Step) -> list[Text]:
    """Return the cells of one row."""
    names = " → ".join(shorten(clean(name), LONG_NAME) for name in step.steps)
    lift = "-" if step.lift is None else f"{step.lift:.1f}{TIMES}"
    numbers = (show_number(step.before), show_share(step.share_before), show_share(step.share_all))
    return [Text(each) for each in (names, *numbers, lift)]


def show_share(share: float) -> str:
    """Return 0.042 as `4.2 %`, and a share that would round to zero as `<0.1 %`."""
    return "<0.1 %" if 0 < share < SMALLEST_SHARE else f"{share:.1%}".replace("%", " %")
