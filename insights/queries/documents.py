"""Stored documents: the newest ones, and their conversion to JSON values."""

import json
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from bson import Code, DBRef
from bson.datetime_ms import DatetimeMS
from pymongo import DESCENDING
from pymongo.cursor import Cursor
from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.queries.far_dates import far_iso_time
from insights.queries.filters import Filter

# In effect no limit, and small enough for MongoDB.
LARGEST_LIMIT = 2**31 - 1


def newest(
    database: Database[Document], kind: Kind, condition: Filter, limit: int
) -> Cursor[Document]:
    """Return at most `limit` documents, newest first."""
    found = database[kind.collection].find(condition)
    return found.sort("timestamp", DESCENDING).limit(min(limit, LARGEST_LIMIT))


def to_plain(kind: Kind, document: Document) -> Document:
    """Return a document with JSON values.

    The `_id` of a feedback is left out, because it repeats two other fields.
    """
    return {
        field: plain_value(value)
        for field, value in document.items()
        if field != "_id" or kind is Kind.EVENTS
    }


def plain_value(value: Any) -> Any:  # noqa: ANN401, PLR0911 (any BSON, any JSON)
    """Return the JSON value for a BSON value; types that JSON lacks become text."""
    match value:
        case Code():
            # A text that cannot be a key.
            return str(value)
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else json.dumps(value)
        case datetime() | DatetimeMS():
            return iso_time(value)
        case dict():
            return {key: plain_value(each) for key, each in value.items()}
        case list():
            return [plain_value(each) for each in value]
        case DBRef():
            # PyMongo decodes a client's {"$ref": …, "$id": …} as a DBRef.
            return plain_value(value.as_doc().to_dict())
        case _:
            return str(value)


def iso_time(time: datetime | DatetimeMS) -> str:
    """Return a time as `2026-11-01T09:30:00.000Z`."""
    if isinstance(time, DatetimeMS):
        return far_iso_time(time)
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_text(value: object) -> str:
    """Return a value as a line shows it: a text as it is, nothing for null, and else as JSON."""
    plain = "" if value is None else plain_value(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def list_text(value: object) -> str:
    """Return a list as `[wrong, outdated]`, and nothing for null or an empty list.

    Another program may have stored a value that is no list; it is shown like its only member.
    """
    members = value if isinstance(value, list) else [value]
    return "" if value is None or value == [] else f"[{', '.join(map(as_text, members))}]"
