"""Files with columns, which must be known before the first row is written.

The first documents show them. If a later one has another field, the rest is looked at, too, and
the file is written again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

from insights.exports.columns import Columns, FoundColumns
from insights.exports.sources import Batch, Source, Watch, non_empty
from insights.exports.tables import Part, Write, to_parts
from insights.kinds import Field

Writer = Callable[[BinaryIO, Sequence[Field]], AbstractContextManager[Write]]
"""Starts a file with these columns, and completes it when the block ends."""

Table = tuple[list[Part], int]
"""A batch as columns, and the number of its documents."""

# The size of the documents that are looked at before the first row is written.
FIRST_BYTES = 4 * 1024 * 1024


class TableFile(NamedTuple):
    """A file, the writer of its format, the bytes before that, and whether it can be rewound."""

    file: BinaryIO
    start: Writer
    mark: bytes
    rewindable: bool

    def write(self, columns: Columns, tables: Iterable[Table]) -> int:
        """Write batches; return the number of documents."""
        count = 0
        self.file.write(self.mark)
        with self.start(self.file, columns.fields) as write:
            for parts, size in tables:
                write(columns.arranged(parts), size)
                count += size
        return count

    def rewind(self) -> None:
        """Discard all that was written."""
        self.file.seek(0)
        self.file.truncate()


class NewColumnsError(Exception):
    """A document has a field without a column."""


def export_table(source: Source, table: TableFile, watch: Watch, *, flattened: bool) -> int:
    """Write all documents of a source; return their number.

    Raises:
        NoData: there are none, and nothing was written.
        Refused: a document does not fit the columns.
    """
    # Documents that arrive later may have other fields.
    source = source.until_newest()
    found = FoundColumns(source, flattened=flattened)
    label = "Exporting"
    # The texts of messages are looked up only once.
    if table.rewindable and not source.rated:
        try:
            return write_in_one_pass(source, found, table, watch)
        except NewColumnsError:
            table.rewind()
            label = "Exporting again, with all columns"
    else:
        unsettled = source.unsettled_fields(flattened=flattened)
        found.add_all(watch("Finding columns", source, unsettled))
    columns = found.columns()
    batches = non_empty(source, watch(label, source, source.batches()))
    return table.write(columns, to_tables(batches, flattened=flattened))


def write_in_one_pass(source: Source, found: FoundColumns, table: TableFile, watch: Watch) -> int:
    """Write all documents of a source; return their number.

    Raises:
        NoData: there are none, and nothing was written.
        NewColumnsError: later documents have other fields. All were looked at.
    """
    raw = source.raw_batches()
    first = first_batches(raw)
    found.add_all(map(source.decoded, first))
    columns = found.columns()
    decoded = map(source.decoded, chain(first, raw))
    batches = non_empty(source, watch("Exporting", source, decoded))
    tables = to_tables(batches, flattened=columns.flattened)
    known = islice(tables, len(first))
    return table.write(columns, chain(known, while_fitting(tables, found, columns)))


def first_batches(raw: Iterator[bytes]) -> list[bytes]:
    """Return the first batches, of about `FIRST_BYTES`."""
    first: list[bytes] = []
    while sum(map(len, first)) < FIRST_BYTES and (batch := next(raw, None)) is not None:
        first.append(batch)
    return first


def while_fitting(
    tables: Iterator[Table], found: FoundColumns, columns: Columns
) -> Iterator[Table]:
    """Yield batches while they fit the columns.

    Raises:
        NewColumnsError: one does not. All were looked at.
    """
    for parts, size in tables:
        found.add(parts)
        if not found.fit(columns):
            for others, _ in tables:
                found.add(others)
            raise NewColumnsError
        yield parts, size


def to_tables(batches: Iterable[Batch], *, flattened: bool) -> Iterator[Table]:
    """Yield batches as columns."""
    for batch in batches:
        yield to_parts(batch, flattened=flattened), len(batch)
