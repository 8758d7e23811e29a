"""Timestamps that are not dates."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bson import ObjectId
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.repair.fields import FieldCheck, type_name
from insights.repair.findings import CannotRepair

TIMESTAMP = "timestamp"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# Python also parses 1712121530123, a Unix time in milliseconds: as a time in the year 1712.
BEGINNING = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

# The dates that a `datetime` can hold.
EARLIEST = DatetimeMS(datetime.min.replace(tzinfo=UTC))
LATEST = DatetimeMS(datetime.max.replace(tzinfo=UTC))

# `$type` and comparisons look into arrays.
ARRAY = {TIMESTAMP: {"$type": "array"}}
TEXT = {TIMESTAMP: {"$type": "string", "$not": {"$type": "array"}}}
MISSING = {TIMESTAMP: {"$eq": None, "$not": {"$type": "array"}}}
EXPECTED = [{TIMESTAMP: {"$type": "date"}}, {TIMESTAMP: {"$type": "string"}}, {TIMESTAMP: None}]
OTHER = {
    "$or": [
        {"$nor": EXPECTED},
        ARRAY,
        {TIMESTAMP: {"$lt": EARLIEST}},
        {TIMESTAMP: {"$gt": LATEST}},
    ]
}


def timestamp_checks(database: Database[Document], kind: Kind) -> Iterator[FieldCheck]:
    """Return the checks of the timestamps in a collection."""
    for name, title, condition, right_value in (
        ("timestamp_text", "timestamp is a text", TEXT, date_in_text),
        ("timestamp_missing", "timestamp is missing", MISSING, date_in_id),
        ("timestamp_other", "timestamp is neither date nor text", OTHER, no_date),
    ):
        yield FieldCheck(database, kind, name, title, TIMESTAMP, condition, right_value)


def date_in_text(document: RawBSONDocument) -> datetime:
    """Parse a text in ISO 8601. A time without an offset is in UTC.

    Raises:
        CannotRepair: it is something else.
    """
    text = document[TIMESTAMP].strip().upper()
    if BEGINNING.match(text):
        with suppress(ValueError, OverflowError):
            date = datetime.fromisoformat(text)
            return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    raise CannotRepair("not ISO 8601")


def date_in_id(document: RawBSONDocument) -> datetime:
    """Return the time at which the `_id` was generated.

    Raises:
        CannotRepair: it has no date, or a future one.
    """
    age = age_of_id(document["_id"])
    if age is None:
        raise CannotRepair("no date in the _id")
    if age > datetime.now(UTC) - EPOCH:
        raise CannotRepair("future date in the _id")
    return EPOCH + age


def age_of_id(value: object) -> timedelta | None:
    """Return the time from 1970 until an ObjectId or a version 7 UUID was generated."""
    match value:
        case ObjectId():
            return value.generation_time - EPOCH
        case UUID(version=7):
            return (value.int >> 80) * MILLISECOND
        case _:
            return None


def no_date(document: RawBSONDocument) -> datetime:
    """Name the type. A number may be in seconds or milliseconds, so it is not converted.

    Raises:
        CannotRepair: always.
    """
    raise CannotRepair(type_name(document, TIMESTAMP))
