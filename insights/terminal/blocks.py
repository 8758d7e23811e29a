"""Blocks of lines, which leave more room for ids and long texts than the rows of a table."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from insights.terminal.console import UNBOUNDED, is_bounded, output
from insights.terminal.lines import INDENT, hang, pack, print_lines
from insights.wording import LONG_TEXT, clean, shorten

# A text and its label, which may be empty.
Labelled = tuple[str, Text]


@dataclass(frozen=True)
class Block:
    """The texts of the first line, which are never cut, and long ones on lines of their own.

    Empty texts are left out.
    """

    short: Sequence[Labelled]
    long: Sequence[Labelled] = ()


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
        print_block(console, block, console.width if bounded else UNBOUNDED)
    return count


def print_block(console: Console, block: Block, width: int, indent: str = "") -> None:
    """Print a block."""
    room = width - len(indent)
    print_lines(console, pack(short_parts(block.short, room), room, INDENT), indent)
    labels = max((cell_len(label) for label, _ in block.long), default=0)
    for label, text in block.long:
        if text:
            name = f"{INDENT}{label:{labels}}  " if labels else INDENT
            print_lines(console, hang(Text(name, "dim"), text, room), indent)


def short_parts(texts: Sequence[Labelled], width: int) -> Iterator[Text]:
    """Yield texts with their labels. A text without room beside its label is below it."""
    for label, text in texts:
        if label and text:
            is_wide = len(INDENT) + len(label) + 1 + text.cell_len > width
            gap = f"\n{INDENT}" if is_wide else " "
            yield Text.assemble((f"{label}{gap}", "dim"), text, INDENT)
        elif text:
            yield text + Text(INDENT)


def user_text(text: str, style: str = "", *, bounded: bool = False) -> Text:
    """Return a user's text in one line, shortened where it is `bounded`."""
    return Text(shorten_to_words(clean(text)) if bounded else clean(text), style)


def shorten_to_words(text: str) -> str:
    """Truncate a long text after a word, if one ends in its second half: half an id is useless."""
    short = shorten(text)
    end = short.rfind(" ", LONG_TEXT // 2)
    return short if short == text or end < 0 else f"{short[:end]} …"
