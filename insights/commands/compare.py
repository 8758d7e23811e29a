"""`insights compare`: the ratings of each model, plan or page, and which are clearly better."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from insights.errors import NoData
from insights.figures.answers import Verdict, show_interval
from insights.figures.comparisons import (
    Breakdown,
    Group,
    compare_by,
    headline,
    show_points,
    show_points_range,
    show_without,
)
from insights.kinds import Kind
from insights.mongodb.connection import open_database
from insights.queries.attributes import parse_attribute
from insights.queries.documents import plain_value
from insights.queries.filters import Selection, to_filters
from insights.queries.left_out import LeftOut, not_counted, not_selected, usable_scope
from insights.queries.message_filters import with_message_filters
from insights.queries.periods import parse_period
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
from insights.wording import plural, show_number, show_percentage, show_period

COLOURS = {Verdict.BETTER: "green", Verdict.WORSE: "red"}

# Narrower terminals have each interval below its figure.
WIDE = 90

By = Annotated[
    str,
    typer.Option(
        metavar="FIELD",
        help="Field to compare by: message.FIELD, user.FIELD or details.FIELD.",
        show_default=False,
    ),
]


@selects(but=("message",), since="30d")
def compare(selection: Selection, by: By, as_json: AsObject = False) -> None:
    """Compare ratings by model, plan, page or another field.

    message.FIELD is a field of the rated message, or else of the object around it, such as its
    session; it needs MESSAGE_LOOKUP. user.FIELD is a field of the user who rated; it needs
    USER_LOOKUP. details.FIELD is a detail of the user's last event before the rating that has it;
    --event-type and --where say which events count.

    Each value is compared with the most frequent one. The more values, the greater a difference
    must be to be clear. At most 30 values can be compared.

    Examples:
        insights compare --by message.model
        insights compare --by user.plan --since 90d
        insights compare --by details.model --event-type answer_shown --json
    """
    now, settings = datetime.now(UTC), read_settings()
    asked = parse_period(selection.since, selection.until, now)
    attribute = parse_attribute(by, settings)
    filters = to_filters(selection, settings, now)
    with open_database(settings) as database:
        advise_setup(database, settings)
        with working(f"Reading ratings by {attribute.name} {show_period(asked, now)}"):
            filters = with_message_filters(database, filters, asked, now)
            ratings = usable_scope(database, Kind.FEEDBACK, filters, asked.so_far(now))
            period = ratings.period
            found = compare_by(ratings, filters.of(Kind.EVENTS), attribute, settings)
            left_out = [
                *not_counted(ratings, asked),
                *not_selected(database, filters, period, [Kind.FEEDBACK]),
            ]
    if not found.groups:
        tell_left_out(left_out)
        is_filtered = filters.options and not found.without
        matching = f" that match {filters.options}" if is_filtered else ""
        raise NoData(f"{headline(found).rstrip('.')}{matching}")
    if as_json:
        question = {"by": found.by, "since": period.since, "until": period.until}
        figures = question | {"filters": filters.options} | to_dict(found, left_out)
        print_json(plain_value(figures))
    else:
        lines = show_left_out(left_out, filters.options)
        print_breakdown(found, show_period(period, now), lines)


def to_dict(found: Breakdown, left_out: list[LeftOut]) -> dict[str, object]:
    """Return the figures as `--json` has them."""
    return {
        "compared_with": found.groups[0].value,
        "comparisons": found.comparisons,
        "values": [group_to_dict(each, found.comparisons) for each in found.groups],
        "without_value": found.without,
        "left_out": [asdict(each) for each in left_out],
    }


def group_to_dict(group: Group, comparisons: int) -> dict[str, object]:
    """Return a value; the p-values are corrected for the number of comparisons."""
    share, change = group.share, group.difference
    return {
        "value": group.value,
        "ratings": share.scored,
        "positive": share.positive,
        "users": share.users,
        **share_to_dict("share_positive", share),
        "share_difference_percentage_points": change and change.value * 100,
        "share_difference_percentage_points_interval": change and in_points(change.interval),
        "p_fisher": change and min(change.p_fisher * comparisons, 1.0),
        "p_clustered": change and min(change.p_clustered * comparisons, 1.0),
        "verdict": group.verdict,
    }


def print_breakdown(found: Breakdown, period: str, lines: Iterable[Text]) -> None:
    """Print the finding, the table of values, and the ratings that are not in it."""
    console = output()
    print_text(console, Text(period[0].upper() + period[1:], style="dim"))
    console.print()
    print_text(console, Text(headline(found), style="bold"))
    console.print()
    print_table(console, new_table(found, is_wide=console.width >= WIDE))
    if found.without:
        print_text(console, Text(f"{show_without(found)}.", style="dim"))
    for line in lines:
        print_text(console, line)
    if len(found.groups) > 1:
        console.print()
        print_text(console, Text(explanation(found)))


def new_table(found: Breakdown, *, is_wide: bool) -> Table:
    """Return the table of values, the most frequent first."""
    table = Table(box=None, pad_edge=False, padding=GAP)
    table.add_column("Value", no_wrap=True)
    for name in ("Ratings", "Positive", "Difference"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Verdict")
    for group in found.groups:
        style = COLOURS.get(group.verdict) if group.verdict else None
        verdict = Text(group.verdict or "most frequent", style=style or "")
        table.add_row(*cells(group, is_wide=is_wide), verdict)
    return table


def cells(group: Group, *, is_wide: bool) -> list[Text]:
    """Return the cells of a value, except its verdict."""
    share, change = group.share, group.difference
    positive = [show_percentage(share.value), show_interval(share.interval)]
    difference = [show_points(change.value)] if change else []
    if change and change.interval:
        difference.append(show_points_range(change.interval))
    figures = [with_interval(each, is_wide=is_wide) for each in (positive, difference)]
    return [Text(each) for each in (group.whole_name, show_number(share.scored), *figures)]


def with_interval(parts: list[str], *, is_wide: bool) -> str:
    """Return a figure with its interval, if it has one, in brackets or below it."""
    if is_wide and len(parts) > 1:
        return f"{parts[0]} ({parts[1]})"
    return "\n".join(parts)


def explanation(found: Breakdown) -> str:
    """Return the explanation of the table's columns."""
    number = plural(found.comparisons, "comparison")
    together = f", which allows for {number}" if found.comparisons > 1 else ""
    return (
        "Positive: share of the scored ratings, with its 95 % interval. Difference: percentage "
        f"points from {found.groups[0].name}, with its 95 % interval{together}."
    )
