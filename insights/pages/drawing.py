"""Drawing with Vega-Lite: SVG that needs neither scripts nor a network.

Colours are CSS variables of the page. Users' texts are never drawn: they are only in the
descriptions of marks, which Vega escapes.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import altair as alt
import vl_convert
from markupsafe import Markup

# In pixels. No label is wider, because numbers are shortened to 1.2k.
AXIS_WIDTH = 36
TEXT_SIZE = 12

WIDEST_BAR = 80

# Ticks of an axis of counts.
TICKS = 4

# The place of the hour in ISO 8601, and steps that divide a day.
HOUR = slice(11, 13)
HOURS_BETWEEN_LABELS = (1, 2, 3, 4, 6, 12)

DAYS_OF_A_YEAR = 366

# The drawings of all pages of a server. Charts whose data is unchanged are not drawn again.
CACHED = 128

Rows = Sequence[dict[str, Any]]


class Size(NamedTuple):
    """The size of a chart within its axes, in pixels, and its number of labelled days."""

    width: int
    height: int
    labels: int


# For a desktop, beside a list, and for a phone.
WIDE = Size(width=440, height=170, labels=6)
NARROW = Size(width=270, height=150, labels=4)


def start_vega() -> None:
    """Draw once: Vega needs half a second before its first drawing."""
    rows = [{"day": "2026-01-01", "value": 1, "colour": "", "rank": 0, "opacity": 1, "tip": ""}]
    draw([bars(rows)], rows, NARROW)


def bars(rows: Rows) -> alt.Chart:
    """Return stacked bars: each row's `value` in its `colour`, at its `rank` in the stack.

    Negative values are stacked below zero. `opacity` is 0 to 1.
    """
    # Bars below zero are counts, too, so their labels have no sign.
    label = "format(abs(datum.value), abs(datum.value) < 1000 ? 'd' : '~s')"
    axis = alt.Axis(labelExpr=label, tickCount=ticks(rows), tickMinStep=1)
    mark = chart_of(rows).mark_bar(aria=False, stroke=variable("panel"), strokeWidth=0.5)
    layer: alt.Chart = mark.encode(
        y=alt.Y("value:Q", axis=axis),
        fill=alt.Fill("colour:N", scale=None),
        order="rank:Q",
        opacity=alt.Opacity("opacity:Q", scale=None),
    )
    return layer


def ticks(rows: Rows) -> int:
    """Return the number of ticks: four, or fewer where they would be fractions of a count."""
    totals = Counter[tuple[bool, str]]()
    for row in rows:
        totals[row["value"] < 0, row["day"]] += abs(row["value"])
    up, down = (
        max((total for (is_down, _), total in totals.items() if is_down is side), default=0)
        for side in (False, True)
    )
    return max(min(TICKS, up + down), 1)


def points(rows: Rows, colour: str) -> alt.Chart:
    """Return a point for the `share` of each row that has one, sized by `weight`."""
    size = alt.Size("weight:Q", scale=alt.Scale(domainMin=0, range=[10, 90]), legend=None)
    known = [row for row in rows if row["share"] is not None]
    mark = chart_of(known).mark_circle(aria=False, color=variable(colour))
    layer: alt.Chart = mark.encode(y=shares(), size=size)
    return layer


def line(rows: Rows, colour: str) -> alt.Chart:
    """Return a line through each row's `average`, with gaps for None."""
    mark = chart_of(rows).mark_line(aria=False, color=variable(colour), strokeWidth=2.5)
    layer: alt.Chart = mark.encode(y=shares("average"))
    return layer


def level(share: float, colour: str) -> alt.Chart:
    """Return a dashed horizontal line at a share."""
    rule = chart_of([{"share": share}])
    mark = rule.mark_rule(aria=False, color=variable(colour), strokeDash=[5, 4])
    layer: alt.Chart = mark.encode(x=alt.value(0), x2=alt.value("width"), y=shares())
    return layer


