"""A batch as columns: the values of each field, and the rows that they belong to.

Documents with the same keys are transposed together, which is cheaper than one by one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import NoneType
from typing import Any, NamedTuple

from bson import DBRef

from insights.exports.details import DETAILS, field_name
from insights.exports.sources import Batch
from insights.exports.values import reference_object
from insights.kinds import Document


class Part(NamedTuple):
    """Values of one field, and their rows in the batch."""

    name: str
    rows: Sequence[int]
    values: Sequence[Any]

    def without_nulls(self) -> "Part":
        """Return the part without the rows that have null."""
        if NoneType not in set(map(type, self.values)):
            return self
        kept = [index for index, value in enumerate(self.values) if value is not None]
        rows, values = ([each[index] for index in kept] for each in (self.rows, self.values))
        return Part(self.name, rows, values)


Write = Callable[[Mapping[str, Part], int], None]
"""Writes so many rows, whose values are in these parts, to a file."""


def to_parts(batch: Batch, *, flattened: bool) -> list[Part]:
    """Return the fields of a batch. A row has its parts in the order of its document's fields.

    Flattened details come last, with a field for each value in them, at any depth:
    `details.device.os`. Arrays count as values, and so do empty objects.
    """
    parts = list(transposed("", range(len(batch)), batch))
    if not flattened:
        return parts
    beside = [part for part in parts if part.name != DETAILS]
    details = (flat_parts(part) for part in parts if part.name == DETAILS)
    return [*beside, *chain.from_iterable(details)]


def transposed(parent: str, rows: Sequence[int], objects: Sequence[Document]) -> Iterator[Part]:
    """Yield the fields of objects, for one set of keys after the other."""
    alike: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, each in enumerate(objects):
        alike[tuple(each)].append(index)
    for keys, indexes in alike.items():
        their_rows = [rows[index] for index in indexes]
        columns = zip(*[objects[index].values() for index in indexes], strict=True)
        for key, values in zip(keys, columns, strict=True):
            yield Part(field_name(parent, key), their_rows, values)


def flat_parts(part: Part) -> Iterator[Part]:
    """Yield the values of a part, or those in its objects under their own names."""
    kinds = set(map(type, part.values))
    if kinds.isdisjoint({dict, DBRef}):
        yield part
        return
    plain = [reference_object(each) if type(each) is DBRef else each for each in part.values]
    objects: list[tuple[int, Document]] = []
    others: list[tuple[int, Any]] = []
    for row, value in zip(part.rows, plain, strict=True):
        is_object = isinstance(value, dict) and (value or part.name == DETAILS)
        (objects if is_object else others).append((row, value))
    if others:
        yield Part(part.name, *zip(*others, strict=True))
    if objects:
        for inner in transposed(part.name, *zip(*objects, strict=True)):
            yield from flat_parts(inner)


def merged(parts: Iterable[Part]) -> dict[str, Part]:
    """Return the parts by name, those of the same name as one."""
    named: defaultdict[str, list[Part]] = defaultdict(list)
    for part in parts:
        named[part.name].append(part)
    return {name: join_parts(name, same) for name, same in named.items()}


def join_parts(name: str, parts: list[Part]) -> Part:
    """Return parts of the same name as one."""
    if len(parts) == 1:
        return parts[0]
    rows = chain.from_iterable(part.rows for part in parts)
    return Part(name, list(rows), list(chain.from_iterable(part.values for part in parts)))


def to_rows(parts: Iterable[Part], size: int) -> Batch:
    """Return parts as documents, whose fields have the parts' names."""
    rows: list[Document] = [{} for _ in range(size)]
    for name, their_rows, values in parts:
        for row, value in zip(their_rows, values, strict=True):
            rows[row][name] = value
    return rows
