"""Turns: large bodies are checked one at a time, with pauses in which small ones are served.

Checking blocks the event loop, for longer the larger a body is. Without turns, a few clients that
repeat large bodies would take nearly all of the processor. So would those that repeat wrong ones,
which wait for nothing: a refusal takes a turn before it is sent.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple, TypeVar

from shared_code.operations import seconds_left
from shared_code.problems import Problem, StoreUnavailable

Result = TypeVar("Result")

# To check so many bytes of JSON takes no longer than the rest of a request.
LARGE = 2048

# So many commas are in a batch of a dozen events. 500 wrong events are only 1,001 bytes.
MANY_COMMAS = 48

# A pause is so many times as long as the check before it, because storing a large body takes time
# after the check, too.
PAUSE = 5

# No check takes a tenth of a second, save where the whole process is held up.
LONGEST_PAUSE_SECONDS = 0.5

# What it takes to receive and inflate a large body, before its turn.
SECONDS_PER_BYTE = 2e-9

# What a refusal takes besides the check.
REFUSAL_SECONDS = 0.0002


class Turns:
    """Whose turn it is in a queue, and whether a small body came since the last turn."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.lock = asyncio.Lock()
        self.is_shared = False

    async def take(self) -> None:
        """Take the next turn.

        Raises:
            TimeoutError: it did not come in time.
        """
        async with asyncio.timeout(seconds_left()):
            await self.lock.acquire()

    def end(self, seconds: float) -> None:
        """End a turn that took so long, after the pause."""
        pause = min(PAUSE * seconds, LONGEST_PAUSE_SECONDS) if self.is_shared else 0
        self.is_shared = False
        self.loop.call_later(pause, self.lock.release)


class Queues(NamedTuple):
    """Those who wait in one event loop. Large bodies do not wait for refusals."""

    large: Turns
    refusals: Turns


# As with connections, a deployed process has one event loop, and tests have several.
_queues: dict[asyncio.AbstractEventLoop, Queues] = {}


def get_queues() -> Queues:
    """Return the queues of this event loop."""
    loop = asyncio.get_running_loop()
    return _queues.get(loop) or _queues.setdefault(loop, Queues(Turns(), Turns()))


async def in_turn(check: Callable[[bytes], Result], body: bytes) -> Result:
    """Return the result of checking a body, immediately or, if it is large, in its turn.

    Raises:
        StoreUnavailable: its turn did not come in time.
    """
    large, refusals = get_queues()
    if len(body) <= LARGE and body.count(b",") <= MANY_COMMAS:
        result = timed(check, body)
        large.is_shared = refusals.is_shared = True
        return result
    try:
        await large.take()
    except TimeoutError:
        raise StoreUnavailable("too many large bodies at once") from None
    started = perf_counter()
    try:
        return check(body)
    finally:
        large.end(perf_counter() - started + SECONDS_PER_BYTE * len(body))


def timed(check: Callable[[bytes], Result], body: bytes) -> Result:
    """Return the result of checking a body, or say in the problem how long that took."""
    started = perf_counter()
    try:
        return check(body)
    except Problem as problem:
        problem.seconds_taken = perf_counter() - started
        raise


async def wait_to_refuse(problem: Problem) -> None:
    """Wait until a refusal may be sent: in its turn, or when the time of its request is over."""
    turns = get_queues().refusals
    try:
        await turns.take()
    except TimeoutError:
        return
    turns.end(problem.seconds_taken + REFUSAL_SECONDS)
