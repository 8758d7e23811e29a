"""Writing documents, and what MongoDB says of each."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo import InsertOne, ReplaceOne

from shared_code.group_commit import Operation, Reply, Writer
from shared_code.operations import in_time
from shared_code.problems import Errors, FieldError, InvalidFields, StoreUnavailable
from shared_code.validation import Document

DUPLICATE_KEY = 11000

# What only the server can refuse, for good, by its error code. Any other code may pass.
REFUSALS = {
    15: FieldError(("details",), "is nested deeper than MongoDB stores"),
    121: FieldError((), "is refused by the validation rules of the collection"),
    DUPLICATE_KEY: FieldError((), "is refused by a unique index of the collection"),
}

# As with connections, a deployed process has one event loop, and tests have several.
_writers: dict[tuple[asyncio.AbstractEventLoop, str], Writer] = {}


@dataclass
class InsertOutcome:
    """How many documents were newly stored or stored before, and why others were refused."""

    stored: int = 0
    duplicates: int = 0
    refused: Errors = field(default_factory=dict)


async def replace(collection: str, document: Document) -> bool:
    """Store `document` in place of an earlier one with its `_id`; return whether there was none.

    In place of a later one it is not stored: a write that the network held up, and whose request
    was answered 503, may arrive when another was acknowledged. It fails as a duplicate then.

    Raises:
        InvalidFields: MongoDB refuses the document.
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    key = {"_id": document.fields["_id"], "timestamp": {"$lte": document.fields["timestamp"]}}
    operation: Operation = ReplaceOne(key, document.encoded, upsert=True)
    [reply] = await write(collection, [operation], len(document.encoded.raw))
    if reply.error:
        raise InvalidFields([refusal(reply.error)])
    return reply.upserted


async def insert(collection: str, documents: Mapping[int, Document]) -> InsertOutcome:
    """Store each of `documents` whose `_id` is not stored yet; the index is the caller's.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    operations = [InsertOne(document.encoded) for document in documents.values()]
    size = sum(len(document.encoded.raw) for document in documents.values())
    return to_outcome(dict(zip(documents, await write(collection, operations, size), strict=True)))


async def write(collection: str, operations: Sequence[Operation], size: int) -> list[Reply]:
    """Write `operations`, of `size` bytes, together with those of other requests.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    loop = asyncio.get_running_loop()
    if (loop, collection) not in _writers:
        _writers[loop, collection] = Writer(collection)
    replies = _writers[loop, collection].write(operations, size)
    try:
        return await in_time(replies)
    finally:
        # What is not sent yet need not be sent any more.
        replies.cancel()


def to_outcome(replies: Mapping[int, Reply]) -> InsertOutcome:
    """Count the replies to inserts, by the callers' indexes.

    Raises:
        StoreUnavailable: a document failed for a reason that may pass.
    """
    outcome = InsertOutcome()
    for index, reply in replies.items():
        if not reply.error:
            outcome.stored += 1
        elif is_stored_already(reply.error):
            outcome.duplicates += 1
        else:
            outcome.refused[index] = [refusal(reply.error)]
    return outcome


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
