"""Writing documents, and what MongoDB says of each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import bson
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError, WriteConcernError, WriteError

from shared_code.database import get_collection
from shared_code.group_commit import Writer
from shared_code.operations import in_time
from shared_code.problems import FieldError, InvalidFields, StoreUnavailable
from shared_code.validation import Document, Fields, unstorable_fields

DUPLICATE_KEY = 11000

# What only the server can refuse, for good, by its error code. Any other code may pass.
REFUSALS = {
    15: FieldError(("details",), "is nested deeper than MongoDB stores"),
    121: FieldError((), "is refused by the validation rules of the collection"),
    DUPLICATE_KEY: FieldError((), "is refused by a unique index of the collection"),
}


class Reply(NamedTuple):
    """What MongoDB says of one document: whether an upsert inserted it, or an error."""

    upserted: bool
    error: Mapping[str, Any] | None


DONE = Reply(upserted=False, error=None)

Answer = TypeVar("Answer")

Send = Callable[[str, Sequence[Document]], Awaitable[Sequence[Answer]]]

Outcome = Literal["stored", "duplicate", "opted_out"] | list[FieldError]
"""What became of a document: a duplicate was stored before, and one with errors was refused."""

# As with connections, a deployed process has one event loop, and tests have several.
_writers: dict[tuple[asyncio.AbstractEventLoop, Send[Any], str], Writer[Any]] = {}


async def replace(collection: str, document: Document) -> bool:
    """Store `document` in place of one with its `_id`; return whether there was none.

    Mostly there is none, and an insert is what MongoDB does fastest. What it does not insert, it is
    asked to replace, and that answer is final.

    Raises:
        InvalidFields: MongoDB refuses the document.
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    [reply] = await write(add_if_absent, collection, [document])
    if reply.error is None:
        return True
    [reply] = await write(replace_together, collection, [document])
    if reply.error:
        raise InvalidFields([refusal(reply.error)])
    return reply.upserted


async def insert(collection: str, documents: Sequence[Document]) -> list[Outcome]:
    """Store each of `documents` whose `_id` is not stored yet.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    if not documents:
        return []
    replies = await write(insert_together, collection, documents)
    return [to_outcome(reply) for reply in replies]


async def write(
    send: Send[Answer], collection: str, documents: Sequence[Document]
) -> Sequence[Answer]:
    """Write `documents` together with those of other requests.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    key = asyncio.get_running_loop(), send, collection
    if key not in _writers:
        _writers[key] = Writer(partial(send, collection))
    return await in_time(_writers[key].write(documents))


async def insert_together(
    collection: str, documents: Sequence[Document]
) -> Sequence[Reply | list[FieldError]]:
    """Insert documents, and return the reply to each, or what BSON cannot hold of it.

    Raises:
        PyMongoError: it is not known what became of each.
    """
    if not any(document.may_hold_infinity for document in documents):
        # They are encoded before any is sent, for they go in one message (see `MAXIMUM_BYTES`).
        with suppress(OverflowError, InvalidDocument):
            return await insert_all(collection, [document.fields for document in documents])
    return await insert_storable(collection, documents)


async def insert_storable(
    collection: str, documents: Sequence[Document]
) -> Sequence[Reply | list[FieldError]]:
    """Insert what BSON can hold, and return the reply to each, or what BSON cannot hold of it.

    Raises:
        PyMongoError: it is not known what became of each.
    """
    unstorable = [unstorable_fields(document) for document in documents]
    pairs = zip(documents, unstorable, strict=True)
    storable = [document.fields for document, errors in pairs if not errors]
    replies = iter(await insert_all(collection, storable) if storable else [])
    return [errors or next(replies) for errors in unstorable]


async def insert_all(collection: str, documents: Sequence[Fields]) -> Sequence[Reply]:
    """Insert documents, and return the reply to each.

    Raises:
        PyMongoError: it is not known what became of each.
    """
    replies = await try_to_insert(collection, documents)
    if len(documents) == 1 and replies[0].error:
        return await insert_many(collection, documents)
    return replies


async def add_if_absent(collection: str, documents: Sequence[Document]) -> Sequence[Reply]:
    """Insert documents that BSON can hold, and return the reply to each; a refusal is not final.

    Raises:
        PyMongoError: it is not known what became of each.
    """
    return await try_to_insert(collection, [document.fields for document in documents])


