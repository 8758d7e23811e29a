"""CSV as in RFC 4180, in UTF-8, safe to open in a spreadsheet.

A text that a spreadsheet would run as a formula gets an apostrophe before it, which makes it a text
there (OWASP, "CSV Injection"): one that begins with =, +, -, @ or their full-width forms, with a
tab or with a line end, also after white space. A plain number such as -1 or +1.5 stays as it is.
This holds where the file is split at commas: a spreadsheet that was told to split it at semicolons
reads other cells than these.

NUL, at which many programs end a text or refuse the file, becomes U+FFFD. All else comes back as
it was.
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
# Also what is not seen, and so may be skipped as white space is.
BLANK = r"[\s\x00-\x1f\x7f\u200b\u2060\ufeff]"
FORMULA = re.compile(rf"(?!{NUMBER}){BLANK}*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@contextmanager
def write_csv(file: BinaryIO, columns: Sequence[Field]) -> Iterator[Write]:
    """Write the header; yield what writes a batch. A field that a document lacks is empty."""
    # The names of fields of other programs are theirs.
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
    """Return the cells of one column; null is an empty one."""
    values = [document.get(column.name) for document in batch]
    if column.type is Type.TIME:
        return ["" if value is None else str(value) for value in values]
    if column.type is Type.TEXT:
        return safe_texts(
            value if isinstance(value, str) else plain_text(value) or "" for value in values
        )
    # No JSON begins as a formula does, but for negative numbers.
    return ["" if value is None else json_text(value).decode() for value in values]


def safe_texts(texts: Iterable[str]) -> list[str]:
    """Return texts with an apostrophe before those that a spreadsheet would run."""
    return [f"'{text}" if FORMULA.match(text) else text for text in texts]
