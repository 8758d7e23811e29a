"""`insights summary`: ratings, the worst messages, reasons, and activity."""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from sparklines import sparklines

from insights.figures.answers import Verdict, explain, not_counted_before, show_share, verdict_on
from insights.figures.curves import Curve, Part
from insights.figures.events import Active, EventsSummary
from insights.figures.feedback import FeedbackSummary
from insights.figures.summaries import Summary, summarize
from insights.figures.verdicts import nothing_found
from insights.figures.worst import WorstMessage
from insights.mongodb.connection import open_database
from insights.queries.documents import plain_value
from insights.queries.filters import Selection, to_filters
from insights.queries.message_filters import with_message_filters
from insights.queries.periods import parse_period
from insights.queries.sentiment import Sentiment
from insights.settings import read_settings
from insights.terminal.advice import advise_setup
from insights.terminal.console import in_lines, output, print_json
from insights.terminal.left_out import show_left_out, tell_left_out
from insights.terminal.options import AsObject
from insights.terminal.selections import selects
from insights.terminal.shares import in_points, share_to_dict
from insights.terminal.tables import GAP, right
from insights.terminal.why import show_why
from insights.terminal.worst import worst_messages
from insights.wording import (
    clean,
    length_of,
    shorten,
    show_number,
    show_percentage,
    show_period,
)

COLOURS = {Sentiment.POSITIVE: "green", Sentiment.NEGATIVE: "red"}
VERDICT_COLOURS = {Verdict.BETTER: "green", Verdict.WORSE: "red"}
MARKS = {Verdict.BETTER: "▲ ", Verdict.WORSE: "▼ "}
BAR_WIDTH = 20
INDENT = (0, 0, 0, 2)


@selects(but=("message",), since="7d")
def summary(selection: Selection, as_json: AsObject = False) -> None:
    """Show ratings, the worst messages, reasons, and activity.

    Compares the figures with those of the period before, of the same length. The share of positive
    ratings covers scored ratings only, with its 95 % interval in brackets; unscored ones are
    counted separately.

    A filter applies to the kinds that have its field: --rating to feedback, --user to both.

    Examples:
        insights summary
        insights summary --since 30d
        insights summary --since 2026-11-01 --until 2026-12-01 --json
    """
    now = datetime.now(UTC)
    period, settings = parse_period(selection.since, selection.until, now), read_settings()
    filters = to_filters(selection, settings, now)
    with open_database(settings) as database:
        advise_setup(database, settings)
        filters = with_message_filters(database, filters, period, now)
        found = summarize(database, settings, filters, period, now)
    if found.is_empty:
        tell_left_out(found.left_out)
        raise nothing_found(found.period, now, filters.options)
    if as_json:
        print_json(plain_value(to_dict(found)))
    else:
        print_summary(found, show_period(found.period, now))


def to_dict(found: Summary) -> dict[str, object]:
    """Return the figures as `--json` has them."""
    figures = dataclasses.asdict(found)
    feedback = figures["feedback"]
    del feedback["comparison"]
    feedback["worst"] = [worst_to_dict(each) for each in found.feedback.worst]
    return {
        "since": found.period.since,
        "until": found.period.until,
        "filters": found.options,
        "feedback": feedback | comparison_to_dict(found.feedback),
        "events": figures["events"],
        "left_out": figures["left_out"],
    }


def comparison_to_dict(feedback: FeedbackSummary) -> dict[str, object]:
    """Return the share of positive ratings, how it changed, and how sure that is."""
    found, change = feedback.comparison, feedback.comparison.difference
    return {
        **share_to_dict("share_positive", found.now),
        **share_to_dict("previous_share_positive", found.before),
        "share_change_percentage_points": change and change.value * 100,
        "share_change_percentage_points_interval": change and in_points(change.interval),
        "p_fisher": change and change.p_fisher,
        "p_clustered": change and change.p_clustered,
        "verdict": verdict_on(feedback),
        "curve": feedback.curve and curve_to_dict(feedback.curve),
    }


