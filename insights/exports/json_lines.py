"""JSON lines: one object a line. Missing fields are absent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from pydantic_core import to_json

from insights.exports.sources import Write
from insights.kinds import Field


@contextmanager
def write_json_lines(file: BinaryIO, columns: Sequence[Field]) -> Iterator[Write]:
    """Yield a function that writes a batch. The columns are unused."""
    del columns
    yield lambda batch: file.writelines(json_text(document) + b"\n" for document in batch)


def plain_text(value: object) -> str | None:
    """Return a text as it is, and any other value but null as JSON."""
    if value is None or isinstance(value, str):
        return value
    text = json_text(value).decode()
    # Values that JSON lacks become text, too.
    return text if text[0] != '"' else str(value)


def json_text(value: object) -> bytes:
    """Return a value as JSON. Values that JSON lacks become strings, such as "NaN"."""
    return to_json(value, inf_nan_mode="strings", fallback=str)
