"""`insights summary`: ratings, the worst messages, reasons, and activity."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime

from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

from insights.figures.answers import (
    NO_EVENTS_BEFORE,
    Verdict,
    explain,
    not_counted_before,
    show_share,
    verdict_on,
)
from insights.figures.curves import Curve, Part
from insights.figures.events import EventsSummary
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
from insights.terminal.console import output, print_json
from insights.terminal.left_out import show_left_out, tell_left_out
from insights.terminal.lines import INDENT, print_text
from insights.terminal.options import AsObject
from insights.terminal.selections import selects
from insights.terminal.shares import in_points, share_to_dict
from insights.terminal.sparklines import print_days
from insights.terminal.tables import GAP, print_table, right
from insights.terminal.why import print_reasons, print_words
from insights.terminal.working import working
from insights.terminal.worst import print_worst
from insights.wording import clean, length_of, show_number, show_period

COLOURS = {Sentiment.POSITIVE: "green", Sentiment.NEGATIVE: "red"}
VERDICT_COLOURS = {Verdict.BETTER: "green", Verdict.WORSE: "red"}
MARKS = {Verdict.BETTER: "▲ ", Verdict.WORSE: "▼ "}
BAR_WIDTH = 20


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
        with working(f"Reading feedback and events {show_period(period, now)}"):
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
    console, feedback = output(), found.feedback
    print_headline(console, found, period)
    console.print()
    print_days(console, found)
    if feedback.count:
        print_title(console, "Ratings")
        print_table(console, ratings_table(feedback), INDENT)
    if feedback.worst:
        print_title(console, "Worst-rated messages")
        print_worst(console, feedback)
    print_why(console, feedback)
    if found.events.count:
        print_title(console, "Events")
        print_table(console, events_table(found.events), INDENT)
    print_title(console, "Active users")
    print_table(console, active_table(found.events), INDENT)


def print_title(console: Console, title: str) -> None:
    """Print the title of a section."""
    console.print()
    console.print(Text(title, style="bold"))


def print_why(console: Console, feedback: FeedbackSummary) -> None:
    """Print why ratings are negative, if anything says so."""
    reasons, words = feedback.reasons, feedback.words
    if reasons.reasons or words.phrases:
        print_title(console, "Why")
    if reasons.reasons:
        print_reasons(console, reasons)
    if reasons.reasons and words.phrases:
        console.print()
    if words.phrases:
        print_words(console, words)


def print_headline(console: Console, found: Summary, period: str) -> None:
    """Print whether the answers get better and why, and how much there is in all."""
    length = length_of(found.period)
    print_text(console, Text(period[0].upper() + period[1:], style="dim"))
    console.print()
    console.print(headline(verdict_on(found.feedback)))
    for sentence in explain(found.feedback, length):
        print_text(console, Text(sentence))
    console.print()
    totals = Table.grid(padding=GAP)
    totals.add_row("feedback", right(found.feedback.count), count_before(found.feedback, length))
    totals.add_row("events", right(found.events.count), count_before(found.events, length))
    print_table(console, totals, INDENT)
    for line in show_left_out(found.left_out, found.options):
        print_text(console, line)


def headline(verdict: Verdict) -> Text:
    """Return the verdict, in colour where it is clear."""
    mark = MARKS.get(verdict, "")
    return Text(f"{mark}{verdict.headline}", style=f"bold {VERDICT_COLOURS.get(verdict, '')}")


def count_before(figures: FeedbackSummary | EventsSummary, length: str) -> str:
    """Return how many there were in the period before, or why they are not compared."""
    if figures.begins:
        return not_counted_before(figures.begins)
    return f"{show_number(figures.previous_count)} in the {length} before"


def ratings_table(feedback: FeedbackSummary) -> Table:
    """Return the distribution by sentiment, with the ratings of each below its bar."""
    figures = [Column(no_wrap=True) for _ in range(3)]
    table = Table(
        *figures, Column(overflow="fold"), box=None, pad_edge=False, padding=GAP, show_header=False
    )
    for name in (each for each in Sentiment if feedback.sentiments[each]):
        count = right(feedback.sentiments[name])
        if name is Sentiment.UNSCORED:
            table.add_row(name.value, count, "", Text("not in the share", style="dim"))
        else:
            share = show_share_of(feedback, feedback.sentiments[name])
            table.add_row(name.value, count, right(share), bar(feedback, name))
        table.add_row("", "", "", Text(", ".join(named_ratings(feedback, name))))
    return table


def bar(feedback: FeedbackSummary, name: Sentiment) -> RenderableType:
    """Return the bar of a sentiment's share."""
    count, colour = feedback.sentiments[name], COLOURS.get(name, "default")
    return Bar(feedback.scored, 0, count, width=BAR_WIDTH, color=colour)


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
    table = Table(Column("Type", no_wrap=True), box=None, pad_edge=False, padding=GAP)
    table.add_column("Events", justify="right", no_wrap=True)
    table.add_column("Users", justify="right", no_wrap=True)
    for each in events.types:
        name = Text(clean(each.event_type))
        table.add_row(name, show_number(each.count), show_number(each.users))
    if events.others:
        table.add_row("other types", show_number(events.others))
    return table


def active_table(events: EventsSummary) -> Table:
    """Return the active users in the last day, week and month of the period, and before those."""
    active, before = events.active, events.previous_active
    table = Table.grid(padding=GAP)
    for length, users, earlier in (
        ("day", active.day, before.day),
        ("7 days", active.week, before.week),
        ("30 days", active.month, before.month),
    ):
        table.add_row(f"in the last {length}", right(users), active_before(earlier, length))
    return table


def active_before(users: int | None, length: str) -> str:
    """Return how many users were active before, or that events begin too late to say."""
    return NO_EVENTS_BEFORE if users is None else f"{show_number(users)} in the {length} before"
