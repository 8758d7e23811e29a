"""The documents of an export, decoded directly into JSON values."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from bson import Binary, CodecOptions, DBRef, ObjectId, decode_all
from bson.binary import UUID_SUBTYPE, UuidRepresentation
from bson.codec_options import TypeDecoder, TypeRegistry
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from insights.kinds import Document, Field, Kind
from insights.queries.filters import Filter

Batch = list[Document]

Write = Callable[[Batch], object]
"""Writes a batch to a file."""

# Small enough for memory, large enough that round trips cost little. (MongoDB also limits a batch
# to 16 MB.)
BATCH_SIZE = 1000


class Decoder(TypeDecoder):
    """Decodes the values of one BSON type into JSON values."""

    def __init__(self, decoded: type, to_plain: Callable[[Any], Any]) -> None:
        self.decoded = decoded
        self.to_plain = to_plain

    @property
    def bson_type(self) -> type:
        """The class to which PyMongo decodes such a value."""
        return self.decoded

    def transform_bson(self, value: object) -> object:
        """Return the JSON value."""
        return self.to_plain(value)


def time_text(time: datetime) -> str:
    """Return a naive time in UTC as `2026-11-01T09:30:00.000Z`."""
    return f"{time.isoformat('T', 'milliseconds')}Z"


def binary_text(value: Binary) -> str:
    """Return binary data as text, a UUID in its usual form."""
    if value.subtype != UUID_SUBTYPE or len(value) != 16:  # noqa: PLR2004 (the size of a UUID)
        return str(value)
    digits = value.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def reference_object(reference: DBRef) -> Document:
    """Return the object {"$ref": …, "$id": …} that a client sent; it is no reference."""
    return reference.as_doc().to_dict()


# Decoding times as naive and UUIDs as bytes, and formatting those, takes two thirds of the time of
# PyMongo's aware times and UUID objects, which would still need formatting.
PLAIN: CodecOptions[Document] = CodecOptions(
    tz_aware=False,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    type_registry=TypeRegistry(
        [
            Decoder(datetime, time_text),
            Decoder(Binary, binary_text),
            Decoder(bytes, str),
            Decoder(ObjectId, str),
            Decoder(DBRef, reference_object),
        ]
    ),
)


@dataclass(frozen=True)
class Source:
    """The documents of one kind that match a filter."""

    database: Database[Document]
    kind: Kind
    condition: Filter

    @property
    def collection(self) -> Collection[Document]:
        """Their collection."""
        return self.database[self.kind.collection]

    def count(self) -> int:
        """Return their number, which is an estimate for a whole collection."""
        if not self.condition:
            return self.collection.estimated_document_count()
        return self.collection.count_documents(self.condition)

    def batches(self, columns: Sequence[Field] | None = None) -> Iterator[Batch]:
        """Yield them oldest first, with these fields or all that the functions store.

        Reading is no snapshot: a feedback that is replaced meanwhile may come twice, as it was and
        as it is.
        """
        wanted = {"_id": False} | {each.name: True for each in columns or self.kind.fields}
        found = self.collection.find_raw_batches(
            self.condition,
            wanted,
            sort=[("timestamp", ASCENDING)],
            batch_size=BATCH_SIZE,
        )
        for raw in found:
            yield decode_all(cast("bytes", raw), PLAIN)

    def until_newest(self) -> "Source":
        """Return the source up to the newest document now."""
        newest = self.collection.find_one(
            self.condition, {"timestamp": True}, sort=[("timestamp", DESCENDING)]
        )
        if newest is None:
            return self
        bound = {"timestamp": {"$lte": newest["timestamp"]}}
        return replace(self, condition={"$and": [self.condition, bound]})
