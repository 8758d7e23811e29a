"""One more attempt at what MongoDB refused for a reason that may pass, within the deadline.

PyMongo's own retries are off: they need a transaction number that Azure DocumentDB ignores, that
Amazon DocumentDB refuses, and that Cosmos DB refuses for a bulk write. Ours need nothing of the
server, because each write can be repeated without harm.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pymongo
from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError

from shared_code.settings import get_settings

Item = TypeVar("Item")
Reply = TypeVar("Reply")

Attempt = Callable[..., Awaitable[list[Reply]]]
"""Sends items, and returns the reply to each, or the error that it failed with.

The keyword `again` says that it is the second attempt: the outcome of the first is unknown.
"""

# Azure's "Request rate is large", which says how long to wait.
THROTTLED = 16500
RETRY_AFTER = re.compile(r"RetryAfterMs=(\d{1,9})")

PASSING = {
    THROTTLED,
    # A conflict of writes, and on Azure DocumentDB a deadlock of two bulk writes or a lock that was
    # not to be had; a part of the bulk write may be committed.
    *(112, 24),
    # After these, drivers repeat a write (MongoDB specification "Retryable Writes"): the server is
    # no primary any more, or a router could not reach it.
    *(6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436),
}


async def send_twice(attempt: Attempt[Reply], items: Sequence[Item]) -> list[Reply]:
    """Send items, and once more those that failed for a reason that may pass.

    Both attempts together take no longer than a request may.
    """
    limit = get_settings().mongodb_timeout_ms / 1000
    end = time.monotonic() + limit
    with pymongo.timeout(limit):
        replies = await attempt(items, again=False)
        failed = [
            number
            for number, reply in enumerate(replies)
            if isinstance(reply, PyMongoError) and may_pass(reply)
        ]
        if not failed:
            return replies
        pause = max((seconds_asked_for(replies[number]) or 0 for number in failed), default=0)
        if time.monotonic() + pause < end:
            await asyncio.sleep(pause)
            second = await attempt([items[number] for number in failed], again=True)
            for number, reply in zip(failed, second, strict=True):
                replies[number] = reply
    return replies


async def read_twice(
    read: Callable[[Sequence[Item]], Awaitable[list[Reply]]], items: Sequence[Item]
) -> Sequence[Reply]:
    """Ask for items, and once more if that failed for a reason that may pass.

    Raises:
        PyMongoError: MongoDB did not answer.
    """

    async def attempt(items: Sequence[Item], *, again: bool) -> list[Reply | PyMongoError]:
        del again  # to read twice does no harm
        try:
            return [*await read(items)]
        except PyMongoError as error:
            return [error] * len(items)

    replies: list[Reply] = []
    for reply in await send_twice(attempt, items):
        if isinstance(reply, PyMongoError):
            raise reply
        replies.append(reply)
    return replies


def may_pass(error: PyMongoError) -> bool:
    """Say whether the same may succeed after an error."""
    if isinstance(error, ConnectionFailure):
        # Another search for a server would take what is left of the time.
        return not isinstance(error, ServerSelectionTimeoutError)
    return getattr(error, "code", None) in PASSING


def seconds_asked_for(error: object) -> float | None:
    """Return how long a server that throttles asks to wait, if it does."""
    if getattr(error, "code", None) != THROTTLED:
        return None
    match = RETRY_AFTER.search(str(error))
    return int(match[1]) / 1000 if match else None
