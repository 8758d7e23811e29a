"""CSV as in RFC 4180, in UTF-8, safe to open in a spreadsheet.

Texts that a spreadsheet would run as formulas get a leading apostrophe (OWASP, "CSV Injection"):
those that begin with =, +, -, @ or their full-width forms, a tab or a line end, even after white
space. Plain numbers such as -1 or +1.5 stay as they are. A spreadsheet set to split at semicolons
sees other cells, and is not covered.

NUL, at which many programs end a text or refuse the file, becomes U+FFFD. All else round-trips.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from insights.exports.tables import Part, Write
from insights.exports.values import to_json_texts, to_texts
from insights.kinds import Field, Type

NUL = "\0"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z"
# Including invisible characters, which a spreadsheet may skip like white space.
BLANK = r"[\s\x00-\x1f\x7f\u200b\u2060\ufeff]"
FORMULA = re.compile(rf"(?!{NUMBER}){BLANK}*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


# Only texts that begin like this can match.
BEGINNING = re.compile(rf"{BLANK}|[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")

# A cell with one of these is quoted.
SPECIAL = ',"\r\n'


@contextmanager
def write_csv(file: BinaryIO, columns: Sequence[Field]) -> Iterator[Write]:
    """Write the header; yield a function that writes a batch. Missing fields are empty."""
    # Names of other programs' fields may be formulas, too.
    file.write(csv_text([[cell] for cell in quoted(safe_texts([each.name for each in columns]))]))

    def write(parts: Mapping[str, Part], size: int) -> None:
        cells = [to_cells(parts.get(column.name), column.type, size) for column in columns]
        file.write(csv_text(cells))

    yield write


def csv_text(columns: Iterable[Sequence[str]]) -> bytes:
    """Return columns of quoted cells as CSV. The module `csv` takes four times as long."""
    lines = map(",".join, zip(*columns, strict=True))
    return ("\r\n".join(lines) + "\r\n").encode()


def to_cells(part: Part | None, column_type: Type, size: int) -> list[str]:
    """Return the cells of one column. Null is an empty cell."""
    cells = [""] * size
    if part is not None:
        _, rows, values = part.without_nulls()
        for row, text in zip(rows, quoted(column_texts(values, column_type)), strict=True):
            cells[row] = text
    return cells


def column_texts(values: Sequence[object], column_type: Type) -> Sequence[str]:
    """Return values, none of them null, as the texts of a column."""
    match column_type:
        case Type.TIME:
            return cast("Sequence[str]", to_texts(values))
        case Type.TEXT:
            return safe_texts(cast("Sequence[str]", to_texts(values)))
        case _:
            # JSON never begins like a formula, except for negative numbers.
            return cast("Sequence[str]", to_json_texts(values))


def safe_texts(texts: Sequence[str]) -> Sequence[str]:
    """Put an apostrophe before texts that a spreadsheet would run."""
    if BEGINNING.search("".join({text[:1] for text in texts})) is None:
        return texts
    return [f"'{text}" if FORMULA.match(text) else text for text in texts]


def quoted(texts: Sequence[str]) -> Sequence[str]:
    """Return texts as cells, in quotes where they have to be."""
    together = "".join(texts)
    if NUL in together:
        texts = [text.replace(NUL, REPLACEMENT) for text in texts]
    if not any(each in together for each in SPECIAL):
        return texts
    return [
        '"' + text.replace('"', '""') + '"'
        if '"' in text or "," in text or "\n" in text or "\r" in text
        else text
        for text in texts
    ]
