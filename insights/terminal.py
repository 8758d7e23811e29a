"""Writing to the terminal, or to whatever takes its place: handsome there, plain elsewhere."""

import io
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from insights.database import Document

# How wide pages are that no terminal bounds, and tables whose rows must stay one line each.
PIPED_WIDTH = 120
UNBOUNDED = 1_000_000

# So many characters of a comment say what it is about; --json and export have the rest.
LONG = 200

# The narrowest that a column of a narrow table gets, such as for an id; and the second, in which
# `thumbs_up` and `thumbs_down` must not look alike.
SHORT = 7
TELLING = 11

# What a terminal would obey (ECMA-48, C0 and C1), and what would reorder the text around it
# (Unicode's bidirectional controls). In a table, tabs and line ends are white space instead.
LINE_ENDS = re.compile(r"\r\n|[\t\n\v\f\r\x85\u2028\u2029]")
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def output() -> Console:
    """Return the console of standard output. It takes texts as they are: no markup, no emoji."""
    return new_console(stderr=False)


def errors() -> Console:
    """Return the console of standard error, for questions and progress."""
    return new_console(stderr=True)


def new_console(*, stderr: bool) -> Console:
    """Return a console; where neither a terminal nor `COLUMNS` bounds its width, it is wide."""
    on_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    is_bounded = os.environ.get("COLUMNS", "0").strip("0").isdecimal()
    width = None if on_terminal or is_bounded else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def clean(text: str) -> str:
    """Return a text of a user in one line, without what a terminal would obey."""
    return CONTROLS.sub(REPLACEMENT, LINE_ENDS.sub(" ", text))


def print_error(message: str) -> None:
    """Print one line to standard error, after the program's name."""
    sys.stderr.write(f"insights: {clean(message)}\n")


def print_warning(message: str) -> None:
    """Print one line to standard error, of what does not end the command."""
    print_error(f"warning: {message}")


def print_line(text: str) -> None:
    """Print one line to standard output at once, also into a pipe."""
    print(clean(text), flush=True)  # noqa: T201


def print_json(document: Document) -> None:
    """Print one line of JSON, in which control characters are escaped."""
    is_unicode = sys.stdout.encoding.lower().startswith("utf")
    line = json.dumps(document, ensure_ascii=not is_unicode)
    sys.stdout.write(CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", line) + "\n")


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of users' texts as a table; the first column is never cut.

    A terminal gets the beginning of a long text; elsewhere each row is one whole line.
    """
    console = output()
    bounded = console.is_terminal or "COLUMNS" in os.environ
    table = new_table(columns)
    for row in rows:
        table.add_row(*(Text(shorten(clean(cell)) if bounded else clean(cell)) for cell in row))
    if bounded:
        narrow(table, console)
        console.print(table)
    else:
        print_whole(table)


def new_table(columns: Sequence[str]) -> Table:
    """Return an empty table, whose last column takes the long texts."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(columns[0], no_wrap=True)
    for name in columns[1:-1]:
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    table.add_column(columns[-1], overflow="fold")
    return table


def narrow(table: Table, console: Console) -> None:
    """Where a table is too wide, bound all but its first column, so that the last has room."""
    natural = console.measure(table, options=console.options.update_width(UNBOUNDED)).maximum
    if natural > console.width:
        for column, least in zip(table.columns[1:-1], (TELLING, SHORT, SHORT), strict=False):
            column.max_width = max(console.width // 7, least)


def print_whole(table: Table) -> None:
    """Print a table as wide as it is, without blanks at the ends of lines."""
    text = io.StringIO()
    Console(file=text, width=UNBOUNDED).print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def shorten(text: str) -> str:
    """Return the beginning of a long text."""
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"


def show_time(time: datetime) -> str:
    """Return a time as `2026-11-01 09:30`, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def show_number(number: int) -> str:
    """Return a number as `1,234,567`."""
    return f"{number:,}"


def show_percentage(share: float | None) -> str:
    """Return a share of one as `42 %`, or a dash where there is none."""
    return "-" if share is None else f"{share:.0%}".replace("%", " %")
