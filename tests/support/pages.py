"""The documentation's pages and their blocks, tables, links and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# The changelog also mentions removed names.
NAMES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    if path.name != "CHANGELOG.md"
)

Row = list[str]


@dataclass
class Command:
    """A command on a page, and the output shown below it."""

    line: str
    output: str


def text_of(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Return the fenced code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(name), re.DOTALL | re.MULTILINE)


def code_spans(name: str) -> list[str]:
    """Return the inline code on a page."""
    prose = re.sub(r"^```.*?^```$", "", text_of(name), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", prose)


def commands(name: str) -> Iterator[Command]:
    """Yield the console commands of a page in order."""
    for block in blocks(name, "console"):
        for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = text.partition("\n")
            yield Command(line, output)


def tables(name: str, *head: str) -> list[list[Row]]:
    """Return the rows of each table whose head begins with these cells."""
    start = re.escape(f"| {' | '.join(head)} ")
    found = re.findall(rf"^{start}.*\n\|[ -|]+\n((?:\|.*\n)+)", text_of(name), re.MULTILINE)
    return [[split_row(line) for line in rows.splitlines()] for rows in found]


def table(name: str, *head: str) -> list[Row]:
    """Return the rows of the only table whose head begins with these cells."""
    [rows] = tables(name, *head)
    return rows


def split_row(line: str) -> Row:
    """Return the cells of a table's line."""
    return [cell.strip() for cell in line.split("|")[1:-1]]


def links(name: str) -> list[str]:
    """Return the targets of a page's links and images, except to the web."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text_of(name))
    return [target for target in targets if "://" not in target]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub generates for a page's headings."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
