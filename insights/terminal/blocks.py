"""Blocks of lines, which leave more room for long texts than the rows of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from insights.terminal.console import UNBOUNDED, is_bounded, output
from insights.wording import clean, shorten

INDENT = "  "


@dataclass(frozen=True)
class Block:
    """The texts of users on the first line, and those on lines of their own, by their labels.

    On the first line, the labels of the first two are left out. Empty texts are left out.
    """

    short: Mapping[str, str]
    long: Mapping[str, str]


def print_blocks(blocks: Iterable[Block]) -> int:
    """Print blocks with empty lines between them; return their number.

    On a terminal, long texts are shortened. A pipe gets each in full, on one line.
    """
    console = output()
    bounded = is_bounded(console)
    count = 0
    for count, block in enumerate(blocks, start=1):
        if count > 1:
            console.print()
        width = console.width if bounded else UNBOUNDED
        console.print(first_line(block.short, width), soft_wrap=not bounded)
        print_long(console, block.long, bounded=bounded)
    return count


def first_line(texts: Mapping[str, str], width: int) -> Text:
    """Return the line of the short texts, with line ends only between texts, where they fit."""
    line = Text()
    for number, (label, text) in enumerate(texts.items()):
        if text:
            style = "bold" if number == 1 else ""
            name = (f"{label.lower()} ", "dim") if number > 1 else ""
            part = Text.assemble(name, (clean(text), style))
            last = line.plain.rpartition("\n")[2]
            is_full = cell_len(last) + len(INDENT) + part.cell_len > width
            line.append(f"\n{INDENT}" if is_full and last else INDENT if last else "")
            line.append(part)
    return line


def print_long(console: Console, texts: Mapping[str, str], *, bounded: bool) -> None:
    """Print the long texts with their labels, indented."""
    width = max(map(len, texts))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=len(INDENT) + width, no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for label, text in texts.items():
        if text and bounded:
            table.add_row(f"{INDENT}{label.lower()}", Text(shorten(clean(text))))
        elif text:
            line = Text.assemble((f"{INDENT}{label.lower():{width}}  ", "dim"), clean(text))
            console.print(line, soft_wrap=True)
    if bounded and table.row_count:
        console.print(table)
