"""From parsed JSON to a checked model and to BSON, or to the list of wrong fields."""

import math
import struct
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import bson
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pydantic import ValidationError

from shared_code.models import Event, Feedback
from shared_code.problems import FieldError, InvalidFields

# A client that gets ten errors for one object has enough to go on; an answer stays bounded.
MAXIMUM_ERRORS = 10

# Pydantic's error types in our words: its own texts may repeat what the client sent.
DETAILS = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "string_type": "must be a string",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must not be blank",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "date_time": "must be an RFC 3339 date-time with an offset, such as 2026-01-31T09:30:00Z",
}

BEYOND_64_BITS = "is an integer that needs more than 64 bits"
NUL_IN_KEY = "has a key with a NUL character"
INFINITE = "is a number too large for a 64-bit float"

# Looking for their bytes is much cheaper than looking at every value, and for the one that few
# other values have cheaper still. Others may have the same, so what is found is looked at again.
INFINITY, NEGATIVE_INFINITY = struct.pack("<d", math.inf), struct.pack("<d", -math.inf)
RARE = b"\xf0"


Model = TypeVar("Model", Feedback, Event)


class Document(NamedTuple):
    """What a client sent, checked, and the same as it will be stored, encoded once and for all."""

    record: Feedback | Event
    encoded: RawBSONDocument


def validate(model: type[Model], value: object) -> Model:
    """Return `value` as a `model`.

    Raises:
        InvalidFields: a field is missing, unknown or wrong.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[:MAXIMUM_ERRORS]
        raise InvalidFields([field_error(dict(each)) for each in wrong]) from None


def to_document(record: Feedback | Event, now: datetime) -> Document:
    """Return what will be stored of `record`, which came now.

    Raises:
        InvalidFields: BSON cannot hold what a field says.
    """
    return Document(record, encode(record.to_document(now)))


def to_documents(records: Sequence[Event], now: datetime) -> list[Document]:
    """Return what will be stored of many records; encoding all at once takes less time.

    Raises:
        InvalidFields: BSON cannot hold what one of them says. The errors do not say which one.
    """
    encoded = encode({"documents": [record.to_document(now) for record in records]})
    return list(map(Document, records, encoded["documents"]))


def field_error(error: dict[str, Any]) -> FieldError:
    """Turn one of Pydantic's errors into one that repeats nothing of the value."""
    detail = DETAILS.get(error["type"], "is not valid")
    return FieldError(error["loc"], detail.format_map(error.get("ctx", {})))


def encode(document: dict[str, Any]) -> RawBSONDocument:
    """Encode `document` once, before any network traffic.

    Raises:
        InvalidFields: it holds an integer beyond 64 bits, a key with NUL, or an infinity.
    """
    try:
        encoded = bson.encode(document)
    except (OverflowError, InvalidDocument):
        raise InvalidFields(unstorable_fields(document)) from None
    if RARE in encoded and (INFINITY in encoded or NEGATIVE_INFINITY in encoded):
        errors = unstorable_fields(document)
        if errors:
            raise InvalidFields(errors)
    return RawBSONDocument(encoded)


def unstorable_fields(document: dict[str, Any]) -> list[FieldError]:
    """List what BSON cannot hold, or would not give back as JSON."""
    return list(find_unstorable(document, ()))[:MAXIMUM_ERRORS]


def find_unstorable(value: object, path: tuple[str | int, ...]) -> Iterator[FieldError]:
    """Walk through `value` and yield what `encode` refuses."""
    match value:
        case dict():
            for key, member in value.items():
                if "\0" in key:
                    yield FieldError(path, NUL_IN_KEY)
                else:
                    yield from find_unstorable(member, (*path, key))
        case list():
            for index, member in enumerate(value):
                yield from find_unstorable(member, (*path, index))
        case int() if not -(2**63) <= value < 2**63:
            yield FieldError(path, BEYOND_64_BITS)
        case float() if math.isinf(value):
            yield FieldError(path, INFINITE)
