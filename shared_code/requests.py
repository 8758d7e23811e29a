"""Reading a request's body: bounded, inflated, parsed once from its bytes."""

import gc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import azure.functions as func
from pydantic_core import from_json

from shared_code.problems import (
    BodyTooLarge,
    FieldError,
    InvalidFields,
    MalformedBody,
    UnsupportedEncoding,
)
from shared_code.turns import timed

# One feedback or one event. Browsers cap what a closing page may send (`sendBeacon`) at 64 KiB.
OBJECT_LIMIT = 32 * 1024

# A batch of 500 events may have 40 objects and arrays in each.
MAXIMUM_CONTAINERS = 20_000
TOO_MANY_CONTAINERS = f"must have at most {MAXIMUM_CONTAINERS} objects and arrays"

# All bytes but those that begin an object, an array or a text, or end a text.
OTHER_BYTES = bytes(set(range(256)) - set(b'{["'))

GZIP_WINDOW = zlib.MAX_WBITS | 16


def read_body(req: func.HttpRequest, limit: int) -> bytes:
    """Return the body's bytes, at most `limit` of them before and after gzip.

    Raises:
        BodyTooLarge: it is larger, as sent or inflated.
        MalformedBody: it is not the gzip that its header says.
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
            return timed(partial(inflate, limit=limit), body)
        case _:
            raise UnsupportedEncoding


def inflate(body: bytes, limit: int) -> bytes:
    """Inflate one gzip member (RFC 1952), never past `limit` bytes."""
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
        InvalidFields: it has more objects and arrays than any honest client sends.
    """
    try:
        if len(body) <= OBJECT_LIMIT:
            return from_json(body, allow_inf_nan=False)
        check_containers(body)
        with without_collection():
            # To look for equal texts takes longer than to make them.
            return from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        raise MalformedBody(
            "The body must be one JSON value in UTF-8 without a byte order mark, "
            "nested at most 200 levels, without NaN, Infinity or unpaired surrogates."
        ) from None


def check_containers(body: bytes) -> None:
    """Refuse JSON of very many objects and arrays, which take longest to parse, before it is.

    Raises:
        InvalidFields: there are too many.
    """
    if body.count(b"{") + body.count(b"[") > MAXIMUM_CONTAINERS < count_containers(body):
        raise InvalidFields([FieldError((), TOO_MANY_CONTAINERS)])


def count_containers(body: bytes) -> int:
    """Count the brackets outside of texts that begin an object or an array.

    A pattern that matches texts takes ten times as long where there are very many.
    """
    marks = body.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, OTHER_BYTES)
    # Without pairs of quotes that have nothing between them, the others still take turns.
    return sum(map(len, marks.replace(b'""', b"").split(b'"')[::2]))


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the garbage collector in the block.

    While many objects are made, it looks through all of them again and again, which takes longer
    than to make them.
    """
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.enable()
