"""The results of a run, as Markdown that also reads well in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Row = tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """A limit for a figure: at least or at most."""

    name: str
    figure: float
    at_least: float = 0
    at_most: float = float("inf")

    @property
    def is_met(self) -> bool:
        """Whether the figure is within the limits."""
        return self.at_least <= self.figure <= self.at_most

    @property
    def row(self) -> Row:
        """The target as a row of a table."""
        limit = f"at least {self.at_least}" if self.at_least else f"at most {self.at_most}"
        return self.name, limit, f"{self.figure:.2f}", "met" if self.is_met else "**not met**"


@dataclass(frozen=True)
class Section:
    """A table with its introduction, its targets, and its bars in the chart."""

    title: str
    text: str
    header: Row
    rows: list[Row] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    bars: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the section as Markdown."""
        return f"## {self.title}\n\n{self.text}\n\n{table(self.header, self.rows)}\n"


def table(header: Row, rows: Sequence[Row]) -> str:
    """Return a Markdown table with aligned columns; all but the first hold numbers."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = tuple(
        "-" * (width - bool(index)) + ":" * bool(index) for index, width in enumerate(widths)
    )
    return "\n".join(line(row, widths) for row in (header, rule, *rows))


def line(row: Row, widths: list[int]) -> str:
    """Return a row of a table."""
    first, *others = row
    cells = [first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]
    return f"| {' | '.join(cells)} |"


def targets_section(sections: list[Section]) -> Section:
    """Return a section that lists the targets and whether each was met."""
    return Section(
        title="Targets",
        text="Medians of ratios, as in the tables below; those of times are the inverse.",
        header=("target", "limit", "measured", "verdict"),
        rows=[target.row for section in sections for target in section.targets],
    )
