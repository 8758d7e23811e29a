"""Parquet, with typed columns. Missing fields are null."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from insights.errors import Refused
from insights.exports.json_lines import json_text, plain_text
from insights.exports.sources import Batch, Write
from insights.kinds import Field, Type

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

# A row group is held in memory until it is written.
GROUP_BYTES = 16 * 1024 * 1024


@contextmanager
def write_parquet(file: BinaryIO, columns: Sequence[Field]) -> Iterator[Write]:
    """Yield a function that writes a batch; write the rest when the block ends."""
    schema = pa.schema([(column.name, TYPES[column.type]) for column in columns])
    group: list[pa.RecordBatch] = []

    def write(batch: Batch) -> None:
        arrays = [to_array(batch, column) for column in columns]
        group.append(pa.record_batch(arrays, schema=schema))
        if sum(each.nbytes for each in group) > GROUP_BYTES:
            write_group()

    def write_group() -> None:
        parquet.write_table(pa.Table.from_batches(group, schema))
        group.clear()

    with ParquetWriter(file, schema, compression="zstd") as parquet:
        yield write
        write_group()


def to_array(batch: Batch, column: Field) -> pa.Array:
    """Return the values of one column.

    Raises:
        Refused: a value is not of the column's type.
    """
    values = [document.get(column.name) for document in batch]
    if column.type in {Type.LIST, Type.JSON}:
        values = [None if value is None else json_text(value) for value in values]
    try:
        if column.type is Type.TIME:
            return pa.array(values, pa.string()).cast(TYPES[column.type])
        return pa.array(values, TYPES[column.type])
    except pa.ArrowException:
        if column.type is Type.TEXT:
            return pa.array(map(plain_text, values), TYPES[column.type])
        raise Refused(
            f"{column.name} has a value that is not of the type {column.type}: "
            "--format jsonl takes any"
        ) from None
