"""CSV as in RFC 4180, in UTF-8, safe to open in a spreadsheet.

Texts that a spreadsheet would run as formulas get a leading apostrophe (OWASP, "CSV Injection"):
those that begin with =, +, -, @ or their full-width forms, a tab or a line end, even after white
space. Plain numbers such as -1 or +1.5 stay as they are. A spreadsheet set to split at semicolons
sees other cells, and is not covered.

NUL, at which many programs end a text or refuse the file, becomes U+FFFD. All else round-trips.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from insights.exports.json_lines import json_text, plain_text
from insights.exports.sources import Batch, Write
from insights.kinds import Field, Type

NUL = "\0"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z"
# Including invisible characters, which a spreadsheet may skip like white space.
BLANK = r"[\s\x00-\x1f\x7f\u200b\u2060\ufeff]"
FORMULA = re.compile(rf"(?!{NUMBER}){BLANK}*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@contextmanager
def write_csv(file: BinaryIO, columns: Sequence[Field]) -> Iterator[Write]:
    """Write the header; yield a function that writes a batch. Missing fields are empty."""
    # Names of other programs' fields may be formulas, too.
    file.write(csv_text([safe_texts(column.name for column in columns)]))
    yield lambda batch: file.write(csv_text(to_rows(batch, columns)))


def csv_text(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().replace(NUL, REPLACEMENT).encode()


def to_rows(batch: Batch, columns: Sequence[Field]) -> Iterator[tuple[str, ...]]:
    """Return the cells of each document."""
    return zip(*(to_cells(batch, column) for column in columns), strict=True)


def to_cells(batch: Batch, column: Field) -> list[str]:
    """Return the cells of one column. Null is an empty cell."""
    values = [document.get(column.name) for document in batch]
    if column.type is Type.TIME:
        return ["" if value is None else str(value) for value in values]
    if column.type is Type.TEXT:
        return safe_texts(
            value if isinstance(value, str) else plain_text(value) or "" for value in values
        )
    # JSON never begins like a formula, except for negative numbers.
    return ["" if value is None else json_text(value).decode() for value in values]


def safe_texts(texts: Iterable[str]) -> list[str]:
    """Put an apostrophe before texts that a spreadsheet would run."""
    return [f"'{text}" if FORMULA.match(text) else text for text in texts]
