"""The dashboard's charts, each as a drawing, a sentence and a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

import altair as alt
from markupsafe import Markup

from insights.figures.answers import show_interval, show_share
from insights.figures.curves import FeedbackDay
from insights.figures.events import EventsDay
from insights.figures.shares import Share
from insights.figures.summaries import Summary
from insights.pages import drawing
from insights.queries.periods import Period
from insights.wording import clean, plural, show_days, show_number, show_percentage, unbroken

# More bars would be too thin to point at, so longer periods are drawn in whole weeks.
MAXIMUM_BARS = 92
WEEK = 7

# Fewer days have no trend for an average to show.
DAYS_TO_AVERAGE = 14

# More colours cannot be told apart.
MAXIMUM_COLOURS = 5

# The opacity of a bar whose days are only partly in the period.
FAINT = 0.55

# Smaller shares are shown as <1 % instead of 0 %.
SMALLEST_SHARE = 0.005

Row = dict[str, Any]
Day = TypeVar("Day", bound=FeedbackDay | EventsDay)


class Series(NamedTuple):
    """A series of a chart: the CSS variable of its colour, and its name."""

    colour: str
    name: str


@dataclass(frozen=True)
class Chart:
    """A chart in two widths, its legend, and its data in a sentence and a table."""

    title: str
    description: str
    legend: Sequence[Series]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    wide: Markup
    narrow: Markup


@dataclass(frozen=True)
class Span(Generic[Day]):
    """The days of one bar: a single day, or whole weeks."""

    days: Sequence[Day]

    @property
    def name(self) -> str:
        """The days, as `2 Nov 2026` or `2 to 8 Nov 2026`."""
        return show_days(self.days[0].day, self.days[-1].day, year=True)

    @property
    def key(self) -> str:
        """The first day in ISO 8601, by which spans are ordered."""
        return self.days[0].day.isoformat()

    def total(self, *fields: str) -> int:
        """Return the sum of these fields over all days."""
        return sum(getattr(day, field) for day in self.days for field in fields)

    def is_whole(self, period: Period, number: int) -> bool:
        """Say whether the span has `number` days, each wholly in the period."""
        start = datetime.combine(self.days[0].day, time(), UTC)
        end = datetime.combine(self.days[-1].day, time(), UTC) + timedelta(days=1)
        covered = (period.since or start) <= start and end <= (period.until or end)
        return covered and len(self.days) == number


@dataclass(frozen=True)
class Bar(Generic[Day]):
    """A bar: its days, and the number of each series."""

    span: Span[Day]
    numbers: Sequence[int]


SCORED = ("positive", "neutral", "negative")
NEGATIVE = Series("negative", "negative")
SENTIMENTS = [
    Series("positive", "positive"),
    Series("neutral", "neutral"),
    Series("unscored", "unscored"),
    NEGATIVE,
]
USERS = Series("users", "users")
OTHERS = Series("type-others", "other types")


def draw_charts(summary: Summary) -> dict[str, Chart]:
    """Return `share` and `ratings` if there is feedback, `events` and `users` if events."""
    charts: dict[str, Chart] = {}
    if summary.feedback.count:
        charts |= {"share": share_chart(summary), "ratings": ratings_chart(summary)}
    if summary.events.count:
        charts |= {"events": events_chart(summary), "users": users_chart(summary)}
    return charts


def share_chart(summary: Summary) -> Chart:
    """Return the chart of the share of positive ratings, with that of the period before."""
    spans = group(summary.feedback.daily)
    averaged = len(spans[0].days) == 1 and len(spans) >= DAYS_TO_AVERAGE
    whole, before = summary.feedback.comparison.now, summary.feedback.comparison.before
    window = WEEK if averaged else 1
    rows = [share_row(spans, index, window, whole) for index in range(len(spans))]
    layers = [drawing.points(rows, "point"), drawing.line(rows, "share")]
    legend = [Series("share", "7-day average" if averaged else "share")]
    legend += [Series("point", "single day")] if averaged else []
    if before:
        layers.insert(0, drawing.level(before.value, "before"))
        legend.append(Series("before", f"period before: {unbroken(show_share(before))}"))
    return Chart(
        "Share of positive ratings",
        describe_shares(summary, spans),
        legend,
        [heading(spans), "Positive", "Scored", "Share positive", "95 % interval"],
        [row["cells"] for row in rows],
        *in_both_sizes(layers, rows),
    )


def share_row(
    spans: Sequence[Span[FeedbackDay]], index: int, window: int, whole: Share | None
) -> Row:
    """Return the row of a span. `average` covers the `window` spans that end with it.

    Its interval has the design effect of the `whole`.
    """
    span = spans[index]
    recent = [day for each in spans[max(0, index + 1 - window) : index + 1] for day in each.days]
    scored, positive = span.total(*SCORED), percentage(share(span))
    interval = interval_of(span, whole)
    return {
        "day": span.key,
        "share": share(span),
        "average": share(Span(recent)),
        "weight": scored,
        "cells": [
            span.name,
            show_number(span.total("positive")),
            show_number(scored),
            positive,
            interval,
        ],
        "tip": f"{span.name}\n{positive} ({interval}) positive of {plural(scored, 'rating')}"
        if scored
        else f"{span.name}\nno scored ratings",
    }


def interval_of(span: Span[FeedbackDay], whole: Share | None) -> str:
    """Return the 95 % interval of the share of a span, or a dash where none can be scored."""
    scored = span.total(*SCORED)
    if not (whole and scored):
        return "-"
    return unbroken(show_interval(whole.part(span.total("positive"), scored).interval))


def describe_shares(summary: Summary, spans: Sequence[Span[FeedbackDay]]) -> str:
    """Return a sentence that describes the shares."""
    whole = summary.feedback.comparison.now
    known = [each for each in spans if share(each) is not None]
    if whole is None or not known:
        return "None of the ratings can be scored."
    total = f"{show_share(whole)} of the scored ratings are positive"
    if len(known) == 1:
        return unbroken(f"{total}.")
    lowest, highest = (
        f"{span.name} ({percentage(share(span))}, {interval_of(span, whole)})"
        for span in (min(known, key=rank), max(known, key=rank))
    )
    return unbroken(f"{total}; lowest: {lowest}, highest: {highest}.")


def rank(span: Span[FeedbackDay]) -> tuple[float, str]:
    """Return the share by which spans are ranked; of equals, their names decide."""
    return share(span) or 0.0, span.name


def ratings_chart(summary: Summary) -> Chart:
    """Return the chart of the numbers of ratings, the negative ones below zero."""
    spans = group(summary.feedback.daily)
    bars = [Bar(span, numbers_of_sentiments(span)) for span in spans]
    numbers = summary.feedback.sentiments
    parts = ", ".join(f"{show_number(numbers[name])} {name}" for _, name in SENTIMENTS)
    description = f"{plural(summary.feedback.count, 'rating')}: {parts}; {peak(bars)}."
    return bar_chart("Ratings", description, SENTIMENTS, bars, summary.period)


def numbers_of_sentiments(span: Span[FeedbackDay]) -> list[int]:
    """Return the number of ratings for each of `SENTIMENTS`."""
    unscored = span.total("count") - span.total(*SCORED)
    return [span.total("positive"), span.total("neutral"), unscored, span.total("negative")]


def events_chart(summary: Summary) -> Chart:
    """Return the chart of the numbers of events, by the most frequent types."""
    series = type_series(summary)
    bars = [Bar(span, numbers_of_types(span, series)) for span in group(summary.events.daily)]
    events = plural(summary.events.count, "event")
    description = f"{events}; most frequent: {series[0].name}; {peak(bars)}."
    return bar_chart("Events by type", description, series, bars, summary.period)


def type_series(summary: Summary) -> list[Series]:
    """Return a series for each of the most frequent types, and one for any others."""
    types = [each.event_type for each in summary.events.types]
    series = [Series(f"type-{index}", name) for index, name in enumerate(types[:MAXIMUM_COLOURS])]
    more = len(types) > MAXIMUM_COLOURS or summary.events.others
    return [*series, OTHERS] if more else series


def numbers_of_types(span: Span[EventsDay], series: Sequence[Series]) -> list[int]:
    """Return the number of events of each series."""
    named = [each.name for each in series if each is not OTHERS]
    numbers = [sum(day.types.get(name, 0) for day in span.days) for name in named]
    return [*numbers, span.total("count") - sum(numbers)] if OTHERS in series else numbers


def users_chart(summary: Summary) -> Chart:
    """Return the chart of daily active users.

    A bar of weeks is the average of its days, because days may share users.
    """
    spans = group(summary.events.daily)
    bars = [Bar(span, [round(span.total("users") / len(span.days))]) for span in spans]
    users = [bar.numbers[0] for bar in bars]
    fewest, most = show_number(min(users)), show_number(max(users))
    numbers = most if fewest == most else f"{fewest} to {most}"
    description = f"Users a day: {numbers}; {peak(bars)}."
    return bar_chart("Daily active users", description, [USERS], bars, summary.period)


def bar_chart(
    title: str,
    description: str,
    series: Sequence[Series],
    bars: Sequence[Bar[Day]],
    period: Period,
) -> Chart:
    """Return a chart of stacked bars. Bars of partial days are faint."""
    whole = [bar for bar in bars if bar.span.is_whole(period, len(bars[-1].span.days))]
    # If no bar is whole, none is faint.
    strong = whole or bars
    rows = [row for bar in bars for row in bar_rows(bar, series, 1 if bar in strong else FAINT)]
    return Chart(
        title,
        description,
        series,
        [heading([bar.span for bar in bars]), *(each.name for each in series)],
        [[bar.span.name, *map(show_number, bar.numbers)] for bar in bars],
        *in_both_sizes([drawing.bars(rows)], [tip_row(bar, series) for bar in bars]),
    )


def bar_rows(bar: Bar[Day], series: Sequence[Series], opacity: float) -> list[Row]:
    """Return the segments of a bar, from the zero line outwards."""
    return [
        {
            "day": bar.span.key,
            "value": -number if each is NEGATIVE else number,
            "colour": drawing.variable(each.colour),
            "rank": rank,
            "opacity": opacity,
        }
        for rank, (each, number) in enumerate(zip(series, bar.numbers, strict=True))
        if number
    ]


def tip_row(bar: Bar[Day], series: Sequence[Series]) -> Row:
    """Return the tip of a bar: its days, and its numbers except zeros."""
    parts = [
        f"{show_number(number)} {clean(each.name)}"
        for each, number in zip(series, bar.numbers, strict=True)
        if number
    ]
    return {"day": bar.span.key, "tip": "\n".join([bar.span.name, *(parts or ["none"])])}


def in_both_sizes(layers: Sequence[alt.Chart], rows: drawing.Rows) -> tuple[Markup, Markup]:
    """Return the drawings for a desktop and for a phone."""
    wide, narrow = (drawing.draw(layers, rows, size) for size in (drawing.WIDE, drawing.NARROW))
    return wide, narrow


def group(days: Sequence[Day]) -> list[Span[Day]]:
    """Return the days one by one, or in as many weeks a bar as `MAXIMUM_BARS` demands.

    A remainder of days is the first span, because the last days matter more.
    """
    weeks = math.ceil(len(days) / MAXIMUM_BARS / WEEK) if len(days) > MAXIMUM_BARS else 0
    size = weeks * WEEK or 1
    ends = range(len(days), 0, -size)
    return [Span(days[max(0, end - size) : end]) for end in reversed(ends)]


def share(span: Span[FeedbackDay]) -> float | None:
    """Return the share of positive ratings, or None without scored ones."""
    scored = span.total(*SCORED)
    return span.total("positive") / scored if scored else None


def peak(bars: Sequence[Bar[Day]]) -> str:
    """Return a phrase for the highest bar."""
    highest = max(bars, key=lambda bar: sum(bar.numbers))
    return f"peak: {highest.span.name} ({show_number(sum(highest.numbers))})"


def heading(spans: Sequence[Span[Day]]) -> str:
    """Return the heading of a column of spans."""
    return "Day (UTC)" if len(spans[0].days) == 1 else "Days (UTC)"


def percentage(share: float | None) -> str:
    """Return a share as `42 %`, with a no-break space."""
    if share is None:
        return "-"
    return unbroken("<1 %" if 0 < share < SMALLEST_SHARE else show_percentage(share))