async def try_to_insert(collection: str, documents: Sequence[Fields]) -> Sequence[Reply]:
    """Insert documents, and return the reply to each; the refusal of one alone is not final.

    One alone goes in PyMongo's shorter way, which does not say whether a majority confirmed what is
    there instead.

    Raises:
        PyMongoError: it is not known what became of each.
    """
    if len(documents) > 1:
        return await insert_many(collection, documents)
    # Where PyMongo finds that it cannot encode this one, it closes a connection.
    encoded = RawBSONDocument(bson.encode(documents[0]))
    try:
        await get_collection(collection).insert_one(encoded)
    except WriteError as error:
        return [Reply(upserted=False, error=error.details or {"code": error.code})]
    return [DONE]


async def insert_many(collection: str, documents: Sequence[Fields]) -> Sequence[Reply]:
    """Insert documents by one bulk write, and return the reply to each.

    Raises:
        PyMongoError: it is not known what became of each.
    """
    try:
        # Without an error it speaks of every document: MongoDB leaves none out of an unordered one.
        await get_collection(collection).insert_many(documents, ordered=False)
    except BulkWriteError as error:
        return to_replies(len(documents), error.details)
    return [DONE] * len(documents)


async def replace_together(collection: str, documents: Sequence[Document]) -> Sequence[Reply]:
    """Put documents in place of those with their `_id`s, and return the reply to each.

    Raises:
        PyMongoError: it is not known what became of each.
    """
    operations = [replacement(document.fields) for document in documents]
    try:
        result = await get_collection(collection).bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        return to_replies(len(documents), error.details)
    return to_replies(len(documents), result.bulk_api_result)


def replacement(document: Fields) -> UpdateOne:
    """Return the operation that puts `document` in place of an earlier one with its `_id`.

    A later one stays: a write that the network held up may arrive when another was acknowledged,
    and then it counts as replaced already. The filter names only the `_id`, which is MongoDB's
    fastest way to a document; `$literal` keeps it from reading texts as expressions.
    """
    is_later = {"$gt": ["$timestamp", document["timestamp"]]}
    newest = {"$cond": [is_later, "$$ROOT", {"$literal": document}]}
    return UpdateOne({"_id": document["_id"]}, [{"$replaceWith": newest}], upsert=True)


def to_replies(size: int, details: Mapping[str, Any]) -> list[Reply]:
    """Read the result of a bulk write of `size` documents.

    Raises:
        WriteConcernError: a majority did not confirm it.
        AutoReconnect: it does not speak of every document.
    """
    for error in details["writeConcernErrors"]:
        raise WriteConcernError("not confirmed by a majority", error.get("code"))
    done = details["nInserted"] + details["nMatched"] + details["nUpserted"]
    if done + len(details["writeErrors"]) != size:
        raise AutoReconnect("the bulk write was not confirmed as a whole")
    replies = [DONE] * size
    for error in details["writeErrors"]:
        replies[error["index"]] = Reply(upserted=False, error=error)
    for upsert in details["upserted"]:
        replies[upsert["index"]] = Reply(upserted=True, error=None)
    return replies


def to_outcome(reply: Reply | list[FieldError]) -> Outcome:
    """Read the reply to an insert.

    Raises:
        StoreUnavailable: the document failed for a reason that may pass.
    """
    if isinstance(reply, list):
        return reply
    if not reply.error:
        return "stored"
    return "duplicate" if is_stored_already(reply.error) else [refusal(reply.error)]


def is_stored_already(error: Mapping[str, Any]) -> bool:
    """Say whether a document with the same `_id` is stored; other indexes may be unique too."""
    return error["code"] == DUPLICATE_KEY and error.get("keyPattern") == {"_id": 1}


def refusal(error: Mapping[str, Any]) -> FieldError:
    """Return what to tell the client of MongoDB's error.

    Raises:
        StoreUnavailable: the error may pass, as when two upserts meet for the first time.
    """
    if error["code"] not in REFUSALS or is_stored_already(error):
        raise StoreUnavailable("write error", error["code"])
    return REFUSALS[error["code"]]
