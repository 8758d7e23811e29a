"""The documents of an export, decoded directly into JSON values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from bson import Binary, CodecOptions, DBRef, ObjectId, decode_all
from bson.binary import UUID_SUBTYPE, UuidRepresentation
from bson.codec_options import DatetimeConversion, TypeDecoder, TypeRegistry
from bson.datetime_ms import DatetimeMS
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from insights.kinds import ID, Document, Field, Kind
from insights.messages.rated import QUESTION, TEXT, RatedMessages, with_own_names
from insights.queries.far_dates import far_iso_time
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


TO_TEXT = [
    Decoder(Binary, binary_text),
    Decoder(bytes, str),
    Decoder(ObjectId, str),
    Decoder(DBRef, reference_object),
]

# Decoding times as naive and UUIDs as bytes, and formatting those, takes two thirds of the time of
# PyMongo's aware times and UUID objects, which would still need formatting.
PLAIN: CodecOptions[Document] = CodecOptions(
    tz_aware=False,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    type_registry=TypeRegistry(
        [
            Decoder(datetime, time_text),
            Decoder(DatetimeMS, far_iso_time),
            *TO_TEXT,
        ]
    ),
)

# The same, but a time stays one: it tells the type of a column.
WITH_TIMES = PLAIN.with_options(type_registry=TypeRegistry(TO_TEXT))

# The dates that a `datetime` can hold.
EARLIEST = DatetimeMS(datetime.min.replace(tzinfo=UTC))
LATEST = DatetimeMS(datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True)
class Source:
    """The documents of one kind that match a filter, up to the bound.

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
        return self.collection.count_documents(self.condition)

    def batches(self) -> Iterator[Batch]:
        """Yield them oldest first, with all fields but the `_id` of a feedback.

        Reading is no snapshot: a feedback that is replaced meanwhile may come twice, as it was and
        as it is.
        """
        condition = {"$and": [self.condition, self.bound]} if self.bound else self.condition
        found = self.collection.find_raw_batches(
            condition,
            None if any(each.name == ID for each in self.kind.fields) else {ID: False},
            sort=[("timestamp", ASCENDING)],
            batch_size=BATCH_SIZE,
        )
        for raw in found:
            batch = decode_all(cast("bytes", raw), PLAIN)
            yield self.rated.added_to_batch(batch) if self.rated else batch

    def values_of(self, name: str) -> Iterator[Batch]:
        """Yield one field of all of them, in any order."""
        wanted = {ID: False, name: True}
        found = self.collection.find_raw_batches(self.condition, wanted, batch_size=BATCH_SIZE)
        for raw in found:
            yield decode_all(cast("bytes", raw), WITH_TIMES)

    def other_fields(self) -> Iterator[Document]:
        """Yield the fields of the documents that the functions do not store."""
        known: Document = {ID: False} | {each.name: False for each in self.kind.fields}
        pipeline = [
            {"$match": self.condition},
            {"$project": known},
            {"$match": {"$expr": {"$ne": ["$$ROOT", {}]}}},
        ]
        others = self.collection.with_options(WITH_TIMES).aggregate(pipeline)
        yield from map(with_own_names, others) if self.rated else others

    def has_only_dates(self, *names: str) -> bool:
        """Say whether fields are dates that Python has wherever they are there."""
        odd: list[Filter] = [
            {name: condition}
            for name in names
            for condition in (
                {"$ne": None, "$not": {"$type": "date"}},
                {"$type": "array"},
                {"$lt": EARLIEST},
                {"$gt": LATEST},
            )
        ]
        return self.collection.find_one({"$and": [self.condition, {"$or": odd}]}) is None

    def until_newest(self) -> "Source":
        """Return the source up to the newest document now.

        Documents without a date, or with an array of dates, are part of it.
        """
        a_date = {"timestamp": {"$type": "date", "$not": {"$type": "array"}}}
        newest = self.collection.find_one(
            {"$and": [self.condition, a_date]},
            {"timestamp": True},
            sort=[("timestamp", DESCENDING)],
        )
        if newest is None:
            return self
        not_newer = {"timestamp": {"$not": {"$gt": newest["timestamp"]}}}
        return replace(self, bound={"$or": [not_newer, {"timestamp": {"$type": "array"}}]})
