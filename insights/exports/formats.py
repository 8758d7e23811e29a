"""The export formats, and an export in one of them."""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from insights.errors import NoData, UsageError
from insights.exports.columns import find_columns
from insights.exports.csv_files import write_csv
from insights.exports.details import flatten
from insights.exports.json_lines import write_json_lines
from insights.exports.parquet_files import write_parquet
from insights.exports.sources import Batch, Source, Write
from insights.kinds import Field


class Format(StrEnum):
    """An export format, by its name in `--format`."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


Writer = Callable[[BinaryIO, Sequence[Field]], AbstractContextManager[Write]]
"""Starts a file with these columns, and completes it when the block ends."""

Watch = Callable[[str, Source, Iterator[Batch]], Iterator[Batch]]
"""Passes on the batches of a source, and may show progress with a label."""

WRITERS: dict[Format, Writer] = {
    Format.CSV: write_csv,
    Format.JSON_LINES: write_json_lines,
    Format.PARQUET: write_parquet,
}

SUFFIXES = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".parquet": Format.PARQUET,
}


def format_of(path: Path) -> Format:
    """Return the format for the suffix of a file.

    Raises:
        UsageError: the suffix is unknown.
    """
    file_format = SUFFIXES.get(path.suffix.lower())
    if file_format is None:
        raise UsageError(f"cannot tell the format of {path}: give --format csv, jsonl or parquet")
    return file_format


def export(  # noqa: PLR0913 (each is a part of what the user wants)
    source: Source,
    file: BinaryIO,
    file_format: Format,
    watch: Watch,
    *,
    flattened: bool,
    marked: bool = False,
) -> int:
    """Write all documents of a source to a file, oldest first; return their number.

    A file that is marked begins with the byte order mark of UTF-8.

    Raises:
        NoData: there are none, and nothing was written.
        Refused: a document does not fit the columns.
    """
    fields: Sequence[Field] = source.fields
    if file_format is Format.JSON_LINES:
        batches = non_empty(source, watch("Exporting", source, source.batches()))
        if flattened:
            batches = ([flatten(document) for document in batch] for batch in batches)
    else:
        # Columns must be known before the first row, so documents that arrive later are left out.
        source = source.until_newest()
        columns = find_columns(
            source, partial(watch, "Finding columns", source), flattened=flattened
        )
        fields = columns.fields
        batches = non_empty(source, watch("Exporting", source, source.batches()))
        batches = columns.to_rows(batches)
    count = 0
    if marked:
        file.write(BOM_UTF8)
    with WRITERS[file_format](file, fields) as write:
        for batch in batches:
            write(batch)
            count += len(batch)
    return count


def non_empty(source: Source, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Return the batches once the first is read.

    Raises:
        NoData: there are none.
    """
    first = next(batches, None)
    if first is None:
        raise NoData("nothing matches" if source.condition else f"no {source.kind} yet")
    return chain([first], batches)
