"""The documents of an export, in batches that are read ahead."""

import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import cast

from bson import Binary, CodecOptions, decode_all
from bson.binary import UUID_SUBTYPE, UuidRepresentation
from bson.codec_options import DatetimeConversion
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from insights.errors import NoData
from insights.exports.details import DETAILS
from insights.exports.values import UUID_SIZE, to_plain, uuid_texts
from insights.kinds import ID, Document, Field, Kind, Type
from insights.messages.rated import QUESTION, TEXT, RatedMessages, with_own_names
from insights.queries.filters import Filter, all_of, standing

Batch = list[Document]

# Small enough for memory, large enough that round trips cost little. (MongoDB also limits a batch
# to 16 MB.)
BATCH_SIZE = 1000

# Types that PyMongo decodes without calling Python; whole columns are cheaper to convert later.
NATURAL: CodecOptions[Document] = CodecOptions(
    tz_aware=False,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)

# The length of a document, and its first field if that is a UUID as `_id`.
LENGTH = struct.Struct("<i")
UUID_AS_ID = b"\x05_id\0" + LENGTH.pack(UUID_SIZE) + bytes([UUID_SUBTYPE])
PLAIN_BINARY = 0


@dataclass(frozen=True)
class Source:
    """The documents of one kind that match a filter, up to the bound, without withdrawn feedback.

    With `rated`, each feedback has the texts of its message.
    """

    database: Database[Document]
    kind: Kind
    condition: Filter
    bound: Filter = field(default_factory=dict)
    rated: RatedMessages | None = None

    @property
    def fields(self) -> list[Field]:
        """The fields of the functions' documents, and of the added texts."""
        return [*self.kind.fields, *([TEXT, QUESTION] if self.rated else [])]

    @property
    def collection(self) -> Collection[Document]:
        """Their collection."""
        return self.database[self.kind.collection]

    def count(self) -> int:
        """Return their number, which is an estimate for a whole collection."""
        if not self.condition:
            return self.collection.estimated_document_count()
        return self.collection.count_documents(self._selected)

    def batches(self) -> Iterator[Batch]:
        """Yield them oldest first, with all fields but the `_id` of a feedback."""
        return map(self.decoded, self.raw_batches())

    def raw_batches(self) -> Iterator[bytes]:
        """Yield the same documents, not yet decoded.

        Reading is no snapshot: a feedback that is replaced meanwhile may come twice, as it was and
        as it is.
        """
        without_id = None if ID in self._names() else {ID: False}
        return self._find(without_id, sort=[("timestamp", ASCENDING)])

    def decoded(self, raw: bytes) -> Batch:
        """Return a batch with the added texts."""
        batch = decode_batch(raw)
        if self.rated is None:
            return batch
        return self.rated.added_to_batch([with_plain_id(each) for each in batch])

    def unsettled_fields(self, *, flattened: bool) -> Iterator[Batch]:
        """Yield only the fields that are not the same column in every export, in any order."""
        settled = {
            each.name
            for each in self.kind.fields
            if each.type is not Type.TIME and not (flattened and each.name == DETAILS)
        }
        for raw in self._find(dict.fromkeys([ID, *settled], False), sort=None):
            batch: Batch = decode_all(raw, NATURAL)
            yield [with_own_names(each) for each in batch] if self.rated else batch

    @property
    def _selected(self) -> Filter:
        return all_of(self.condition, standing(self.kind))

    def _names(self) -> set[str]:
        return {each.name for each in self.kind.fields}

    def _find(self, fields: Document | None, sort: list[tuple[str, int]] | None) -> Iterator[bytes]:
        condition = all_of(self._selected, self.bound)
        found = self.collection.find_raw_batches(
            condition, fields, sort=sort, batch_size=BATCH_SIZE
        )
        return read_ahead(cast("Iterator[bytes]", found))

    def until_newest(self) -> "Source":
        """Return the source up to the newest document now.

        Documents without a date, or with an array of dates, are part of it.
        """
        a_date = {"timestamp": {"$type": "date", "$not": {"$type": "array"}}}
        newest = self.collection.find_one(
            all_of(self._selected, a_date),
            {ID: False, "timestamp": True},
            sort=[("timestamp", DESCENDING)],
        )
        if newest is None:
            return self
        not_newer = {"timestamp": {"$not": {"$gt": newest["timestamp"]}}}
        return replace(self, bound={"$or": [not_newer, {"timestamp": {"$type": "array"}}]})


Watch = Callable[[str, Source, Iterator[Batch]], Iterator[Batch]]
"""Passes on the batches of a source, and may show progress with a label."""


def non_empty(source: Source, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Return the batches once the first is read.

    Raises:
        NoData: there are none.
    """
    first = next(batches, None)
    if first is None:
        raise NoData("nothing matches" if source.condition else f"no {source.kind} yet")
    return chain([first], batches)


def decode_batch(raw: bytes) -> Batch:
    """Return a batch, with text as `_id` if each is a UUID.

    PyMongo makes an object of each UUID, in Python, which takes a third of the time of an export.
    It makes none of bytes, so here the UUIDs are declared to be bytes.
    """
    data = bytearray(raw)
    uuids = []
    start = 0
    while data.startswith(UUID_AS_ID, start + LENGTH.size):
        subtype = start + LENGTH.size + len(UUID_AS_ID) - 1
        data[subtype] = PLAIN_BINARY
        uuids.append(data[subtype + 1 : subtype + 1 + UUID_SIZE])
        start += LENGTH.unpack_from(data, start)[0]
    if start < len(data) or not uuids:
        return decode_all(raw, NATURAL)
    batch: Batch = decode_all(data, NATURAL)
    for document, text in zip(batch, uuid_texts(uuids), strict=True):
        document[ID] = text
    return batch


def with_plain_id(feedback: Document) -> Document:
    """Return a feedback whose `message_id` is a JSON value, by which its message is found."""
    message_id = feedback.get("message_id")
    odd = isinstance(message_id, Binary | datetime)
    return feedback | {"message_id": to_plain(message_id)} if odd else feedback


def read_ahead(batches: Iterator[bytes]) -> Iterator[bytes]:
    """Yield batches, and ask for the next one while one is used."""
    executor = ThreadPoolExecutor(1)
    try:
        upcoming = executor.submit(next, batches, None)
        while (batch := upcoming.result()) is not None:
            upcoming = executor.submit(next, batches, None)
            yield batch
    finally:
        # A MongoDB that hangs must not delay the exit.
        executor.shutdown(wait=False)
