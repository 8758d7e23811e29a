"""The dashboard's charts, each as a drawing, a sentence and a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Generic, NamedTuple

import altair as alt
from markupsafe import Markup

from insights.figures.answers import show_interval, show_share
from insights.figures.curves import FeedbackDay
from insights.figures.events import EventsDay
from insights.figures.shares import Share
from insights.figures.summaries import Summary
from insights.pages import drawing
from insights.pages.spans import Day, Span, group, heading, name_all
from insights.queries.periods import Period
from insights.wording import clean, plural, show_number, show_percentage, unbroken

# A single bar shows nothing that its numbers do not say.
FEWEST_BARS = 2

# The spans of a moving average, and the fewest with a trend for one to show.
DAYS_AVERAGED, HOURS_AVERAGED = 7, 6
SPANS_TO_AVERAGE = 14

# More colours cannot be told apart.
MAXIMUM_COLOURS = 5

# The opacity of a bar whose days are only partly in the period.
FAINT = 0.55

# Smaller shares are shown as <1 % instead of 0 %.
SMALLEST_SHARE = 0.005

Row = dict[str, Any]


class Series(NamedTuple):
    """A series of a chart: the CSS variable of its colour, and its name."""

    colour: str
    name: str


@dataclass(frozen=True)
class Chart:
    """A chart in two widths, its legend, and its data in a sentence and a table.

    With too little data it has no drawing, and only the rows with data.
    """

    title: str
    description: str
    legend: Sequence[Series]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    wide: Markup
    narrow: Markup


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
    whole, before = summary.feedback.comparison.now, summary.feedback.comparison.before
    window = spans_to_average(spans)
    rows = [share_row(spans, index, window, whole) for index in range(len(spans))]
    layers = [drawing.points(rows, "point"), drawing.line(rows, "share")]
    average = f"{window}-{spans[-1].unit} average"
    legend = [Series("share", "share" if window == 1 else average)]
    legend += [] if window == 1 else [Series("point", f"single {spans[-1].unit}")]
    if before:
        layers.insert(0, drawing.level(before.value, "before"))
        legend.append(Series("before", f"period before: {unbroken(show_share(before))}"))
    return to_chart(
        "Share of positive ratings",
        describe_shares(summary, spans),
        legend,
        [heading(spans), "Positive", "Scored", "Share positive", "95 % interval"],
        rows,
        layers,
    )


def spans_to_average(spans: Sequence[Span[FeedbackDay]]) -> int:
    """Return how many days or hours the line of shares averages."""
    known = sum(share(each) is not None for each in spans)
    if known < SPANS_TO_AVERAGE or len(spans[-1].days) > 1:
        return 1
    return HOURS_AVERAGED if spans[-1].is_hour else DAYS_AVERAGED


def to_chart(  # noqa: PLR0913, PLR0917 (each is a part of it)
    title: str,
    description: str,
    legend: Sequence[Series],
    columns: Sequence[str],
    rows: Sequence[Row],
    layers: Sequence[alt.Chart],
) -> Chart:
    """Return a chart of rows, each with its cells; without a drawing if most have no data."""
    description = unbroken(description)
    known = [row for row in rows if row["has_data"]]
    if len(known) < FEWEST_BARS:
        cells = [row["cells"] for row in known]
        return Chart(title, description, [], columns, cells, Markup(), Markup())
    cells = [row["cells"] for row in rows]
    return Chart(title, description, legend, columns, cells, *in_both_sizes(layers, rows))


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
        "has_data": scored > 0,
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
    shares = [share(each) or 0.0 for each in known]
    lowest, highest = min(shares), max(shares)
    if lowest == highest:
        same = f", the same on {name_all(known)}" if len(known) > 1 else ""
        return f"{total}{same}."
    ends = (("lowest", lowest), ("highest", highest))
    parts = (f"{name}: {describe_share(known, value, whole)}" for name, value in ends)
    return f"{total}; {', '.join(parts)}."


def describe_share(spans: Sequence[Span[FeedbackDay]], value: float, whole: Share) -> str:
    """Return which spans have a share, as `2 Nov 2026 (40 %, 6 to 87 %)`."""
    equal = [each for each in spans if share(each) == value]
    interval = f", {interval_of(equal[0], whole)}" if len(equal) == 1 else ""
    return f"{name_all(equal)} ({percentage(value)}{interval})"


def ratings_chart(summary: Summary) -> Chart:
    """Return the chart of the numbers of ratings, the negative ones below zero."""
    spans = group(summary.feedback.daily)
    bars = [Bar(span, numbers_of_sentiments(span)) for span in spans]
    numbers = summary.feedback.sentiments
    parts = ", ".join(
        f"{show_number(numbers[name])} {name}" for _, name in SENTIMENTS if numbers[name]
    )
    description = f"{plural(summary.feedback.count, 'rating')}: {parts}{peak(bars)}."
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
    description = f"{events}; most frequent: {series[0].name}{peak(bars)}."
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
    """Return the chart of active users by day or by hour.

    A bar of weeks is the average of its days, because days may share users.
    """
    spans = group(summary.events.daily)
    bars = [Bar(span, [round(span.total("users") / len(span.days))]) for span in spans]
    users = [bar.numbers[0] for bar in bars]
    fewest, most = show_number(min(users)), show_number(max(users))
    numbers = most if fewest == most else f"{fewest} to {most}"
    every = "hour" if spans[-1].is_hour else "day"
    description = f"Users {'an' if every == 'hour' else 'a'} {every}: {numbers}{peak(bars)}."
    title = f"{'Hourly' if every == 'hour' else 'Daily'} active users"
    return bar_chart(title, description, [USERS], bars, summary.period)


def bar_chart(
    title: str,
    description: str,
    series: Sequence[Series],
    bars: Sequence[Bar[Day]],
    period: Period,
) -> Chart:
    """Return a chart of stacked bars. Bars of partial days are faint, empty series left out."""
    has_data = [any(numbers) for numbers in zip(*(bar.numbers for bar in bars), strict=True)]
    series = list(compress(series, has_data))
    bars = [Bar(bar.span, list(compress(bar.numbers, has_data))) for bar in bars]
    whole = [bar for bar in bars if bar.span.is_whole(period, len(bars[-1].span.days))]
    # If no bar is whole, none is faint.
    strong = whole or bars
    rows = [row for bar in bars for row in bar_rows(bar, series, 1 if bar in strong else FAINT)]
    columns = [heading([bar.span for bar in bars]), *(each.name for each in series)]
    tips = [tip_row(bar, series) for bar in bars]
    return to_chart(title, description, series, columns, tips, [drawing.bars(rows)])


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
    """Return the tip of a bar, its days and its numbers except zeros; and its cells."""
    parts = [
        f"{show_number(number)} {clean(each.name)}"
        for each, number in zip(series, bar.numbers, strict=True)
        if number
    ]
    return {
        "day": bar.span.key,
        "tip": "\n".join([bar.span.name, *(parts or ["none"])]),
        "cells": [bar.span.name, *map(show_number, bar.numbers)],
        "has_data": any(bar.numbers),
    }


def in_both_sizes(layers: Sequence[alt.Chart], rows: drawing.Rows) -> tuple[Markup, Markup]:
    """Return the drawings for a desktop and for a phone."""
    wide, narrow = (drawing.draw(layers, rows, size) for size in (drawing.WIDE, drawing.NARROW))
    return wide, narrow


def share(span: Span[FeedbackDay]) -> float | None:
    """Return the share of positive ratings, or None without scored ones."""
    scored = span.total(*SCORED)
    return span.total("positive") / scored if scored else None


def peak(bars: Sequence[Bar[Day]]) -> str:
    """Return a phrase for the highest bar, or the highest ones, if there are several bars."""
    if sum(any(bar.numbers) for bar in bars) < FEWEST_BARS:
        return ""
    most = max(sum(bar.numbers) for bar in bars)
    highest = [bar.span for bar in bars if sum(bar.numbers) == most]
    return f"; peak: {name_all(highest)} ({show_number(most)}{' each' if len(highest) > 1 else ''})"


def percentage(share: float | None) -> str:
    """Return a share as `42 %`, with a no-break space."""
    if share is None:
        return "-"
    return unbroken("<1 %" if 0 < share < SMALLEST_SHARE else show_percentage(share))
