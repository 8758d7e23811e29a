"""The formats, and an export in one of them."""

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
    """A format, by the name that users give it."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


Writer = Callable[[BinaryIO, Sequence[Field]], AbstractContextManager[Write]]
"""Begins a file with these columns, and ends it when the block ends."""

Watch = Callable[[str, Source, Iterator[Batch]], Iterator[Batch]]
"""Passes on the batches of a source, and may show how far it is; the text says what is done."""

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
    """Return the format that the end of a file's name says.

    Raises:
        UsageError: it says none.
    """
    file_format = SUFFIXES.get(path.suffix.lower())
    if file_format is None:
        raise UsageError(f"the format of {path} is not known: give --format csv, jsonl or parquet")
    return file_format


def export(
    source: Source, file: BinaryIO, file_format: Format, watch: Watch, *, flattened: bool
) -> int:
    """Write all documents of a source to a file, oldest first; return how many they are.

    Raises:
        NoData: there is none, and nothing was written.
        UsageError: flattened details have too many different keys.
        Refused: a document does not fit the columns.
    """
    columns: Sequence[Field] = source.kind.fields
    has_columns = file_format is not Format.JSON_LINES
    if flattened and has_columns:
        # They must be known before the first row; events that come later might bring others.
        source = source.until_newest()
        columns = find_columns(source, watch)
    batches = begun(source, watch("Exporting", source, source.batches()))
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
    """Return the columns that the flattened events of a source have.

    Raises:
        UsageError: there are too many.
    """
    batches = watch("Finding columns", source, source.batches([DETAILS_COLUMN]))
    return flattened_columns(chain.from_iterable(batches))


def begun(source: Source, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Return the batches, once the first is there.

    Raises:
        NoData: there is none.
    """
    first = next(batches, None)
    if first is None:
        raise NoData("nothing matches" if source.condition else f"no {source.kind} yet")
    return chain([first], batches)


def fitting(batches: Iterable[Batch], columns: Sequence[Field]) -> Iterator[Batch]:
    """Pass on batches whose fields all have a column.

    Raises:
        Refused: one has not, because its event arrived after the columns were found.
    """
    names = {column.name for column in columns}
    for batch in batches:
        if not all(names >= document.keys() for document in batch):
            raise Refused("events with other details arrived during the export: run it again")
        yield batch
