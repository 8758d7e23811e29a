"""The days of a period as sparklines, for `insights summary`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from sparklines import sparklines

from insights.figures.summaries import Summary
from insights.queries.periods import Period
from insights.terminal.lines import INDENT, print_lines, print_text
from insights.wording import show_days, show_number, show_percentage

# Greater means are shown without decimals.
SMALL = 10


@dataclass(frozen=True)
class Sparkline:
    """The marks of a share or of counts. A mark without a value is a gap.

    The scale begins at zero, so that a small change looks small.
    """

    name: str
    marks: Sequence[float | None]
    is_share: bool

    @property
    def values(self) -> list[float]:
        """The values that have a mark."""
        return [value for value in self.marks if value is not None]

    @property
    def has_gaps(self) -> bool:
        """Whether there are gaps between or beside marks."""
        return 0 < len(self.values) < len(self.marks)

    @property
    def drawing(self) -> str:
        """The marks as characters."""
        highest = 1.0 if self.is_share else max(self.values, default=1.0)
        [drawn] = sparklines(self.marks, minimum=0, maximum=highest)
        return f"{drawn:{len(self.marks)}}"

    @property
    def note(self) -> str:
        """The lowest and highest share, or the greatest count, of the marks."""
        if not self.values:
            return "none"
        if not self.is_share:
            return f"max {show_mean(max(self.values))}"
        lowest, highest = show_percentage(min(self.values)), show_percentage(max(self.values))
        return highest if lowest == highest else f"{lowest.removesuffix(' %')} to {highest}"


def show_mean(value: float) -> str:
    """Return a mean of counts as `1,234`, or as `2.5` where it is small."""
    return show_number(round(value)) if value >= SMALL or value.is_integer() else f"{value:.1f}"


def print_days(console: Console, found: Summary) -> None:
    """Print a sparkline for each daily figure.

    Where not every day has room for a mark beside the names, the sparklines are below them, and a
    mark is the mean of several days if necessary.
    """
    days = [each.day for each in found.feedback.daily]
    lines, room = sparklines_of(found, 1), console.width - len(INDENT)
    rows = beside(lines, axis(days, len(days)))
    span = 1 if max(map(cell_len, rows)) <= room else -(-len(days) // room)
    if max(map(cell_len, rows)) > room:
        lines = sparklines_of(found, span)
        rows = below(lines, axis(days, len(lines[0].marks)))
    print_text(console, Text(title(len(days), span), "bold"))
    print_lines(console, map(Text, rows), INDENT)
    print_text(console, Text(" ".join(explain(lines, found.period, len(days))), "dim"), INDENT)


def beside(lines: Sequence[Sparkline], axis: str) -> list[str]:
    """Return the sparklines beside their names, above their axis."""
    margin = max(len(line.name) for line in lines) + len(INDENT)
    rows = [f"{line.name:{margin}}{line.drawing}{INDENT}{line.note}" for line in lines]
    return [*rows, f"{'':{margin}}{axis}"]


def below(lines: Sequence[Sparkline], axis: str) -> list[str]:
    """Return the sparklines below their names, above their axis."""
    rows: list[str] = []
    for line in lines:
        rows.append(f"{line.name}{INDENT}{line.note}")
        if line.values:
            rows.append(line.drawing)
    return [*rows, axis]


def title(days: int, span: int) -> str:
    """Return the title, with the number of days of a mark where it has several."""
    if span == 1:
        return "Day by day"
    rest = f", the last of {days % span}" if days % span else ""
    return f"Day by day (a mark is the mean of {span} days{rest})"


def sparklines_of(found: Summary, span: int) -> list[Sparkline]:
    """Return the sparklines, with one mark for each `span` days."""
    daily = found.feedback.daily
    shares = [(day.positive, day.positive + day.neutral + day.negative) for day in daily]
    counts = {
        "feedback": [day.count for day in daily],
        "events": [day.count for day in found.events.daily],
        "active users": [day.users for day in found.events.daily],
    }
    return [
        Sparkline("share positive", marks(shares, span), is_share=True),
        *(Sparkline(name, means(counts[name], span), is_share=False) for name in counts),
    ]


def means(counts: Sequence[int], span: int) -> list[float | None]:
    """Return the mean of each `span` days, None where it is zero."""
    return [mean or None for mean in marks([(count, 1) for count in counts], span)]


def marks(days: Sequence[tuple[int, int]], span: int) -> list[float | None]:
    """Return the parts of each `span` days divided by their wholes, None where these are zero."""
    return [ratio(days[start : start + span]) for start in range(0, len(days), span)]


def ratio(days: Sequence[tuple[int, int]]) -> float | None:
    """Return the sum of the parts divided by the sum of the wholes."""
    part, whole = (sum(numbers) for numbers in zip(*days, strict=True))
    return part / whole if whole else None


def axis(days: Sequence[date], width: int) -> str:
    """Return the first and the last day, at the ends of marks of this width if they have room."""
    has_years = days[0].year != days[-1].year
    first, last = (show_days(day, day, year=has_years) for day in (days[0], days[-1]))
    if len(first) + len(INDENT) + len(last) <= width:
        return f"{first}{last:>{width - len(first)}}"
    return f"{first} to {last}" if has_years else show_days(days[0], days[-1])


def explain(lines: Sequence[Sparkline], period: Period, days: int) -> Iterator[str]:
    """Yield the sentences on the scales, the gaps and partial days."""
    share, *counts = lines
    scales = ["the share from 0 to 100 %"] if share.values else []
    if any(line.values for line in counts):
        scales.append("counts from 0 to their maximum")
    yield f"Scale: {', '.join(scales)}."
    if any(line.has_gaps for line in lines):
        yield "A gap means none."
    first, last = (each.time() > time() for each in (period.start, period.end))
    if days == 1 and (first or last):
        yield "The day is partial."
    elif first and last:
        yield "The first and the last day are partial."
    elif first or last:
        yield f"The {'first' if first else 'last'} day is partial."
