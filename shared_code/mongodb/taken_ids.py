"""Taken `_id`s: whether the document stored under one is the one that was sent.

The answer is never read from the server's error, whose `keyPattern` many servers leave out.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

import bson
from bson import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.errors import AutoReconnect, PyMongoError

from shared_code.mongodb.bulk_writes import DUPLICATE_KEY, UNCONFIRMED, Reply, key_of
from shared_code.mongodb.connection import get_collection
from shared_code.mongodb.group_commit import Failed
from shared_code.validation import Document, Write

# Decoded, a stored {"$ref": …, "$id": …} would become another object, an `_id` a UUID, and a date
# beyond the year 9999 an error, as the connection string has it.
RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS
)

# Fields that the server adds.
OURS = {"_id", "timestamp"}


class Vanished(AutoReconnect):
    """An `_id` was taken, and then nothing was stored under it.

    Either the document was erased in between, so that another attempt succeeds, or the key belongs
    to another unique index.
    """

    code = DUPLICATE_KEY


async def settle_taken(
    collection: str, writes: Sequence[Write], replies: list[Reply]
) -> list[Reply]:
    """Settle the replies to inserts whose `_id` is taken, with one query.

    After an attempt with an unknown outcome, the stored document may be the very one that was sent:
    then it has the same timestamp.
    """
    taken = [number for number, reply in enumerate(replies) if reply == "taken"]
    if not taken:
        return replies
    stored = await find_stored(collection, [writes[number].document for number in taken])
    confirmed = {
        key_of(writes[number].document) for number, reply in enumerate(replies) if reply == "stored"
    }
    for number in taken:
        key = key_of(writes[number].document)
        if isinstance(stored, Failed):
            replies[number] = stored
        elif key not in stored:
            replies[number] = Failed(Vanished())
        else:
            may_be_it = writes[number].again and key not in confirmed
            replies[number] = compare(stored[key], writes[number].written, may_be_it=may_be_it)
            confirmed.add(key)
    return replies


async def settle_unmatched(
    collection: str, writes: Sequence[Write], replies: list[Reply]
) -> list[Reply]:
    """Settle the replies to replacements that may have matched nothing, with one query."""
    unmatched = [number for number, reply in enumerate(replies) if reply is UNCONFIRMED]
    if not unmatched:
        return replies
    stored = await find_stored(collection, [writes[number].document for number in unmatched])
    for number in unmatched:
        document = writes[number].document
        if isinstance(stored, Failed):
            replies[number] = stored
        elif is_replaced(stored.get(key_of(document), {}), document):
            replies[number] = "stored"
        else:
            replies[number] = Failed(Vanished())
    return replies


async def find_stored(
    collection: str, documents: Sequence[Document]
) -> dict[Hashable, Mapping[str, Any]] | Failed:
    """Return the documents stored under the `_id`s of these, by their keys."""
    ids = [document["_id"] for document in documents]
    # The batch holds every match, so it is one query.
    stored = get_collection(collection).with_options(RAW)
    found = stored.find({"_id": {"$in": ids}}, batch_size=len(ids) + 1)
    try:
        return {key_of(each): each async for each in found}
    except PyMongoError as error:
        return Failed(error)


def compare(stored: Mapping[str, Any], sent: Mapping[str, Any], *, may_be_it: bool) -> Reply:
    """Return the reply for a document whose `_id` is taken by `stored`."""
    if not is_same(stored, sent):
        return "other"
    is_it = may_be_it and milliseconds(stored) == milliseconds(sent)
    return "stored" if is_it else "duplicate"


def is_same(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Say whether two documents are equal apart from the fields that the server adds.

    Compare as BSON: to Python 1, 1.0 and true are equal, and so are objects in any order.
    """
    return bson.encode(sent_fields(stored)) == bson.encode(sent_fields(sent))


def sent_fields(document: Mapping[str, Any]) -> Document:
    """Return the client's fields of a document, sorted by name."""
    return {name: document[name] for name in sorted(document) if name not in OURS}


def is_replaced(stored: Mapping[str, Any], sent: Document) -> bool:
    """Say whether the stored document is at least as late as the one sent."""
    stored_at, sent_at = milliseconds(stored), milliseconds(sent)
    return stored_at is not None and sent_at is not None and stored_at >= sent_at


def milliseconds(document: Mapping[str, Any]) -> int | None:
    """Return a document's timestamp in milliseconds, if it is a date."""
    time = document.get("timestamp")
    if isinstance(time, datetime):
        time = DatetimeMS(time)
    return int(time) if isinstance(time, DatetimeMS) else None
