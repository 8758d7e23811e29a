"""JSON lines: one object a line. Missing fields are absent."""

from collections.abc import Iterable
from typing import BinaryIO

from insights.exports.sources import Batch
from insights.exports.tables import to_parts, to_rows
from insights.exports.values import json_lines, uniform_texts
from insights.kinds import ID, Kind, Type


def write_json_lines(
    file: BinaryIO, kind: Kind, batches: Iterable[Batch], *, flattened: bool
) -> int:
    """Write batches; return the number of documents."""
    names = [each.name for each in kind.fields if each.name == ID or each.type is Type.TIME]
    count = 0
    for batch in batches:
        for name in names:
            convert(batch, name)
        rows = to_rows(to_parts(batch, flattened=True), len(batch)) if flattened else batch
        file.write(json_lines(rows))
        count += len(batch)
    return count


def convert(batch: Batch, name: str) -> None:
    """Turn the times or ids of one field into text, all in one call."""
    owners = [document for document in batch if name in document]
    values = [document[name] for document in owners]
    texts = uniform_texts(set(map(type, values)), values) or ()
    for document, text in zip(owners, texts, strict=False):
        document[name] = text
