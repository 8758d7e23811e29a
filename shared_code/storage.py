"""Writing documents: `replace` stores a feedback, `insert` stores events.

Both keep their promises on every server that speaks MongoDB's protocol, because they rely only on
what all of them have in common: an `_id` is unique, a document is replaced as a whole, and a bulk
write reports which of its documents failed. A taken `_id` is decided by what is stored under it.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, Literal

import bson
from bson import CodecOptions, DatetimeConversion, ObjectId
from bson.datetime_ms import DatetimeMS
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
from shared_code.group_commit import Failed, send_twice
from shared_code.operations import unavailable
from shared_code.problems import FieldError, InvalidFields
from shared_code.validation import Budget, Document, Fields, encode

DUPLICATE_KEY = 11000

# Whatever the connection string says: decoded, a stored {"$ref": …, "$id": …} would become another
# object, an `_id` a UUID, and a date beyond the year 9999 an error.
RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS
)

# The fields that are not the client's.
OURS = {"_id", "timestamp"}

# What only the server can refuse, for good, by its error code. Any other code may pass.
OTHER_EVENT = FieldError(("event_id",), "is the id of another event")
REFUSALS = {
    15: FieldError(("details",), "is nested deeper than MongoDB stores"),
    121: FieldError((), "is refused by the validation rules of the collection"),
    DUPLICATE_KEY: FieldError((), "is refused by a unique index of the collection"),
}

Outcome = Literal["stored", "duplicate", "opted_out"] | list[FieldError]
"""What became of a document: a duplicate was stored before, and one with errors was refused."""

Reply = Literal["stored", "taken", "duplicate", "other"] | Failed
"""MongoDB's reply for one document.

"taken" is a unique key. Once it was looked at, the same is stored there ("duplicate"), or something
else is ("other").
"""


class Unconfirmed(AutoReconnect):
    """A bulk write does not say what became of a document."""


class Vanished(AutoReconnect):
    """An `_id` was taken, and then nothing was stored under it.

    Either the document was erased in between, and another attempt succeeds, or the taken key was
    one of another unique index.
    """

    code = DUPLICATE_KEY


UNCONFIRMED = Failed(Unconfirmed(), is_unknown=True)


async def replace(collection: str, document: Document) -> bool:
    """Store `document` in place of an earlier one with its `_id`; return whether there was none.

    Mostly there is none, and an insert is what MongoDB does fastest.

    Raises:
        InvalidFields: MongoDB refuses the document.
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    reply: Any
    for _ in range(2):
        [reply] = await send_twice(insert_absent, collection, [document], document.size, resend)
        if reply == "stored":
            return True
        if isinstance(reply, Failed) and not isinstance(reply.error, Vanished):
            break
        [reply] = await send_twice(replace_earlier, collection, [document], document.size, resend)
        if reply == "stored":
            return False
        if not (isinstance(reply, Failed) and isinstance(reply.error, Vanished)):
            break
    raise InvalidFields(refusals(reply))


