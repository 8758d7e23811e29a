"""The export formats, and an export in one of them."""

from codecs import BOM_UTF8
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from insights.errors import UsageError
from insights.exports.json_lines import write_json_lines
from insights.exports.sources import Source, Watch, non_empty
from insights.exports.table_files import TableFile, Writer, export_table


class Format(StrEnum):
    """An export format, by its name in `--format`."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


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
    rewindable: bool = True,
) -> int:
    """Write all documents of a source to a file, oldest first; return their number.

    A file that is marked begins with the byte order mark of UTF-8.

    Raises:
        NoData: there are none, and nothing was written.
        Refused: a document does not fit the columns.
    """
    if file_format is Format.JSON_LINES:
        batches = non_empty(source, watch("Exporting", source, source.batches()))
        return write_json_lines(file, source.kind, batches, flattened=flattened)
    mark = BOM_UTF8 if marked else b""
    table = TableFile(file, writer_of(file_format), mark, rewindable=rewindable)
    return export_table(source, table, watch, flattened=flattened)


def writer_of(file_format: Format) -> Writer:
    """Return the writer of a format with columns. Arrow is slow to import, and only for Parquet."""
    if file_format is Format.CSV:
        writer: Writer = import_module("insights.exports.csv_files").write_csv
    else:
        writer = import_module("insights.exports.parquet_files").write_parquet
    return writer
