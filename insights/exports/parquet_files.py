"""Parquet, with typed columns. Missing fields are null."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from insights.errors import Refused
from insights.exports.tables import Part, Write
from insights.exports.values import to_json_texts, to_texts
from insights.kinds import ID, Field, Type

TYPES = {
    Type.TEXT: pa.string(),
    Type.TIME: pa.timestamp("ms", tz="UTC"),
    Type.BOOLEAN: pa.bool_(),
    Type.INTEGER: pa.int64(),
    Type.NUMBER: pa.float64(),
    # Other programs may have stored any type.
    Type.LIST: pa.string(),
    Type.JSON: pa.string(),
}

# A row group is held in memory until it is full, and then while a thread writes it.
GROUP_BYTES = 8 * 1024 * 1024


@contextmanager
def write_parquet(file: BinaryIO, columns: Sequence[Field]) -> Iterator[Write]:
    """Yield a function that writes a batch; write the rest when the block ends."""
    schema = pa.schema([(column.name, TYPES[column.type]) for column in columns])
    # A dictionary of values that never repeat costs time and space, until it is full and given up.
    repeated = [column.name for column in columns if column.name != ID]
    group: list[pa.RecordBatch] = []
    sizes: list[int] = []
    written: list[Future[None]] = []

    def write(parts: Mapping[str, Part], size: int) -> None:
        arrays = [to_array(parts.get(column.name), column, size) for column in columns]
        group.append(pa.record_batch(arrays, schema=schema))
        sizes.append(group[-1].nbytes)
        if sum(sizes) > GROUP_BYTES:
            write_group()

    def write_group() -> None:
        finish()
        written.append(thread.submit(parquet.write_table, pa.Table.from_batches(group, schema)))
        group.clear()
        sizes.clear()

    def finish() -> None:
        while written:
            written.pop().result()

    with (
        ParquetWriter(file, schema, compression="zstd", use_dictionary=repeated) as parquet,
        ThreadPoolExecutor(1) as thread,
    ):
        yield write
        write_group()
        finish()


def to_array(part: Part | None, column: Field, size: int) -> pa.Array:
    """Return the values of one column.

    Raises:
        Refused: a value is not of the column's type.
    """
    cells: list[object] = [None] * size
    if part is not None:
        for row, value in zip(part.rows, column_values(part.values, column.type), strict=True):
            cells[row] = value
    try:
        return pa.array(cells, TYPES[column.type])
    except pa.ArrowException:
        raise Refused(
            f"{column.name} has a value that is not of the type {column.type}: "
            "--format jsonl takes any"
        ) from None


def column_values(values: Sequence[object], column_type: Type) -> Sequence[object]:
    """Return values as Arrow takes them."""
    match column_type:
        case Type.TEXT:
            return to_texts(values)
        case Type.LIST | Type.JSON:
            return to_json_texts(values)
        case _:
            return values
