"""Group commit: while groups are in flight to MongoDB, further items wait and go in the next one.

An item is a document to write, or a value to look up. Each request still waits for the replies to
its own items. A lone request is sent immediately; under load one round trip, one journal flush and
one parse serve many requests.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import pymongo
from pymongo.errors import PyMongoError

from shared_code.operations import in_time, seconds_left, unavailable
from shared_code.retries import may_pass, seconds_asked_for
from shared_code.settings import get_settings
from shared_code.turns import LARGE

Item = TypeVar("Item")
Reply = TypeVar("Reply")

Send = Callable[[str, Sequence[Item]], Awaitable[Sequence[Reply]]]
"""Sends a group of items to the collection of that name, and returns the reply to each."""


class Failed(NamedTuple):
    """The reply to an item that failed; `is_unknown` where it may be written all the same."""

    error: PyMongoError
    is_unknown: bool = False


# With two, requests are read and answered while MongoDB stores others. With more, each group would
# be smaller, and all of them together take longer.
MAXIMUM_IN_FLIGHT = 2

# A group that has so many items or bytes of JSON takes no more: the next would wait too long for
# it. The items of one request always go together. BSON may take 5.5 bytes for one of JSON, as for
# a list of zeros. With the largest request it still goes in one message, even to Cosmos DB, which
# takes 1,000 documents and 4 MiB; MongoDB takes 100,000 and 48 MB.
MAXIMUM_ITEMS = 500
MAXIMUM_BYTES = 224 * 1024


class Entry(NamedTuple, Generic[Item, Reply]):
    """Items that go together, their size in bytes, and where the replies to them are awaited."""

    items: Sequence[Item]
    size: int
    replies: asyncio.Future[Sequence[Reply]]


class Grouper(Generic[Item, Reply]):
    """Groups what is sent to one collection, in the event loop that ran when it was made.

    `send` sends one group, and returns the reply to each item.
    """

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[Sequence[Reply]]]) -> None:
        self.send = send
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[Entry[Item, Reply]] = deque()
        self.senders: list[asyncio.Task[None]] = []
        self.in_flight = 0

    def submit(self, items: Sequence[Item], size: int = 0) -> asyncio.Future[Sequence[Reply]]:
        """Send `items` now, or after a group in flight.

        Cancelling the returned future takes back items that still wait.
        """
        replies: asyncio.Future[Sequence[Reply]] = self.loop.create_future()
        self.waiting.append(Entry(items, size, replies))
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
                # Yield once so that callers can enqueue follow-up writes: they go with what waits.
                # Otherwise a third, smaller group would go round for as long as the load lasts.
                # It counts as in flight until then: when two end at once, neither leaves the other
                # a half.
                await asyncio.sleep(0)
            finally:
                self.in_flight -= 1

    async def send_group(self, group: Sequence[Entry[Item, Reply]]) -> None:
        """Send one group, and hand out the replies."""
        outcome: Sequence[Reply] | Exception
        try:
            outcome = await self.send([item for entry in group for item in entry.items])
        except Exception as error:  # noqa: BLE001 (raised where the replies are awaited)
            outcome = error
        settle(group, outcome)

    def next_group(self) -> list[Entry[Item, Reply]]:
        """Take the entries that go together from those that wait and were not given up.

        They are shared out between the groups that are not in flight.
        """
        share = math.ceil(len(self.waiting) / (MAXIMUM_IN_FLIGHT - self.in_flight))
        group: list[Entry[Item, Reply]] = []
        items = size = 0
        while (
            self.waiting and len(group) < share and items < MAXIMUM_ITEMS and size < MAXIMUM_BYTES
        ):
            entry = self.waiting.popleft()
            if not entry.replies.done():
                group.append(entry)
                items += len(entry.items)
                size += entry.size
        return group


def settle(group: Sequence[Entry[Any, Reply]], outcome: Sequence[Reply] | Exception) -> None:
    """Hand every request of a group its own part of the outcome, unless it gave up."""
    position = 0
    for entry in group:
        part = slice(position, position := position + len(entry.items))
        if entry.replies.done():
            continue
        if isinstance(outcome, Exception):
            entry.replies.set_exception(outcome)
        else:
            entry.replies.set_result(outcome[part])


# As with connections, a deployed process has one event loop, and tests have several.
_groupers: dict[tuple[asyncio.AbstractEventLoop, Send[Any, Any], str, bool], Grouper[Any, Any]] = {}


def grouper_of(
    send: Send[Item, Reply], collection: str, *, is_large: bool = False
) -> Grouper[Item, Reply]:
    """Return what groups the items of all requests that are sent so to this collection.

    Large ones have groups of their own, which small ones need not wait for.
    """
    key = asyncio.get_running_loop(), send, collection, is_large
    if key not in _groupers:
        _groupers[key] = Grouper(partial(send_bounded, send, collection))
    return _groupers[key]


async def send_bounded(
    send: Send[Item, Reply], collection: str, items: Sequence[Item]
) -> Sequence[Reply]:
    """Send a group, with all that it takes, within the time of one request."""
    with pymongo.timeout(get_settings().mongodb_timeout_ms / 1000):
        return await send(collection, items)


async def send_twice(
    send: Send[Item, Reply | Failed],
    collection: str,
    items: Sequence[Item],
    size: int = 0,
    again: Callable[[Item, Failed], Item] = lambda item, _: item,
) -> Sequence[Reply | Failed]:
    """Send `items`, and once more those that failed for a reason that may pass.

    The second attempt goes with the next group, after the wait that the server asks for, if that
    ends within the deadline; meanwhile nobody else waits. `again` returns what to send then.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    grouper = grouper_of(send, collection, is_large=size > LARGE)
    replies = await in_time(grouper.submit(items, size))
    if Failed not in set(map(type, replies)):
        return replies
    failures = {
        number: reply
        for number, reply in enumerate(replies)
        if isinstance(reply, Failed) and may_pass(reply.error)
    }
    pause = max((seconds_asked_for(each.error) or 0 for each in failures.values()), default=0)
    if failures and pause < seconds_left():
        await asyncio.sleep(pause)
        resent = [again(items[number], failure) for number, failure in failures.items()]
        second = await in_time(grouper.submit(resent, size))
        by_number = dict(zip(failures, second, strict=True))
        return [by_number.get(number, reply) for number, reply in enumerate(replies)]
    return replies


async def look_up(
    send: Send[Item, Reply | Failed], collection: str, items: Sequence[Item]
) -> list[Reply]:
    """Ask for `items` together with those of other requests, at most twice.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    found: list[Reply] = []
    for reply in await send_twice(send, collection, items):
        if isinstance(reply, Failed):
            raise unavailable(reply.error)
        found.append(reply)
    return found
