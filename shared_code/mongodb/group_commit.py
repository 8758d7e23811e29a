"""Group commit: while groups are in flight to MongoDB, further items wait for the next group.

An item is a document to write or a value to find. Each request still waits for the replies to its
own items. A lone request is sent immediately; under load one round trip, one journal flush and one
parse serve many requests.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import pymongo
from pymongo.errors import PyMongoError

from shared_code.mongodb.deadlines import in_time, seconds_left, unavailable
from shared_code.mongodb.retries import may_pass, seconds_asked_for
from shared_code.settings import get_settings

Item = TypeVar("Item")
Reply = TypeVar("Reply")

Send = Callable[[str, Sequence[Item]], Awaitable[Sequence[Reply]]]
"""Sends a group of items to a collection, by its name, and returns the reply to each."""


class Failed(NamedTuple):
    """The reply to an item that failed; `is_unknown` means that it may have been written."""

    error: PyMongoError
    is_unknown: bool = False


# With two, the process handles requests while MongoDB stores others. With more, groups get smaller,
# and the same items take longer.
MAXIMUM_IN_FLIGHT = 2

# A group with this many items or bytes of JSON is full. The items of one request stay together.
# BSON takes up to 5.5 bytes for one of JSON, as for a list of zeros. Even with the largest request
# added, a group is one message for Cosmos DB, which takes 1,000 documents and 4 MiB; MongoDB takes
# 100,000 and 48 MB.
MAXIMUM_ITEMS = 500
MAXIMUM_BYTES = 224 * 1024

# Requests above this many bytes of JSON are large: they are checked in turns (turns.py) and have
# groups of their own, so that small requests wait for none of them.
LARGE = 2048


class Entry(NamedTuple, Generic[Item, Reply]):
    """The items of one request, their size in bytes, and the future for their replies."""

    items: Sequence[Item]
    size: int
    replies: asyncio.Future[Sequence[Reply]]


class Grouper(Generic[Item, Reply]):
    """Groups the items for one collection, in the event loop that it was created in.

    `send` sends one group, and returns the reply to each item.
    """

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[Sequence[Reply]]]) -> None:
        self.send = send
        self.loop = asyncio.get_running_loop()
        self.waiting: deque[Entry[Item, Reply]] = deque()
        self.senders: list[asyncio.Task[None]] = []
        self.in_flight = 0

    def submit(self, items: Sequence[Item], size: int = 0) -> asyncio.Future[Sequence[Reply]]:
        """Send `items` now, or once a group in flight is done.

        Cancelling the returned future withdraws items that still wait.
        """
        replies: asyncio.Future[Sequence[Reply]] = self.loop.create_future()
        self.waiting.append(Entry(items, size, replies))
        self.senders = [sender for sender in self.senders if not sender.done()]
        if len(self.senders) < MAXIMUM_IN_FLIGHT:
            self.senders.append(self.loop.create_task(self.send_all()))
        return replies

    async def send_all(self) -> None:
        """Send groups until no item waits."""
        while group := self.next_group():
            self.in_flight += 1
            try:
                await self.send_group(group)
                # Yield once so that callers can enqueue follow-up writes. Otherwise a third,
                # smaller group would circulate for as long as the load lasts. The group counts as
                # in flight until then, so that two that end together do not halve the next one.
                await asyncio.sleep(0)
            finally:
                self.in_flight -= 1

    async def send_group(self, group: Sequence[Entry[Item, Reply]]) -> None:
        """Send one group, and settle its futures."""
        outcome: Sequence[Reply] | Exception
        try:
            outcome = await self.send([item for entry in group for item in entry.items])
        except Exception as error:  # noqa: BLE001 (raised to whoever awaits the replies)
            outcome = error
        settle(group, outcome)

    def next_group(self) -> list[Entry[Item, Reply]]:
        """Take the next group from the waiting entries, without those that were withdrawn.

        Split the entries evenly between the groups that may still be sent.
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
    """Give every request of a group its own replies, unless it gave up."""
    position = 0
    for entry in group:
        part = slice(position, position := position + len(entry.items))
        if entry.replies.done():
            continue
        if isinstance(outcome, Exception):
            entry.replies.set_exception(outcome)
        else:
            entry.replies.set_result(outcome[part])


# A deployed process has one event loop; tests have several.
_groupers: dict[tuple[asyncio.AbstractEventLoop, Send[Any, Any], str, bool], Grouper[Any, Any]] = {}


def grouper_of(
    send: Send[Item, Reply], collection: str, *, is_large: bool = False
) -> Grouper[Item, Reply]:
    """Return the grouper that all requests share for this collection and way of sending."""
    key = asyncio.get_running_loop(), send, collection, is_large
    if key not in _groupers:
        _groupers[key] = Grouper(partial(send_bounded, send, collection))
    return _groupers[key]


async def send_bounded(
    send: Send[Item, Reply], collection: str, items: Sequence[Item]
) -> Sequence[Reply]:
    """Send a group within the time limit of one request."""
    with pymongo.timeout(get_settings().mongodb_timeout_ms / 1000):
        return await send(collection, items)


async def send_twice(
    send: Send[Item, Reply | Failed],
    collection: str,
    items: Sequence[Item],
    size: int = 0,
    again: Callable[[Item, Failed], Item] = lambda item, _: item,
) -> Sequence[Reply | Failed]:
    """Send `items`, and resend once those that failed for a reason that may pass.

    A server that throttles asks for a wait; items are resent after it, with the next group, if it
    ends before the deadline. `again` returns the item to resend.

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


async def read_grouped(
    send: Send[Item, Reply | Failed], collection: str, items: Sequence[Item]
) -> list[Reply]:
    """Read `items` together with those of other requests, at most twice.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    found: list[Reply] = []
    for reply in await send_twice(send, collection, items):
        if isinstance(reply, Failed):
            raise unavailable(reply.error)
        found.append(reply)
    return found
