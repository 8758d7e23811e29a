"""Request bodies: bounded, inflated, and parsed once."""

import gc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import azure.functions as func
from pydantic_core import from_json

from shared_code.problems import (
    BodyTooLarge,
    FieldError,
    InvalidFields,
    MalformedBody,
    UnsupportedEncoding,
)

# For one feedback or event. A closing page can send at most 64 KiB (`sendBeacon`).
OBJECT_LIMIT = 32 * 1024

# A batch of 500 events may have 40 objects and arrays in each.
MAXIMUM_CONTAINERS = 20_000
TOO_MANY_CONTAINERS = f"must have at most {MAXIMUM_CONTAINERS} objects and arrays"
# A batch of vectors with 1,536 floats each has a quarter of it.
MAXIMUM_VALUES = 100_000
TOO_MANY_VALUES = f"must have at most {MAXIMUM_VALUES} values"

# All bytes except opening brackets, commas and quotes.
OTHER_BYTES = bytes(set(range(256)) - set(b'{[,"'))

GZIP_WINDOW = zlib.MAX_WBITS | 16


def read_body(req: func.HttpRequest, limit: int) -> bytes:
    """Return the inflated body.

    Raises:
        BodyTooLarge: it has more than `limit` bytes, as sent or inflated.
        MalformedBody: its header says gzip, and it is not.
        UnsupportedEncoding: its content coding is not gzip.
    """
    body = req.get_body()
    if len(body) > limit:
        raise BodyTooLarge(limit)
    headers = req.headers
    if "Content-Encoding" not in headers:
        return body
    match headers["Content-Encoding"].strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return inflate(body, limit)
        case _:
            raise UnsupportedEncoding


def inflate(body: bytes, limit: int) -> bytes:
    """Inflate one gzip member (RFC 1952), up to `limit` bytes."""
    inflater = zlib.decompressobj(GZIP_WINDOW)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise MalformedBody("The body is not valid gzip.") from None
    if len(inflated) > limit:
        raise BodyTooLarge(limit)
    if not inflater.eof or inflater.unused_data:
        raise MalformedBody("The body must be one whole gzip stream.")
    return inflated


def parse_json(body: bytes) -> object:
    """Parse UTF-8 JSON (RFC 8259), nested at most 200 levels.

    Raises:
        MalformedBody: it is anything else.
        InvalidFields: it has too many values.
    """
    try:
        if len(body) <= OBJECT_LIMIT:
            return from_json(body, allow_inf_nan=False)
        check_size(body)
        with without_collection():
            # Looking for equal strings takes longer than creating them.
            return from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        raise MalformedBody(
            "The body must be one JSON value in UTF-8 without a byte order mark, "
            "nested at most 200 levels, without NaN, Infinity or unpaired surrogates."
        ) from None


def check_size(body: bytes) -> None:
    """Refuse JSON with too many values before it is parsed; its length says little of its cost.

    Raises:
        InvalidFields: there are too many objects and arrays, or values in all.
    """
    if may_be_parsed(body):
        return
    marks = outside_strings(body)
    if not may_be_parsed(marks):
        is_wide = marks.count(b",") >= MAXIMUM_VALUES
        raise InvalidFields([FieldError((), TOO_MANY_VALUES if is_wide else TOO_MANY_CONTAINERS)])


def may_be_parsed(marks: bytes) -> bool:
    """Say whether there are few enough brackets and commas."""
    return (
        marks.count(b"{") + marks.count(b"[") <= MAXIMUM_CONTAINERS
        and marks.count(b",") < MAXIMUM_VALUES
    )


def outside_strings(body: bytes) -> bytes:
    """Return the brackets and commas outside of strings, ten times as fast as a regex does."""
    marks = body.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, OTHER_BYTES)
    # Every second part lies between strings. Removing empty strings changes nothing but the speed.
    return b"".join(marks.replace(b'""', b"").split(b'"')[::2])


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the garbage collector, which would scan a large body's objects again and again."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()