def worst_to_dict(message: WorstMessage) -> dict[str, object]:
    """Return a message with its share of negative ratings and its interval."""
    return dataclasses.asdict(message) | {
        "share_negative": message.negative / message.count,
        "share_negative_interval": dataclasses.asdict(message.interval),
    }


def curve_to_dict(curve: Curve) -> dict[str, object]:
    """Return the two parts of the period that differ most; their p-values are corrected."""
    change = curve.difference
    return {
        "earlier": part_to_dict(curve.earlier),
        "later": part_to_dict(curve.later),
        "p_fisher": min(change.p_fisher * curve.pairs, 1.0),
        "p_clustered": min(change.p_clustered * curve.pairs, 1.0),
        "is_clear": curve.is_clear,
    }


def part_to_dict(part: Part) -> dict[str, object]:
    """Return some days of a period and the share of positive ratings in them."""
    days = {"first_day": part.first.isoformat(), "last_day": part.last.isoformat()}
    return days | share_to_dict("share_positive", part.share)


def print_summary(found: Summary, period: str) -> None:
    """Print the trend, the ratings, the worst messages, reasons, and activity."""
    console = output()
    print_headline(console, found, period)
    print_days(console, found)
    if found.feedback.count:
        print_section(console, "Ratings", ratings_table(found.feedback))
    if found.feedback.worst:
        print_section(console, "Worst-rated messages", worst_messages(found.feedback))
    if why := show_why(found.feedback):
        print_section(console, "Why", why)
    if found.events.count:
        print_section(console, "Events", events_table(found.events))
    print_section(console, "Active users", active_table(found.events.active))


def print_section(console: Console, title: str, content: RenderableType) -> None:
    """Print a title with indented content."""
    console.print()
    console.print(Text(title, style="bold"))
    console.print(Padding(content, INDENT, expand=False))


def print_headline(console: Console, found: Summary, period: str) -> None:
    """Print whether the answers get better and why, and how much there is in all."""
    length = length_of(found.period)
    console.print(Text(period[0].upper() + period[1:], style="dim"))
    console.print()
    console.print(headline(verdict_on(found.feedback)))
    for sentence in explain(found.feedback, length):
        console.print(Text(in_lines(sentence, console.width)))
    console.print()
    totals = Table.grid(padding=GAP)
    totals.add_row("feedback", right(found.feedback.count), count_before(found.feedback, length))
    totals.add_row("events", right(found.events.count), count_before(found.events, length))
    console.print(Padding(totals, INDENT, expand=False))
    for line in show_left_out(found.left_out, found.options):
        console.print(line)


def headline(verdict: Verdict) -> Text:
    """Return the verdict, in colour where it is clear."""
    mark = MARKS.get(verdict, "")
    return Text(f"{mark}{verdict.headline}", style=f"bold {VERDICT_COLOURS.get(verdict, '')}")


def count_before(figures: FeedbackSummary | EventsSummary, length: str) -> str:
    """Return how many there were in the period before, or why they are not compared."""
    if figures.begins:
        return not_counted_before(figures.begins)
    return f"{show_number(figures.previous_count)} in the {length} before"


class Line(NamedTuple):
    """A sparkline. Each day has a part and its whole.

    The vertical axis starts at `lowest`, or else at the smallest value.
    """

    name: str
    days: Sequence[tuple[int, int]]
    lowest: int | None
    note: str


