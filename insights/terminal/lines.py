"""Lines that end between words only, so that ids can be copied from a terminal.

A word that is wider than the terminal is printed whole: the terminal wraps it, and still copies it
as one.
"""

import re
from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from insights.wording import unbroken

INDENT = "  "

# Chinese and Japanese have no blanks: their lines may end after each character.
WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
WORD = re.compile(rf" +|[{WIDE}] *|[^ {WIDE}]+ *")


def words(text: Text) -> list[Text]:
    """Split a text into words, each with the blanks after it."""
    ends = [match.end() for match in WORD.finditer(unbroken(text.plain))]
    return [*text.divide(ends[:-1])]


def pack(parts: Iterable[Text], width: int, indent: str = "") -> list[Text]:
    """Return lines that end between parts, which are separated by the blanks after them.

    All lines but the first are indented. A part may have several lines.
    """
    lines: list[list[Text]] = [[]]
    used = 0
    for part in parts:
        if lines[-1] and used + cell_len(part.plain.rstrip()) > width:
            lines.append([])
            used = len(indent)
        lines[-1].append(part)
        used += part.cell_len
    first, *others = (Text("").join(line) for line in lines)
    joined = [first, *(Text(indent) + line for line in others)]
    for line in joined:
        line.rstrip()
    return [each for line in joined if line for each in line.split("\n")]


def hang(head: Text, text: Text, width: int) -> list[Text]:
    """Return a text in lines beside its head, or below it where a word has no room there."""
    parts = [head, *words(text)]
    lines = pack(parts, width, " " * head.cell_len)
    fits = all(line.cell_len <= width for line in lines)
    return lines if fits else pack(parts, width, INDENT)


def print_lines(console: Console, lines: Iterable[Text], indent: str = "") -> None:
    """Print lines without wrapping or cutting them."""
    for line in lines:
        console.print(Text.assemble(indent, line), soft_wrap=True)


def print_text(console: Console, text: Text, indent: str = "") -> None:
    """Print a text in lines that end between words."""
    print_lines(console, pack(words(text), console.width - len(indent)), indent)
