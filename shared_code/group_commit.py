"""Group commit: while bulk writes are in flight, further writes wait and go in the next.

Each request still waits for the replies to its own documents. A request that comes alone is sent
at once; under load one round trip, one journal flush and one parse serve many requests.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from shared_code.validation import Document

Reply = TypeVar("Reply")

# With two, requests are read and answered while MongoDB stores others. With more, each would be
# smaller, and all of them together take longer.
MAXIMUM_IN_FLIGHT = 2

# No more is added to a bulk write that has so many documents or bytes of JSON: the next would wait
# too long for it. The documents of one write always go together. BSON may take 5.5 bytes for one,
# as for a list of zeros. With the largest write it still goes in one message, even to a server that
# takes no more than 1,000 documents in one; MongoDB takes 100,000, and 48 MB.
MAXIMUM_DOCUMENTS = 500
MAXIMUM_BYTES = 768 * 1024


class Write(NamedTuple, Generic[Reply]):
    """Documents that go together, and where the replies to them are awaited."""

    documents: Sequence[Document]
    replies: asyncio.Future[Sequence[Reply]]


class Writer(Generic[Reply]):
    """The writes of one kind to one collection, in the event loop that ran when it was made.

    `send` makes one bulk write of documents, and returns the reply to each.
    """

    def __init__(self, send: Callable[[Sequence[Document]], Awaitable[Sequence[Reply]]]) -> None:
        self.send = send
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[Write[Reply]] = deque()
        self.senders: list[asyncio.Task[None]] = []
        self.in_flight = 0

    def write(self, documents: Sequence[Document]) -> asyncio.Future[Sequence[Reply]]:
        """Have `documents` written now, or after a bulk write in flight.

        Cancelling what is returned takes back documents that still wait.
        """
        replies: asyncio.Future[Sequence[Reply]] = self.loop.create_future()
        self.waiting.append(Write(documents, replies))
        self.senders = [sender for sender in self.senders if not sender.done()]
        if len(self.senders) < MAXIMUM_IN_FLIGHT:
            self.senders.append(self.loop.create_task(self.send_all()))
        return replies

    async def send_all(self) -> None:
        """Send group after group until none waits."""
        while group := self.next_group():
            self.in_flight += 1
            try:
                await self.send_group(group)
                # Who was just answered may write again, and that is to go with what waits already.
                # Otherwise a third, smaller group would go round for as long as the load lasts.
                # It is in flight until then: when two end at once, none leaves the other a half.
                await asyncio.sleep(0)
            finally:
                self.in_flight -= 1

    async def send_group(self, group: Sequence[Write[Reply]]) -> None:
        """Make one bulk write, and hand out the replies."""
        outcome: Sequence[Reply] | Exception
        try:
            outcome = await self.send([each for write in group for each in write.documents])
        except Exception as error:  # noqa: BLE001 (it is raised where the replies are awaited)
            outcome = error
        settle(group, outcome)

    def next_group(self) -> list[Write[Reply]]:
        """Take the writes that go together from those that wait, and nobody gave up.

        What waits is shared out between the bulk writes that are not in flight.
        """
        share = math.ceil(len(self.waiting) / (MAXIMUM_IN_FLIGHT - self.in_flight))
        group: list[Write[Reply]] = []
        documents = size = 0
        while (
            self.waiting
            and len(group) < share
            and documents < MAXIMUM_DOCUMENTS
            and size < MAXIMUM_BYTES
        ):
            write = self.waiting.popleft()
            if not write.replies.done():
                group.append(write)
                documents += len(write.documents)
                size += sum(document.size for document in write.documents)
        return group


def settle(group: Sequence[Write[Reply]], outcome: Sequence[Reply] | Exception) -> None:
    """Hand every request of a group its own part of the outcome, unless it gave up."""
    position = 0
    for write in group:
        part = slice(position, position := position + len(write.documents))
        if write.replies.done():
            continue
        if isinstance(outcome, Exception):
            write.replies.set_exception(outcome)
        else:
            write.replies.set_result(outcome[part])