def print_days(console: Console, found: Summary) -> None:
    """Print a sparkline for each daily figure."""
    lines = [
        share_line(found.feedback),
        count_line("feedback", [day.count for day in found.feedback.daily]),
        count_line("events", [day.count for day in found.events.daily]),
        count_line("active users", [day.users for day in found.events.daily]),
    ]
    days, width = len(lines[0].days), room(console, lines)
    span = -(-days // width)
    table = Table.grid(padding=GAP)
    for line in lines:
        table.add_row(line.name, Text(draw(line, span)), line.note)
    title = "Day by day" if span == 1 else f"Day by day (one mark is {span} days)"
    print_section(console, title, table)


def room(console: Console, lines: Sequence[Line]) -> int:
    """Return the width for a sparkline between its name and its note."""
    names = max(len(line.name) for line in lines)
    notes = max(len(line.note) for line in lines)
    return max(console.width - INDENT[-1] - names - notes - 2 * GAP[1], 1)


def share_line(feedback: FeedbackSummary) -> Line:
    """Return the sparkline of the share of positive ratings."""
    days = [(day.positive, day.positive + day.neutral + day.negative) for day in feedback.daily]
    shares = [positive / scored for positive, scored in days if scored]
    note = f"{min(shares) * 100:.0f} to {show_percentage(max(shares))} a day" if shares else "-"
    return Line("share positive", days, None, note)


def count_line(name: str, counts: Sequence[int]) -> Line:
    """Return the sparkline of a count."""
    return Line(name, [(count, 1) for count in counts], 0, f"max {show_number(max(counts))}")


def draw(line: Line, span: int) -> str:
    """Return a sparkline with one mark per `span` days, blank if their whole is zero."""
    values = [ratio(line.days[start : start + span]) for start in range(0, len(line.days), span)]
    highest = None if line.lowest is None else max(filter(None, values), default=1)
    [drawn] = sparklines(values, minimum=line.lowest, maximum=highest)
    return str(drawn)


def ratio(days: Sequence[tuple[int, int]]) -> float | None:
    """Return the sum of the parts divided by the sum of the wholes."""
    part, whole = (sum(numbers) for numbers in zip(*days, strict=True))
    return part / whole if whole else None


def ratings_table(feedback: FeedbackSummary) -> Table:
    """Return the distribution by sentiment, with the ratings of each."""
    table = Table.grid(padding=GAP)
    for name in (each for each in Sentiment if feedback.sentiments[each]):
        count = feedback.sentiments[name]
        ratings = Text(", ".join(named_ratings(feedback, name)))
        if name is Sentiment.UNSCORED:
            note = Text("not in the share", style="dim")
            table.add_row(name.value, right(count), "", Group(note, ratings))
        else:
            bar = Bar(
                feedback.scored, 0, count, width=BAR_WIDTH, color=COLOURS.get(name, "default")
            )
            share = show_share_of(feedback, count)
            table.add_row(name.value, right(count), right(share), Group(bar, ratings))
    return table


def show_share_of(feedback: FeedbackSummary, count: int) -> str:
    """Return the share of a count of the scored ratings, with its interval."""
    whole = feedback.comparison.now
    return show_share(whole.part(count, feedback.scored)) if whole else ""


def named_ratings(feedback: FeedbackSummary, name: Sentiment) -> Iterator[str]:
    """Yield the most frequent ratings of a sentiment, and the count of the others."""
    is_unscored = name is Sentiment.UNSCORED
    named = feedback.unscored if is_unscored else feedback.ratings
    left = feedback.sentiments[name]
    for each in named:
        if each.sentiment == name:
            left -= each.count
            yield f"{clean(each.rating)} ({show_number(each.count)})"
    if left:
        yield f"others ({show_number(left)})"


def events_table(events: EventsSummary) -> Table:
    """Return the events and users by event type."""
    table = Table("Type", box=None, pad_edge=False, padding=GAP)
    table.add_column("Events", justify="right", no_wrap=True)
    table.add_column("Users", justify="right", no_wrap=True)
    for each in events.types:
        name = Text(shorten(clean(each.event_type)))
        table.add_row(name, show_number(each.count), show_number(each.users))
    if events.others:
        table.add_row("other types", show_number(events.others))
    return table


def active_table(active: Active) -> Table:
    """Return the active users in the last day, week and month of the period."""
    table = Table.grid(padding=GAP)
    table.add_row("in the last day", right(active.day))
    table.add_row("in the last 7 days", right(active.week))
    table.add_row("in the last 30 days", right(active.month))
    return table
