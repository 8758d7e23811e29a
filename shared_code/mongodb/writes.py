"""Writing documents: `insert` stores events, `replace` stores a feedback.

Both keep their promises on every server that speaks MongoDB's protocol. They rely on three things
only: an `_id` is unique, a document is replaced as a whole, and a bulk write reports which of its
documents failed. A taken `_id` is settled by the document stored under it.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

from bson.errors import InvalidDocument

from shared_code.mongodb.bulk_writes import DUPLICATE_KEY, Reply, bulk_insert, bulk_replace
from shared_code.mongodb.deadlines import unavailable
from shared_code.mongodb.group_commit import Failed, send_twice
from shared_code.mongodb.taken_ids import Vanished, settle_taken, settle_unmatched
from shared_code.problems import FieldError, InvalidFields
from shared_code.validation import Budget, Write, encode

# Refusals that are final, by the server's error code. Every other code may pass.
OTHER_EVENT = FieldError(("event_id",), "is the id of another event")
REFUSALS = {
    15: FieldError(("details",), "is nested deeper than MongoDB stores"),
    121: FieldError((), "is refused by the validation rules of the collection"),
    DUPLICATE_KEY: FieldError((), "is refused by a unique index of the collection"),
}

Outcome = Literal["stored", "duplicate", "opted_out"] | list[FieldError]
"""The outcome of a write: a duplicate was stored before, and one with errors was refused."""


async def insert(collection: str, writes: Sequence[Write]) -> list[Outcome]:
    """Insert each document whose `_id` is not taken yet.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    if not writes:
        return []
    size = sum(write.size for write in writes)
    replies: Any = await send_twice(insert_group, collection, writes, size, resend)
    return list(map(to_outcome, replies))


async def replace(collection: str, write: Write) -> bool:
    """Store a document in place of an earlier one with its `_id`; return whether there was none.

    Insert first: mostly there is none, and MongoDB inserts faster than it upserts.

    Raises:
        InvalidFields: MongoDB refuses the document.
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    reply: Any
    for _ in range(2):
        [reply] = await send_twice(create_group, collection, [write], write.size, resend)
        if reply == "stored":
            return True
        if isinstance(reply, Failed) and not isinstance(reply.error, Vanished):
            break
        [reply] = await send_twice(overwrite_group, collection, [write], write.size, resend)
        if reply == "stored":
            return False
        if not (isinstance(reply, Failed) and isinstance(reply.error, Vanished)):
            break
    raise InvalidFields(refusals(reply))


def resend(write: Write, failure: Failed) -> Write:
    """Return the write for a second attempt."""
    return write._replace(again=failure.is_unknown)


async def insert_group(
    collection: str, writes: Sequence[Write]
) -> Sequence[Reply | list[FieldError]]:
    """Insert events, and return the reply to each, or the errors of one that BSON cannot hold."""
    # PyMongo encodes a whole group before it sends any, since it is one message (`MAXIMUM_BYTES`).
    with suppress(OverflowError, InvalidDocument):
        return await insert_and_settle(collection, writes)
    budget = Budget()
    encoded = [encode(write, budget) for write in writes]
    storable = [each for each in encoded if isinstance(each, Write)]
    replies = iter(await insert_and_settle(collection, storable) if storable else [])
    return [next(replies) if isinstance(each, Write) else each for each in encoded]


async def insert_and_settle(collection: str, writes: Sequence[Write]) -> list[Reply]:
    """Insert events, and settle those whose `_id` is taken."""
    replies = await bulk_insert(collection, writes)
    if replies == ["taken"]:
        # PyMongo hides whether a majority confirmed the stored one; a bulk write tells.
        replies = await bulk_insert(collection, writes, as_command=True)
    return await settle_taken(collection, writes, replies)


async def create_group(collection: str, writes: Sequence[Write]) -> list[Reply]:
    """Insert feedback. Only after a first attempt is a taken `_id` settled."""
    replies = await bulk_insert(collection, writes)
    if any(write.again for write in writes):
        return await settle_taken(collection, writes, replies)
    return replies


async def overwrite_group(collection: str, writes: Sequence[Write]) -> list[Reply]:
    """Replace earlier feedback. It is idempotent: a repeated replacement replaces itself."""
    replies = await bulk_replace(collection, writes)
    return await settle_unmatched(collection, writes, replies)


def to_outcome(reply: Reply | list[FieldError]) -> Outcome:
    """Return the outcome of an insert.

    Raises:
        StoreUnavailable: the write failed for a reason that may pass.
    """
    return reply if reply == "stored" or reply == "duplicate" else refusals(reply)  # noqa: PLR1714 (a list has no hash)


def refusals(reply: Reply | list[FieldError]) -> list[FieldError]:
    """Return the errors of a write that was refused for good.

    Raises:
        StoreUnavailable: the write failed for a reason that may pass.
    """
    if isinstance(reply, list):
        return reply
    if reply == "other":
        return [OTHER_EVENT]
    code = getattr(reply.error, "code", None) if isinstance(reply, Failed) else DUPLICATE_KEY
    if code in REFUSALS:
        return [REFUSALS[code]]
    raise unavailable(reply.error if isinstance(reply, Failed) else None)
