"""From parsed JSON to a checked model and to what BSON holds, or to the list of wrong fields."""

import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import bson
from bson.errors import InvalidDocument
from pydantic import ValidationError
from pydantic_core import to_json

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

Model = TypeVar("Model", Feedback, Event)


Fields = dict[str, Any]
"""What will be stored of a feedback or an event."""


class Document(NamedTuple):
    """A feedback or an event that was checked, as it will be stored.

    `size` is in bytes of JSON. What may hold an infinity is still to be searched for one.
    """

    fields: Fields
    size: int
    may_hold_infinity: bool


def validate(model: type[Model], value: object) -> Model:
    """Return `value` as a `model`.

    Raises:
        InvalidFields: a field is missing, unknown or wrong.
    """
    try:
        # What `model_validate` calls; to get there takes a third of its time.
        validated: Model = model.__pydantic_validator__.validate_python(value)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[:MAXIMUM_ERRORS]
        raise InvalidFields([field_error(dict(each)) for each in wrong]) from None
    return validated


def to_document(record: Feedback | Event, size: int, now: datetime) -> Document:
    """Return what will be stored of `record`, which came now in `size` bytes of JSON."""
    to_be_searched = isinstance(record, Event) and may_hold_infinity(to_json(record.details))
    return Document(record.to_document(now), size, to_be_searched)


def field_error(error: dict[str, Any]) -> FieldError:
    """Turn one of Pydantic's errors into one that repeats nothing of the value."""
    detail = DETAILS.get(error["type"], "is not valid")
    return FieldError(error["loc"], detail.format_map(error.get("ctx", {})))


def may_hold_infinity(json: bytes) -> bool:
    """Say whether an infinity may be in what `to_json` made of it, which is faster than a walk."""
    return b"Infinity" in json


def unstorable_fields(event: Document) -> list[FieldError]:
    """List what BSON cannot hold of an event, or would not give back as JSON."""
    with suppress(OverflowError, InvalidDocument):
        bson.encode(event.fields)
        if not event.may_hold_infinity:
            return []
    return list(find_unstorable(event.fields, ()))[:MAXIMUM_ERRORS]


def find_unstorable(value: object, path: tuple[str | int, ...]) -> Iterator[FieldError]:
    """Walk through `value` and yield each integer, key and number that is refused."""
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
