"""Writing documents, and what MongoDB says of each."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pymongo import InsertOne, UpdateOne

from shared_code.group_commit import Operation, Reply, Writer
from shared_code.operations import in_time
from shared_code.problems import FieldError, InvalidFields, StoreUnavailable
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


Outcome = Literal["stored", "duplicate", "opted_out"] | list[FieldError]
"""What became of a document: a duplicate was stored before, and one with errors was refused."""


async def replace(collection: str, document: Document) -> bool:
    """Store `document` in place of one with its `_id`; return whether there was none.

    A later one stays: a write that the network held up may arrive when another was acknowledged,
    and then it counts as replaced already. The filter names only the `_id`, which is MongoDB's
    fastest way to a document; `$literal` keeps it from reading texts as expressions.

    Raises:
        InvalidFields: MongoDB refuses the document.
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    is_later = {"$gt": ["$timestamp", document.fields["timestamp"]]}
    newest = {"$cond": [is_later, "$$ROOT", {"$literal": document.encoded}]}
    operation: Operation = UpdateOne(
        {"_id": document.fields["_id"]}, [{"$replaceWith": newest}], upsert=True
    )
    [reply] = await write(collection, [operation], len(document.encoded.raw))
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
    operations = [InsertOne(document.encoded) for document in documents]
    size = sum(len(document.encoded.raw) for document in documents)
    return [to_outcome(reply) for reply in await write(collection, operations, size)]


async def write(collection: str, operations: Sequence[Operation], size: int) -> list[Reply]:
    """Write `operations`, of `size` bytes, together with those of other requests.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    loop = asyncio.get_running_loop()
    if (loop, collection) not in _writers:
        _writers[loop, collection] = Writer(collection)
    return await in_time(_writers[loop, collection].write(operations, size))


def to_outcome(reply: Reply) -> Outcome:
    """Read the reply to an insert.

    Raises:
        StoreUnavailable: the document failed for a reason that may pass.
    """
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
