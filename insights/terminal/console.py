"""Output: styled on a terminal, plain when piped."""

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from textwrap import fill

from rich.console import Console
from rich.table import Table
from rich.text import Text

from insights.kinds import Document
from insights.wording import CONTROLS, NO_BREAK_SPACE, clean, shorten, unbroken

# The width of help and summaries when piped, and of tables that must not wrap.
PIPED_WIDTH = 120
UNBOUNDED = 1_000_000

# The minimum widths of columns. The second column may hold ratings, and `thumbs_up` must differ
# from `thumbs_down`.
MINIMUM = 7
SECOND_MINIMUM = 11


def output() -> Console:
    """Return the console of standard output. It interprets no markup or emoji codes."""
    return new_console(stderr=False)


def errors() -> Console:
    """Return the console of standard error, for questions and progress."""
    return new_console(stderr=True)


def new_console(*, stderr: bool) -> Console:
    """Return a console as wide as the terminal or `COLUMNS`, or else `PIPED_WIDTH`."""
    on_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    has_columns = os.environ.get("COLUMNS", "0").strip("0").isdecimal()
    width = None if on_terminal or has_columns else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def is_bounded(console: Console) -> bool:
    """Say whether long texts must fit a width: on a terminal, or with `COLUMNS`."""
    return console.is_terminal or "COLUMNS" in os.environ


def in_lines(sentence: str, width: int) -> str:
    """Return a sentence in lines, with each percent sign beside its number."""
    # Unlike rich, textwrap ends no line at a no-break space.
    return fill(unbroken(sentence), width).replace(NO_BREAK_SPACE, " ")


def print_error(message: str) -> None:
    """Print one line to standard error, prefixed with the program's name."""
    sys.stderr.write(f"insights: {clean(message)}\n")


def print_warning(message: str) -> None:
    """Print a warning to standard error."""
    print_error(f"warning: {message}")


def print_line(text: str) -> None:
    """Print one line to standard output, and flush it for pipes."""
    print(clean(text), flush=True)  # noqa: T201


def print_json(document: Document) -> None:
    """Print one line of JSON with escaped control characters."""
    is_unicode = sys.stdout.encoding.lower().startswith("utf")
    line = json.dumps(document, ensure_ascii=not is_unicode)
    sys.stdout.write(CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", line) + "\n")


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of users' texts as a table.

    On a terminal, long texts are shortened, except in the first column. A pipe gets each row in
    full, on one line.
    """
    console = output()
    bounded = is_bounded(console)
    table = new_table(columns)
    for row in rows:
        table.add_row(*(Text(shorten(clean(cell)) if bounded else clean(cell)) for cell in row))
    if bounded:
        limit_columns(table, console)
        console.print(table)
    else:
        print_unbounded(table)


def new_table(columns: Sequence[str]) -> Table:
    """Return an empty table. Its last column wraps long texts."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(columns[0], no_wrap=True)
    for name in columns[1:-1]:
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    table.add_column(columns[-1], overflow="fold")
    return table


def limit_columns(table: Table, console: Console) -> None:
    """Limit the middle columns of a table that is too wide, to leave room for the last."""
    natural = console.measure(table, options=console.options.update_width(UNBOUNDED)).maximum
    if natural > console.width:
        minimums = (SECOND_MINIMUM, MINIMUM, MINIMUM)
        for column, minimum in zip(table.columns[1:-1], minimums, strict=False):
            column.max_width = max(console.width // 7, minimum)


def print_unbounded(table: Table) -> None:
    """Print a table at its natural width, without trailing blanks."""
    text = io.StringIO()
    Console(file=text, width=UNBOUNDED).print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())
