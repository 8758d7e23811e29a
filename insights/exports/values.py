"""Stored values as JSON and as text, where possible a whole column in one call."""

import struct
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from io import BytesIO
from math import isfinite
from types import NoneType
from typing import Any

import orjson
from bson import Binary, DBRef, Int64, ObjectId
from bson.binary import UUID_SUBTYPE
from bson.datetime_ms import DatetimeMS

from insights.kinds import Document
from insights.queries.far_dates import far_iso_time

UUID_SIZE = 16
UUID_DIGITS = struct.Struct("8s4s4s4s12s")

# Of `2026-11-01T09:30:00.000Z`.
TIME_LENGTH = 24

TEXTS = {str, NoneType}
NUMBERS = {bool, int, Int64, float}


def json_text(value: object) -> bytes:
    """Return a value as JSON. Values that JSON lacks become strings, such as "NaN"."""
    return json_lines([value]).removesuffix(b"\n")


def json_lines(values: Sequence[object]) -> bytes:
    """Return values as lines of JSON. Values that JSON lacks become strings, such as "NaN"."""
    lines = dump_lines(values)
    # orjson writes NaN and infinities as null.
    return dump_lines(map(with_named_numbers, values)) if b"null" in lines else lines


def dump_lines(values: Iterable[object]) -> bytes:
    """Return values as lines of JSON, with null for numbers that JSON lacks."""
    lines = BytesIO()
    try:
        # Not a list of lines: orjson's are quick to allocate only if each is freed before the next.
        lines.writelines(map(dump_line, values))
    except orjson.JSONEncodeError as error:
        # The cause was raised in `to_plain`, such as by a signal that ends the program.
        raise error.__cause__ or error from None
    return lines.getvalue()


def to_plain(value: object) -> str | Document:
    """Return the JSON value for a BSON value that JSON lacks."""
    match value:
        case datetime():
            return f"{value.isoformat('T', 'milliseconds')}Z"
        case DatetimeMS():
            return far_iso_time(value)
        case Binary() if is_uuid(value):
            return uuid_texts([value])[0]
        case DBRef():
            return reference_object(value)
        case _:
            return str(value)


dump_line = partial(
    orjson.dumps,
    default=to_plain,
    option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_APPEND_NEWLINE,
)


def is_uuid(value: Binary) -> bool:
    """Say whether binary data is a UUID."""
    return value.subtype == UUID_SUBTYPE and len(value) == UUID_SIZE


def reference_object(reference: DBRef) -> Document:
    """Return the object {"$ref": …, "$id": …} that a client sent; it is no reference."""
    return reference.as_doc().to_dict()


def with_named_numbers(value: Any) -> Any:  # noqa: ANN401 (any BSON)
    """Return a value with the names of the numbers that JSON lacks."""
    match value:
        case float() if not isfinite(value):
            return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 (NaN)
        case dict():
            return {key: with_named_numbers(each) for key, each in value.items()}
        case list() | tuple():
            return [with_named_numbers(each) for each in value]
        case DBRef():
            return with_named_numbers(reference_object(value))
        case _:
            return value


def plain_text(value: object) -> str | None:
    """Return a text as it is, and any other value but null as JSON."""
    if value is None or isinstance(value, str):
        return value
    text = json_text(value).decode()
    if text[0] != '"':
        return text
    # A value that JSON lacks.
    return str(value) if isinstance(value, float) else str(to_plain(value))


def to_texts(values: Sequence[object]) -> Sequence[str | None]:
    """Return each value as `plain_text`."""
    kinds = set(map(type, values))
    if kinds <= TEXTS:
        return values  # type: ignore[return-value]
    return uniform_texts(kinds, values) or list(map(plain_text, values))


def uniform_texts(kinds: set[type], values: Sequence[Any]) -> list[str] | None:
    """Return the texts of times or ids, if all are one of them."""
    if kinds == {datetime}:
        return time_texts(values)
    if kinds == {ObjectId}:
        return list(map(str, values))
    if kinds == {Binary} and all(map(is_uuid, values)):
        return uuid_texts(values)
    return None


def time_texts(times: Sequence[datetime]) -> list[str]:
    """Return naive times in UTC as `2026-11-01T09:30:00.000Z`."""
    text = orjson.dumps(times, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)
    # In microseconds, but a whole second has no fraction.
    texts = text.replace(b'000Z"', b'Z"').decode()[2:-2].split('","')
    return [each if len(each) == TIME_LENGTH else f"{each[:-1]}.000Z" for each in texts]


def uuid_texts(uuids: Sequence[bytes | bytearray]) -> list[str]:
    """Return UUIDs in their usual form."""
    digits = UUID_DIGITS.iter_unpack(b"".join(uuids).hex().encode())
    return b",".join(map(b"-".join, digits)).decode().split(",")


def to_json_texts(values: Sequence[object]) -> list[str | None]:
    """Return each value but null as JSON."""
    if not values:
        return []
    if NUMBERS.issuperset(map(type, values)):
        text = orjson.dumps(values)
        if b"null" not in text:
            return text[1:-1].decode().split(",")  # type: ignore[return-value]
    return [
        None if value is None else text
        for value, text in zip(values, json_lines(values).decode().split("\n"), strict=False)
    ]
