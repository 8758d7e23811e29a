"""Writing documents: `replace` stores a feedback, `insert` stores events.

Both keep their promises on every server that speaks MongoDB's protocol, because they rely only on
what all of them have in common: an `_id` is unique, a document is replaced as a whole, and a bulk
write reports which of its documents failed. A taken `_id` is decided by what is stored under it.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Any, Literal

import bson
from bson import ObjectId
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    PyMongoError,
    WriteConcernError,
    WriteError,
)

from shared_code.database import get_collection
from shared_code.group_commit import send_together
from shared_code.operations import unavailable
from shared_code.problems import FieldError, InvalidFields
from shared_code.retries import send_twice
from shared_code.validation import Document, Fields, unstorable_fields

DUPLICATE_KEY = 11000

# What only the server can refuse, for good, by its error code. Any other code may pass.
REFUSALS = {
    15: FieldError(("details",), "is nested deeper than MongoDB stores"),
    121: FieldError((), "is refused by the validation rules of the collection"),
    DUPLICATE_KEY: FieldError((), "is refused by a unique index of the collection"),
}

Outcome = Literal["stored", "duplicate", "opted_out"] | list[FieldError]
"""What became of a document: a duplicate was stored before, and one with errors was refused."""

Reply = Literal["stored", "taken", "duplicate"] | PyMongoError
"""MongoDB's reply for one document: "taken" is a unique key, "duplicate" once it was looked at.

After an error that is no refusal, the outcome is unknown.
"""


class Unconfirmed(AutoReconnect):
    """A bulk write does not say what became of a document."""


class Vanished(AutoReconnect):
    """An `_id` was taken, and then nothing was stored under it.

    Either the document was erased in between, and another attempt succeeds, or the taken key was
    one of another unique index.
    """

    code = DUPLICATE_KEY


async def replace(collection: str, document: Document) -> bool:
    """Store `document` in place of an earlier one with its `_id`; return whether there was none.

    Mostly there is none, and an insert is what MongoDB does fastest.

    Raises:
        InvalidFields: MongoDB refuses the document.
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    reply: Reply
    for _ in range(2):
        [reply] = await send_together(insert_absent, collection, [document], document.size)
        if reply == "stored":
            return True
        if isinstance(reply, PyMongoError) and not isinstance(reply, Vanished):
            break
        [reply] = await send_together(replace_earlier, collection, [document], document.size)
        if reply == "stored":
            return False
        if not isinstance(reply, Vanished):
            break
    raise InvalidFields([refusal(reply)])


