"""Output: styled on a terminal, plain when piped."""

import json
import os
import sys

from rich.console import Console

from insights.kinds import Document
from insights.wording import CONTROLS, clean

# The width of help and summaries when piped, and of lines that must not wrap.
PIPED_WIDTH = 120
UNBOUNDED = 1_000_000


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