async def insert(collection: str, documents: Sequence[Document]) -> list[Outcome]:
    """Store each of `documents` whose `_id` is not taken yet.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    if not documents:
        return []
    size = sum(document.size for document in documents)
    replies: Any = await send_twice(insert_new, collection, documents, size, resend)
    return list(map(to_outcome, replies))


def resend(document: Document, failure: Failed) -> Document:
    """Return what a second attempt sends of a document."""
    return document._replace(again=failure.is_unknown)


def to_outcome(reply: Reply | list[FieldError]) -> Outcome:
    """Read the reply to an insert.

    Raises:
        StoreUnavailable: the document failed for a reason that may pass.
    """
    return reply if reply == "stored" or reply == "duplicate" else refusals(reply)  # noqa: PLR1714 (a list has no hash)


def refusals(reply: Reply | list[FieldError]) -> list[FieldError]:
    """Return what to tell the client of a reply that is final.

    Raises:
        StoreUnavailable: the document failed for a reason that may pass.
    """
    if isinstance(reply, list):
        return reply
    if reply == "other":
        return [OTHER_EVENT]
    code = getattr(reply.error, "code", None) if isinstance(reply, Failed) else DUPLICATE_KEY
    if code in REFUSALS:
        return [REFUSALS[code]]
    raise unavailable(reply.error if isinstance(reply, Failed) else None)


async def insert_absent(collection: str, writes: Sequence[Document]) -> list[Reply]:
    """Insert documents that BSON can hold. A taken `_id` is looked at only in a second attempt."""
    replies = await in_key_order(partial(insert_all, collection), writes)
    if any(write.again for write in writes):
        return await look_at_taken(collection, writes, replies)
    return replies


async def replace_earlier(collection: str, writes: Sequence[Document]) -> list[Reply]:
    """Put documents in place of earlier ones with their `_id`s; a later one stays.

    A replacement that is repeated replaces itself.
    """
    return await in_key_order(partial(replace_all, collection), writes)


async def insert_new(
    collection: str, writes: Sequence[Document]
) -> Sequence[Reply | list[FieldError]]:
    """Insert documents, and return the reply to each, or what BSON cannot hold of it."""
    # They are encoded before any is sent, for they go in one message (see `MAXIMUM_BYTES`).
    with suppress(OverflowError, InvalidDocument):
        return await insert_and_look(collection, writes)
    budget = Budget()
    encoded = [encode(write, budget) for write in writes]
    storable = [each for each in encoded if isinstance(each, Document)]
    replies = iter(await insert_and_look(collection, storable) if storable else [])
    return [next(replies) if isinstance(each, Document) else each for each in encoded]


async def insert_and_look(collection: str, writes: Sequence[Document]) -> list[Reply]:
    """Insert documents, and look at what is stored where an `_id` is taken."""
    replies = await in_key_order(partial(insert_all, collection), writes)
    if replies == ["taken"]:
        # PyMongo hides whether a majority confirmed what is stored instead; a bulk write tells.
        replies = await insert_all(collection, [writes[0].written], in_bulk=True)
    return await look_at_taken(collection, writes, replies)


async def in_key_order(
    write_all: Callable[[Sequence[Any]], Awaitable[list[Reply]]],
    writes: Sequence[Document],
) -> list[Reply]:
    """Write documents in the order of their keys, and return the reply to each as given.

    Bulk writes that take the same keys in different orders deadlock on Azure DocumentDB.
    """
    documents = [write.written for write in writes]
    if {type(write.fields["_id"]) for write in writes} == {ObjectId}:
        # Nobody else writes these, and they are in order.
        return await write_all(documents)
    keys = [key_of(write.fields) for write in writes]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    replies = await write_all([documents[number] for number in order])
    return [reply for _, reply in sorted(zip(order, replies, strict=True), key=itemgetter(0))]


def key_of(document: Mapping[str, Any]) -> Any:  # noqa: ANN401 (comparable within a collection)
    """Return the `_id` of a document in a form that can be compared and hashed."""
    key = document["_id"]
    if isinstance(key, Mapping):
        return tuple(key.values())
    return key.binary if isinstance(key, ObjectId) else key


async def insert_all(
    collection: str, documents: Sequence[Fields | RawBSONDocument], *, in_bulk: bool = False
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
        return [Failed(error, is_unknown=True)] * len(documents)
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
        return [Failed(error, is_unknown=True)] * len(documents)
    return await look_at_unmatched(collection, documents, replies)


def is_not_later(document: Fields) -> dict[str, Any]:
    """Return the filter for what is stored under the `_id` of a document, unless it is later."""
    return {"_id": document["_id"], "timestamp": {"$not": {"$gt": document["timestamp"]}}}


def to_replies(size: int, details: Mapping[str, Any]) -> list[Reply]:
    """Read the result of a bulk write of `size` documents."""
    for error in details["writeConcernErrors"]:
        unconfirmed = WriteConcernError("not confirmed by a majority", error.get("code"))
        return [Failed(unconfirmed, is_unknown=True)] * size
    errors = details["writeErrors"]
    is_complete = details["nInserted"] + details["nMatched"] + len(errors) == size
    replies: list[Reply] = ["stored" if is_complete else UNCONFIRMED] * size
    for error in errors:
        code, text = error["code"], error.get("errmsg", "")
        is_taken = code == DUPLICATE_KEY
        replies[error["index"]] = "taken" if is_taken else Failed(WriteError(text, code))
    return replies


async def look_at_taken(
    collection: str, writes: Sequence[Document], replies: list[Reply]
) -> list[Reply]:
    """Return the replies, with those to documents whose `_id` is taken decided by what is stored.

    After an attempt whose outcome is unknown, the stored document may be the very one that was
    sent: it then has the same timestamp.
    """
    taken = [number for number, each in enumerate(replies) if each == "taken"]
    if not taken:
        return replies
    found = await look_at(collection, [writes[number].fields for number in taken])
    told = {
        key_of(writes[number].fields) for number, each in enumerate(replies) if each == "stored"
    }
    for number in taken:
        key = key_of(writes[number].fields)
        if isinstance(found, Failed):
            replies[number] = found
        elif key not in found:
            replies[number] = Failed(Vanished())
        else:
            may_be_it = writes[number].again and key not in told
            replies[number] = compare(found[key], writes[number].written, may_be_it=may_be_it)
            told.add(key)
    return replies


def compare(stored: Mapping[str, Any], sent: Mapping[str, Any], *, may_be_it: bool) -> Reply:
    """Say what the document that is stored under the `_id` of another is to that."""
    if not is_same(stored, sent):
        return "other"
    is_it = may_be_it and milliseconds(stored) == milliseconds(sent)
    return "stored" if is_it else "duplicate"


async def look_at_unmatched(
    collection: str, documents: Sequence[Fields], replies: list[Reply]
) -> list[Reply]:
    """Return the replies, with those to documents that may have replaced none decided likewise."""
    unmatched = [number for number, each in enumerate(replies) if each is UNCONFIRMED]
    if not unmatched:
        return replies
    found = await look_at(collection, [documents[number] for number in unmatched])
    for number in unmatched:
        if isinstance(found, Failed):
            replies[number] = found
        else:
            stored = milliseconds(found.get(key_of(documents[number]), {}))
            sent = milliseconds(documents[number])
            is_kept = stored is not None and sent is not None and stored >= sent
            replies[number] = "stored" if is_kept else Failed(Vanished())
    return replies


async def look_at(
    collection: str, documents: Sequence[Fields]
) -> dict[Hashable, Mapping[str, Any]] | Failed:
    """Return what is stored under the `_id`s of documents, by their keys."""
    ids = [document["_id"] for document in documents]
    # One batch is one query, whatever it finds.
    stored = get_collection(collection).with_options(RAW)
    found = stored.find({"_id": {"$in": ids}}, batch_size=len(ids) + 1)
    try:
        return {key_of(each): each async for each in found}
    except PyMongoError as error:
        return Failed(error)


def is_same(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Say whether two documents are the same but for the time at which they came.

    Compare as BSON: to Python 1, 1.0 and true are equal, and so are objects in any order.
    """
    return bson.encode(untimed(stored)) == bson.encode(untimed(sent))


def untimed(document: Mapping[str, Any]) -> Fields:
    """Return the part of a document that is the client's, in one order of fields."""
    return {name: document[name] for name in sorted(document) if name not in OURS}


def milliseconds(document: Mapping[str, Any]) -> int | None:
    """Return when a document came, in milliseconds, if that is a date."""
    time = document.get("timestamp")
    if isinstance(time, datetime):
        time = DatetimeMS(time)
    return int(time) if isinstance(time, DatetimeMS) else None
