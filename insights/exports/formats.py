"""The export formats, and an export in one of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from insights.errors import NoData, Refused, UsageError
from insights.exports.columns import DETAILS_COLUMN, flattened_columns
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


def export(
    source: Source, file: BinaryIO, file_format: Format, watch: Watch, *, flattened: bool
) -> int:
    """Write all documents of a source to a file, oldest first; return their number.

    Raises:
        NoData: there are none, and nothing was written.
        UsageError: flattened details have too many different keys.
        Refused: a document does not fit the columns.
    """
    columns: Sequence[Field] = source.kind.fields
    has_columns = file_format is not Format.JSON_LINES
    if flattened and has_columns:
        # Columns must be known before the first row, so events that arrive later are left out.
        source = source.until_newest()
        columns = find_columns(source, watch)
    batches = non_empty(source, watch("Exporting", source, source.batches()))
    if flattened:
        batches = ([flatten(document) for document in batch] for batch in batches)
    if has_columns:
        batches = fitting(batches, columns)
    count = 0
    with WRITERS[file_format](file, columns) as write:
        for batch in batches:
            write(batch)
            count += len(batch)
    return count


def find_columns(source: Source, watch: Watch) -> list[Field]:
    """Return the columns of a source's flattened events.

    Raises:
        UsageError: there are too many.
    """
    batches = watch("Finding columns", source, source.batches([DETAILS_COLUMN]))
    return flattened_columns(chain.from_iterable(batches))


def non_empty(source: Source, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Return the batches once the first is read.

    Raises:
        NoData: there are none.
    """
    first = next(batches, None)
    if first is None:
        raise NoData("nothing matches" if source.condition else f"no {source.kind} yet")
    return chain([first], batches)


def fitting(batches: Iterable[Batch], columns: Sequence[Field]) -> Iterator[Batch]:
    """Pass on batches whose fields all have a column.

    Raises:
        Refused: an event that arrived after the columns were found has another field.
    """
    names = {column.name for column in columns}
    for batch in batches:
        if not all(names >= document.keys() for document in batch):
            raise Refused("events with other details arrived during the export: run it again")
        yield batch
