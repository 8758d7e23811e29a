"""Group commit: while one bulk write is in flight, further writes wait and go in the next.

Each request still waits for the replies to its own operations. A request that comes alone is sent
at once; under load one round trip, one journal flush and one parse serve many requests.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pymongo import InsertOne, UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError, WriteConcernError

from shared_code.database import get_database

Operation = InsertOne[Any] | UpdateOne

# No more is added to a bulk write that has so many operations or bytes: the next would wait too
# long for it. The operations of one request always go together.
MAXIMUM_OPERATIONS = 1000
MAXIMUM_BYTES = 4 * 1024 * 1024


class Reply(NamedTuple):
    """What MongoDB says of one operation: whether it was an upsert's insert, or an error."""

    upserted: bool
    error: Mapping[str, Any] | None


class Write(NamedTuple):
    """The operations of one request, and where it waits for their replies."""

    operations: Sequence[Operation]
    size: int
    replies: asyncio.Future[list[Reply]]


class Writer:
    """The writes to one collection, in one event loop."""

    def __init__(self, collection: str) -> None:
        self.collection = collection
        self.waiting: deque[Write] = deque()
        self.sending: asyncio.Task[None] | None = None

    def write(self, operations: Sequence[Operation], size: int) -> asyncio.Future[list[Reply]]:
        """Have `operations`, of `size` bytes, written now or after the bulk write in flight.

        Cancelling what is returned takes back operations that still wait.
        """
        replies: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        self.waiting.append(Write(operations, size, replies))
        if self.sending is None or self.sending.done():
            self.sending = asyncio.create_task(self.send_all())
        return replies

    async def send_all(self) -> None:
        """Send group after group until none waits."""
        while group := self.next_group():
            try:
                replies = await self.send([each for write in group for each in write.operations])
            except Exception as error:  # noqa: BLE001 (it is raised where the replies are awaited)
                settle(group, error)
            else:
                settle(group, replies)

    def next_group(self) -> list[Write]:
        """Take the writes that go together from those that wait, and nobody gave up."""
        group: list[Write] = []
        operations = size = 0
        while self.waiting and operations < MAXIMUM_OPERATIONS and size < MAXIMUM_BYTES:
            write = self.waiting.popleft()
            if not write.replies.done():
                group.append(write)
                operations += len(write.operations)
                size += write.size
        return group

    async def send(self, operations: Sequence[Operation]) -> list[Reply]:
        """Send one bulk write and return the reply to each operation.

        Raises:
            PyMongoError: it is not known what became of each.
        """
        try:
            result = await get_database()[self.collection].bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            return to_replies(len(operations), error.details)
        return to_replies(len(operations), result.bulk_api_result)


def settle(group: list[Write], outcome: list[Reply] | Exception) -> None:
    """Hand every request of a group its own part of the outcome, unless it gave up."""
    position = 0
    for write in group:
        part = slice(position, position := position + len(write.operations))
        if write.replies.done():
            continue
        if isinstance(outcome, Exception):
            write.replies.set_exception(outcome)
        else:
            write.replies.set_result(outcome[part])


def to_replies(size: int, details: Mapping[str, Any]) -> list[Reply]:
    """Read the result of a bulk write of `size` operations.

    Raises:
        WriteConcernError: a majority did not confirm it.
        AutoReconnect: it does not speak of every operation.
    """
    for error in details["writeConcernErrors"]:
        raise WriteConcernError("not confirmed by a majority", error.get("code"))
    errors = {error["index"]: error for error in details["writeErrors"]}
    done = details["nInserted"] + details["nMatched"] + details["nUpserted"]
    if done + len(errors) != size:
        raise AutoReconnect("the bulk write was not confirmed as a whole")
    upserted = {upsert["index"] for upsert in details["upserted"]}
    return [Reply(index in upserted, errors.get(index)) for index in range(size)]
