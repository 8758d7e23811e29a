"""`insights journey`: the events before a rating, compared with those before others."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from insights.errors import NoData, UsageError
from insights.figures.answers import show_share
from insights.figures.journeys import Journeys, Step, find_journeys
from insights.figures.shares import Share
from insights.figures.verdicts import headline, name_of
from insights.kinds import Document
from insights.mongodb.connection import open_database
from insights.queries.documents import iso_time
from insights.queries.filters import Selection, to_filters
from insights.queries.message_filters import with_message_filters
from insights.queries.periods import Period, parse_duration, parse_period
from insights.settings import read_settings
from insights.terminal.advice import advise_setup
from insights.terminal.console import output, print_json
from insights.terminal.left_out import show_left_out, tell_left_out
from insights.terminal.lines import print_text
from insights.terminal.options import AsObject
from insights.terminal.selections import selects
from insights.terminal.shares import in_points, share_to_dict
from insights.terminal.tables import GAP, print_table
from insights.terminal.working import working
from insights.wording import (
    LONG_NAME,
    clean,
    plural,
    shorten,
    show_number,
    show_percentage,
    show_period,
)

SECOND = timedelta(seconds=1)
LONGEST_WINDOW = timedelta(days=366)

TIMES = "\N{MULTIPLICATION SIGN}"

# Shares below it would be shown as 0 %.
SMALLEST_SHARE = 0.005

# With intervals, the columns of figures take 60.
WIDTH_FOR_INTERVALS = 100

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
    """Compare the events before a rating with those before others.

    Counts the last event and the last three events before each such rating. Negative ratings are
    compared with positive ones, positive with negative ones, and any other with all the rest. The
    share among all events of the period says how usual a step is at any time.

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
        with working(f"Reading ratings and the events before them {show_period(period, now)}"):
            filters = with_message_filters(database, filters, period, now)
            found = find_journeys(database, settings, filters, before_rating, length, period, now)
    if not found.wanted.ratings:
        tell_left_out(found.left_out)
        matching = f" that matches {filters.options}" if filters.options else ""
        raise NoData(f"nobody gave {name_of(before_rating)}{matching} in this period")
    if as_json:
        question = {"before_rating": before_rating, "window_seconds": length // SECOND}
        of_whom = {"filters": filters.options}
        print_json(question | plain_period(period, now) | of_whom | to_dict(found))
    else:
        shown = show_period(period, now)
        print_journeys(found, before_rating, window, shown, filters.options)


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


def to_dict(found: Journeys) -> Document:
    """Return the journeys as `--json` has them."""
    return {
        "ratings": found.wanted.ratings,
        "without_events": found.wanted.without_events,
        "contrast": found.contrast_name,
        "contrast_ratings": found.contrast.ratings,
        "contrast_without_events": found.contrast.without_events,
        "last": [step_to_dict(step) for step in found.last],
        "sequences": [step_to_dict(step) for step in found.sequences],
        "left_out": [asdict(each) for each in found.left_out],
    }


def step_to_dict(step: Step) -> Document:
    """Return a step as `--json` has it. Its p-values are corrected for the steps of its list."""
    change, contrast = step.difference, step.contrast
    return {
        "steps": step.steps,
        "users": step.users,
        "before": step.before.positive,
        **share_to_dict("share_before", step.before),
        "contrast": contrast and contrast.positive,
        **share_to_dict("share_contrast", contrast),
        "difference_percentage_points": change and change.value * 100,
        "difference_percentage_points_interval": change and in_points(change.interval),
        "p_fisher": change and min(change.p_fisher * step.comparisons, 1.0),
        "p_clustered": change and min(change.p_clustered * step.comparisons, 1.0),
        "is_clear": step.is_clear,
        "share_all": step.share_all,
        "lift": step.lift,
    }


def print_journeys(found: Journeys, rating: str, window: str, period: str, options: str) -> None:
    """Print the headline, the numbers of ratings, and the table of events."""
    console = output()
    print_text(console, Text(clean(headline(found, rating)), style="bold"))
    without = f"{show_number(found.wanted.without_events)} without an event in the {window} before"
    console.print()
    ratings = plural(found.wanted.ratings, "rating")
    print_text(console, Text(f"{ratings} {period}, {without}."))
    others = f"{plural(found.contrast.ratings, f'{found.contrast_name} rating')}, "
    others += f"{show_number(found.contrast.without_events)} without an event"
    print_text(console, Text(f"Compared with {others}."))
    for line in show_left_out(found.left_out, options):
        print_text(console, line)
    if found.last:
        table = new_table(found, with_intervals=console.width >= WIDTH_FOR_INTERVALS)
        console.print()
        print_table(console, table)
        console.print()
        print_text(console, Text(explanation(found.contrast_name)))


def explanation(contrast: str) -> str:
    """Return the lines below the table."""
    return (
        f"Before: share of the ratings with events in their window. {contrast.capitalize()}: the "
        f"same of {contrast} ratings. All: share of the events of all users. Lift: Before divided "
        f"by All. Bold: clearly more frequent than before {contrast} ratings."
    )


def new_table(found: Journeys, *, with_intervals: bool) -> Table:
    """Return the table of the last events, followed by the sequences."""
    table = Table("Last event", box=None, pad_edge=False, padding=GAP)
    for name in ("Ratings", "Before", found.contrast_name.capitalize(), "All", "Lift"):
        table.add_column(name, justify="right", no_wrap=True)
    add_rows(table, found.last, with_intervals=with_intervals)
    table.add_row()
    table.add_row("Last three events", style=table.header_style)
    add_rows(table, found.sequences, with_intervals=with_intervals)
    return table


def add_rows(table: Table, steps: list[Step], *, with_intervals: bool) -> None:
    """Add a row for each step, bold where it stands out."""
    for step in steps:
        row = cells(step, with_intervals=with_intervals)
        table.add_row(*row, style="bold" if step.stands_out else None)


def cells(step: Step, *, with_intervals: bool) -> list[Text]:
    """Return the cells of one row."""
    names = " → ".join(shorten(clean(name), LONG_NAME) for name in step.steps)
    lift = "-" if step.lift is None else f"{step.lift:.1f}{TIMES}"
    shares = [
        show_cell(each, with_interval=with_intervals) for each in (step.before, step.contrast)
    ]
    numbers = (show_number(step.before.positive), *shares, show_small(step.share_all))
    return [Text(each) for each in (names, *numbers, lift)]


def show_cell(share: Share | None, *, with_interval: bool) -> str:
    """Return a share with or without its interval, or a dash."""
    if share is None:
        return "-"
    return show_share(share) if with_interval else show_small(share.value)


def show_small(share: float) -> str:
    """Return 0.42 as `42 %`, and a share that would round to zero as `<1 %`."""
    return "<1 %" if 0 < share < SMALLEST_SHARE else show_percentage(share)