async def insert(collection: str, documents: Sequence[Document]) -> list[Outcome]:
    """Store each of `documents` whose `_id` is not taken yet.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    if not documents:
        return []
    size = sum(document.size for document in documents)
    return list(map(to_outcome, await send_together(insert_new, collection, documents, size)))


def to_outcome(reply: Reply | list[FieldError]) -> Outcome:
    """Read the reply to an insert.

    Raises:
        StoreUnavailable: the document failed for a reason that may pass.
    """
    if isinstance(reply, PyMongoError) or reply == "taken":
        return [refusal(reply)]
    return reply


def refusal(reply: Reply) -> FieldError:
    """Return what to tell the client of an error that is final.

    Raises:
        StoreUnavailable: the error may pass.
    """
    code = DUPLICATE_KEY if reply == "taken" else getattr(reply, "code", None)
    if code in REFUSALS:
        return REFUSALS[code]
    raise unavailable(reply) from None


async def replace_earlier(collection: str, documents: Sequence[Document]) -> list[Reply]:
    """Put documents in place of earlier ones with their `_id`s; a later one stays."""

    async def attempt(fields: Sequence[Fields], *, again: bool) -> list[Reply]:
        del again  # what is repeated replaces itself
        return await in_key_order(partial(replace_all, collection), fields)

    return await send_twice(attempt, [document.fields for document in documents])


async def insert_absent(collection: str, documents: Sequence[Document]) -> list[Reply]:
    """Insert documents that BSON can hold; a taken `_id` is not looked at in the first attempt."""

    async def attempt(fields: Sequence[Fields], *, again: bool) -> list[Reply]:
        replies = await insert_in_order(collection, fields)
        return await look_at_taken(collection, fields, replies, again=True) if again else replies

    return await send_twice(attempt, [document.fields for document in documents])


async def insert_new(
    collection: str, documents: Sequence[Document]
) -> Sequence[Reply | list[FieldError]]:
    """Insert documents, and return the reply to each, or what BSON cannot hold of it."""
    attempt = partial(insert_and_look, collection)
    if not any(document.may_hold_infinity for document in documents):
        # They are encoded before any is sent, for they go in one message (see `MAXIMUM_BYTES`).
        with suppress(OverflowError, InvalidDocument):
            return await send_twice(attempt, [document.fields for document in documents])
    unstorable = [unstorable_fields(document) for document in documents]
    pairs = zip(documents, unstorable, strict=True)
    storable = [document.fields for document, errors in pairs if not errors]
    replies = iter(await send_twice(attempt, storable) if storable else [])
    return [errors or next(replies) for errors in unstorable]


async def insert_and_look(
    collection: str, documents: Sequence[Fields], *, again: bool
) -> list[Reply]:
    """Insert documents, and look at what is stored where an `_id` is taken."""
    replies = await insert_in_order(collection, documents)
    if replies == ["taken"]:
        # PyMongo hides whether a majority confirmed what is stored instead; a bulk write tells.
        replies = await insert_all(collection, documents, in_bulk=True)
    return await look_at_taken(collection, documents, replies, again=again)


async def insert_in_order(collection: str, documents: Sequence[Fields]) -> list[Reply]:
    """Insert documents in the order of their keys, and return the reply to each as given."""
    return await in_key_order(partial(insert_all, collection), documents)


async def in_key_order(
    write: Callable[[Sequence[Fields]], Awaitable[list[Reply]]], documents: Sequence[Fields]
) -> list[Reply]:
    """Write documents in the order of their keys, and return the reply to each as given.

    Bulk writes that take the same keys in different orders deadlock on Azure DocumentDB.
    """
    if {type(document["_id"]) for document in documents} == {ObjectId}:
        # Nobody else writes these, and they are in order.
        return await write(documents)
    keys = list(map(key_of, documents))
    order = sorted(range(len(keys)), key=keys.__getitem__)
    replies = await write([documents[number] for number in order])
    return [reply for _, reply in sorted(zip(order, replies, strict=True), key=itemgetter(0))]


def key_of(document: Fields) -> Any:  # noqa: ANN401 (comparable within one collection)
    """Return the `_id` of a document in a form that can be compared and hashed."""
    key = document["_id"]
    if isinstance(key, dict):
        return tuple(key.values())
    return key.binary if isinstance(key, ObjectId) else key


async def insert_all(
    collection: str, documents: Sequence[Fields], *, in_bulk: bool = False
) -> list[Reply]:
    """Insert documents, and return the reply to each."""
    try:
        if in_bulk or len(documents) > 1:
            await get_collection(collection).insert_many(documents, ordered=False)
        else:
            # Where PyMongo finds that it cannot encode a document, it closes a connection.
            encoded = RawBSONDocument(bson.encode(documents[0]))
            await get_collection(collection).insert_one(encoded)
    except BulkWriteError as error:
        return to_replies(len(documents), error.details)
    except DuplicateKeyError:
        return ["taken"]
    except PyMongoError as error:
        return [error] * len(documents)
    # MongoDB leaves no document out of an unordered write without an error.
    return ["stored"] * len(documents)


async def replace_all(collection: str, documents: Sequence[Fields]) -> list[Reply]:
    """Put documents in place of earlier ones with their `_id`s, and return the reply to each.

    A later one stays: a write that the network held up may arrive after another was acknowledged,
    and then it counts as replaced already.
    """
    operations = [ReplaceOne(is_not_later(each), each) for each in documents]
    try:
        result = await get_collection(collection).bulk_write(operations, ordered=False)
        replies = to_replies(len(documents), result.bulk_api_result)
    except BulkWriteError as error:
        replies = to_replies(len(documents), error.details)
    except PyMongoError as error:
        return [error] * len(documents)
    return await look_at_unmatched(collection, documents, replies)


def is_not_later(document: Fields) -> dict[str, Any]:
    """Return the filter for what is stored under the `_id` of a document, unless it is later."""
    return {"_id": document["_id"], "timestamp": {"$not": {"$gt": document["timestamp"]}}}


def to_replies(size: int, details: Mapping[str, Any]) -> list[Reply]:
    """Read the result of a bulk write of `size` documents."""
    for error in details["writeConcernErrors"]:
        return [WriteConcernError("not confirmed by a majority", error.get("code"))] * size
    errors = details["writeErrors"]
    is_complete = details["nInserted"] + details["nMatched"] + len(errors) == size
    replies: list[Reply] = ["stored" if is_complete else Unconfirmed()] * size
    for error in errors:
        code, text = error["code"], error.get("errmsg", "")
        replies[error["index"]] = "taken" if code == DUPLICATE_KEY else WriteError(text, code)
    return replies


async def look_at_taken(
    collection: str, documents: Sequence[Fields], replies: list[Reply], *, again: bool
) -> list[Reply]:
    """Return the replies, with those to documents whose `_id` is taken decided by what is stored.

    After an attempt whose outcome is unknown, the stored document may be the very one that was
    sent: it then has the same timestamp.
    """
    taken = [number for number, each in enumerate(replies) if each == "taken"]
    if not taken:
        return replies
    stored = await look_at(collection, documents, taken)
    told = {key_of(documents[number]) for number, each in enumerate(replies) if each == "stored"}
    for number in taken:
        key = key_of(documents[number])
        if isinstance(stored, PyMongoError):
            replies[number] = stored
        elif key not in stored:
            replies[number] = Vanished()
        else:
            may_be_it = again and key not in told
            is_it = may_be_it and stored[key] == as_stored(documents[number]["timestamp"])
            replies[number] = "stored" if is_it else "duplicate"
            told.add(key)
    return replies


async def look_at_unmatched(
    collection: str, documents: Sequence[Fields], replies: list[Reply]
) -> list[Reply]:
    """Return the replies, with those to documents that may have replaced none decided likewise."""
    unmatched = [number for number, each in enumerate(replies) if isinstance(each, Unconfirmed)]
    if not unmatched:
        return replies
    stored = await look_at(collection, documents, unmatched)
    for number in unmatched:
        if isinstance(stored, PyMongoError):
            replies[number] = stored
        else:
            found = stored.get(key_of(documents[number]))
            mine = as_stored(documents[number]["timestamp"])
            is_kept = isinstance(found, datetime) and found >= mine
            replies[number] = "stored" if is_kept else Vanished()
    return replies


async def look_at(
    collection: str, documents: Sequence[Fields], numbers: Sequence[int]
) -> dict[Hashable, object] | PyMongoError:
    """Return the timestamps of what is stored under the `_id`s of some documents, by their keys."""
    ids = [documents[number]["_id"] for number in numbers]
    # One batch is one query, whatever it finds.
    found = get_collection(collection).find(
        {"_id": {"$in": ids}}, {"timestamp": True}, batch_size=len(ids) + 1
    )
    try:
        return {key_of(each): each.get("timestamp") async for each in found}
    except PyMongoError as error:
        return error


def as_stored(time: datetime) -> datetime:
    """Return a time as MongoDB gives it back: in UTC without an offset, to the millisecond."""
    naive = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    return naive.replace(microsecond=naive.microsecond // 1000 * 1000)
