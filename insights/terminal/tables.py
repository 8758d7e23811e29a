"""Tables without lines, whose cells are whole: where they have no room, rows become blocks."""

import io
import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Row, Table
from rich.text import Text

from insights.terminal.blocks import Block, print_block, user_text
from insights.terminal.console import UNBOUNDED, is_bounded, output
from insights.terminal.lines import INDENT, pack, print_text, words
from insights.wording import show_number

# The padding of cells.
GAP = (0, 2, 0, 0)

# A narrower column of long texts is hard to read.
READABLE = 24


def right(cell: int | str) -> Text:
    """Return a right-aligned cell."""
    return Text(show_number(cell) if isinstance(cell, int) else cell, justify="right")


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], *, titles: int = 1) -> None:
    """Print rows of users' texts as a table, or as blocks whose first `titles` have no labels.

    On a terminal, long texts of the last column are shortened. A pipe gets each row in full, on one
    line.
    """
    console = output()
    bounded = is_bounded(console)
    table = Table(*(Column(name, no_wrap=True) for name in columns[:-1]), box=None, padding=GAP)
    table.pad_edge = False
    cells = [
        [*map(user_text, row[:-1]), user_text(row[-1], bounded=bounded)] for row in map(list, rows)
    ]
    longest = max((row[-1].cell_len for row in cells), default=0)
    table.add_column(columns[-1], overflow="fold", min_width=min(longest, READABLE))
    for row in cells:
        table.add_row(*row)
    print_table(console, table, titles=titles, spaced=True) if bounded else print_unbounded(table)


def print_table(
    console: Console, table: Table, indent: str = "", *, titles: int = 1, spaced: bool = False
) -> None:
    """Print a table where its longest words have room, or else its rows as blocks.

    The first `titles` texts of a block have no labels. Blocks are `spaced` by empty lines.
    """
    if narrowest(console, table) <= console.width - len(indent):
        console.print(Padding(table, (0, 0, 0, len(indent)), expand=False))
        return
    headings = [str(column.header) for column in table.columns]
    if heading := INDENT.join(headings[:titles]):
        print_text(console, Text(heading, "bold"), indent)
    labels = [*([""] * titles), *map(label_of, headings[titles:])]
    for block in blocks_of(table, labels, console.width - len(indent)):
        if spaced:
            console.print()
        print_block(console, block, console.width, indent)


def narrowest(console: Console, table: Table) -> int:
    """Return the width in which a table cuts no word, and no cell of a column without wrapping."""
    unbounded = console.options.update_width(UNBOUNDED)
    for column in table.columns:
        if column.no_wrap:
            cells = [column.header, *column.cells]
            widths = [console.measure(cell, options=unbounded).maximum for cell in cells]
            column.min_width = max(widths)
    return console.measure(table, options=unbounded).minimum


def blocks_of(table: Table, labels: Sequence[str], width: int) -> Iterator[Block]:
    """Yield the rows of a table as blocks. A last column that wraps has long texts."""
    columns = [column.cells for column in table.columns]
    for row, *cells in zip(table.rows, *columns, strict=True):
        # Bars are left out.
        texts = [
            (label, as_line(cell, row))
            for label, cell in zip(labels, cells, strict=True)
            if isinstance(cell, str | Text)
        ]
        if not table.columns[0].no_wrap:
            lines = pack(words(texts[0][1]), width, INDENT)
            texts[0] = ("", Text("\n").join(lines))
        has_long = not table.columns[-1].no_wrap and len(texts) == len(cells)
        yield Block(texts[:-1], texts[-1:]) if has_long else Block(texts)


def label_of(heading: str) -> str:
    """Return the label for a heading: `since (UTC)` for `Since (UTC)`."""
    return heading[:1].lower() + heading[1:]


def as_line(cell: str | Text, row: Row) -> Text:
    """Return a cell in one line, in the style of its row."""
    text = Text(cell) if isinstance(cell, str) else cell
    figure, *interval = text.split("\n")
    line = Text.assemble(figure, " (", *interval, ")") if interval else figure
    line.stylize(row.style or "")
    return line


def print_unbounded(table: Table) -> None:
    """Print a table at its natural width, without trailing blanks."""
    text = io.StringIO()
    Console(file=text, width=UNBOUNDED).print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())
