"""Bulk writes in the order of their keys, and the server's reply to each document."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal

import bson
from bson import ObjectId
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

from shared_code.mongodb.connection import get_collection
from shared_code.mongodb.group_commit import Failed
from shared_code.validation import Document, Write

DUPLICATE_KEY = 11000

Reply = Literal["stored", "taken", "duplicate", "other"] | Failed
"""MongoDB's reply for one document.

"taken" is a unique key. Settled, it becomes "duplicate" if the same document is stored under it,
and else "other".
"""


class Unconfirmed(AutoReconnect):
    """The result of a bulk write leaves a document out."""


UNCONFIRMED = Failed(Unconfirmed(), is_unknown=True)


async def bulk_insert(
    collection: str, writes: Sequence[Write], *, as_command: bool = False
) -> list[Reply]:
    """Insert documents, and return the reply to each.

    A lone document goes through `insert_one`, which is cheaper, unless `as_command` is set.
    """

    async def send(writes: Sequence[Write]) -> list[Reply]:
        target = get_collection(collection)
        try:
            if as_command or len(writes) > 1:
                await target.insert_many([each.written for each in writes], ordered=False)
            else:
                # PyMongo closes a connection when it cannot encode a document itself.
                await target.insert_one(RawBSONDocument(bson.encode(writes[0].written)))
        except BulkWriteError as error:
            return to_replies(len(writes), error.details)
        except DuplicateKeyError:
            return ["taken"]
        except PyMongoError as error:
            return [Failed(error, is_unknown=True)] * len(writes)
        # MongoDB never leaves a document out of an unordered write without an error.
        return ["stored"] * len(writes)

    return await in_key_order(send, writes)


async def bulk_replace(collection: str, writes: Sequence[Write]) -> list[Reply]:
    """Replace earlier documents that have the `_id`s of these, and return the reply to each.

    A later document stays: a write that the network delayed can arrive after another one was
    acknowledged, and then it counts as replaced already.
    """

    async def send(writes: Sequence[Write]) -> list[Reply]:
        operations = [ReplaceOne(is_not_later(each.document), each.document) for each in writes]
        try:
            result = await get_collection(collection).bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            return to_replies(len(writes), error.details)
        except PyMongoError as error:
            return [Failed(error, is_unknown=True)] * len(writes)
        return to_replies(len(writes), result.bulk_api_result)

    return await in_key_order(send, writes)


async def in_key_order(
    send: Callable[[Sequence[Write]], Awaitable[list[Reply]]], writes: Sequence[Write]
) -> list[Reply]:
    """Send writes in the order of their keys, and return the replies in the given order.

    Bulk writes that take the same keys in different orders deadlock on Azure DocumentDB.
    """
    if {type(write.document["_id"]) for write in writes} == {ObjectId}:
        # ObjectIds of our own: nobody else writes them, and they are in order already.
        return await send(writes)
    keys = [key_of(write.document) for write in writes]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    replies = await send([writes[number] for number in order])
    return [reply for _, reply in sorted(zip(order, replies, strict=True), key=itemgetter(0))]


def key_of(document: Mapping[str, Any]) -> Any:  # noqa: ANN401 (comparable within a collection)
    """Return the `_id` of a document in a form that can be compared and hashed."""
    key = document["_id"]
    if isinstance(key, Mapping):
        return tuple(key.values())
    return key.binary if isinstance(key, ObjectId) else key


def is_not_later(document: Document) -> dict[str, Any]:
    """Return the filter for the document stored under the same `_id`, unless it is later."""
    return {"_id": document["_id"], "timestamp": {"$not": {"$gt": document["timestamp"]}}}


def to_replies(size: int, result: Mapping[str, Any]) -> list[Reply]:
    """Return the reply to each of `size` documents from the result of their bulk write."""
    for error in result["writeConcernErrors"]:
        unconfirmed = WriteConcernError("not confirmed by a majority", error.get("code"))
        return [Failed(unconfirmed, is_unknown=True)] * size
    errors = result["writeErrors"]
    is_complete = result["nInserted"] + result["nMatched"] + len(errors) == size
    replies: list[Reply] = ["stored" if is_complete else UNCONFIRMED] * size
    for error in errors:
        code, text = error["code"], error.get("errmsg", "")
        is_taken = code == DUPLICATE_KEY
        replies[error["index"]] = "taken" if is_taken else Failed(WriteError(text, code))
    return replies