def shares(field: str = "share") -> alt.Y:
    """Return the vertical axis from 0 to 100 %."""
    label = "format(100 * datum.value, '.0f') + '\u00a0%'"
    axis = alt.Axis(labelExpr=label, values=[0, 0.25, 0.5, 0.75, 1])
    return alt.Y(f"{field}:Q", axis=axis, scale=alt.Scale(domain=[0, 1]))


def hover_areas(rows: Rows) -> alt.Chart:
    """Return invisible marks over the rows, which name their `tip` to the pointer."""
    mark = chart_of(rows).mark_rect(opacity=0, fill="currentColor")
    layer: alt.Chart = mark.encode(y=alt.value(0), y2=alt.value("height"), description="tip:N")
    return layer


def chart_of(rows: Rows) -> alt.Chart:
    """Return a chart with these rows as its data."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def variable(colour: str) -> str:
    """Return the CSS variable of a colour."""
    return f"var(--{colour})"


def draw(layers: Sequence[alt.Chart], rows: Rows, size: Size) -> Markup:
    """Return the SVG of layers, with the tips of `rows`."""
    days = [row["day"] for row in rows]
    axis = alt.Axis(
        values=labelled(days, size.labels),
        labelExpr=label_of(days),
        labelAngle=0,
        labelOverlap=False,
        # Clear of the labels of the other axis.
        labelPadding=12,
    )
    chart = alt.layer(*layers, hover_areas(rows)).encode(x=alt.X("day:O", axis=axis))
    chart = chart.properties(width=size.width, height=size.height, background="transparent")
    chart = chart.configure(**style())
    if size.width > WIDEST_BAR * len(rows):
        chart = chart.configure_bar(discreteBandSize=WIDEST_BAR)
    return to_svg(chart.to_json(indent=None))


def labelled(days: Sequence[str], most: int) -> list[str]:
    """Return the days, or the hours, that get a label."""
    if not is_hour(days[0]):
        return list(days[:: -(-len(days) // most)])
    for step in HOURS_BETWEEN_LABELS:
        found = [each for each in days if int(each[HOUR]) % step == 0]
        if len(found) <= most:
            break
    return found


def label_of(days: Sequence[str]) -> str:
    """Return the expression for the label of a day, or of an hour."""
    day = f"'{'%b %Y' if len(days) > 1 and years(days) else '%-d %b'}'"
    if is_hour(days[0]):
        day = f"utchours(toDate(datum.value)) ? '%H:%M' : {day}"
    return f"utcFormat(toDate(datum.value), {day})"


def years(days: Sequence[str]) -> bool:
    """Say whether days are more than a year apart, so that labels need one."""
    first, last = (date.fromisoformat(each[:10]) for each in (days[0], days[-1]))
    return (last - first).days > DAYS_OF_A_YEAR


def is_hour(day: str) -> bool:
    """Say whether a key is that of an hour."""
    return "T" in day


def style() -> dict[str, Any]:
    """Return the configuration of all charts."""
    axis = {
        "aria": False,
        "title": None,
        "domain": False,
        "ticks": False,
        "grid": False,
        "labelColor": variable("muted"),
        "labelFontSize": TEXT_SIZE,
        "labelPadding": 6,
    }
    vertical = {
        "grid": True,
        "gridColor": {
            "condition": {"test": "datum.value === 0", "value": variable("axis")},
            "value": variable("grid"),
        },
        "minExtent": AXIS_WIDTH,
        "maxExtent": AXIS_WIDTH,
    }
    return {"axis": axis, "axisY": vertical, "view": {"stroke": None}}


@lru_cache(maxsize=CACHED)
def to_svg(specification: str) -> Markup:
    """Return the SVG of a Vega-Lite chart in JSON."""
    # Vega escapes texts; `test_insights_dashboard.py` verifies that.
    return Markup(vl_convert.vegalite_to_svg(specification))  # noqa: S704
