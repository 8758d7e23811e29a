"""Output: styled on a terminal, plain when piped."""

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from insights.kinds import Document
from insights.wording import CONTROLS, clean, shorten

# How wide pages are that no terminal bounds, and tables whose rows must stay one line each.
PIPED_WIDTH = 120
UNBOUNDED = 1_000_000

# The narrowest that a column of a narrow table gets, such as for an id; and the second, in which
# `thumbs_up` and `thumbs_down` must not look alike.
SHORT = 7
TELLING = 11


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
