"""Turns: large bodies are checked one at a time, with pauses in which small ones are served.

Checking blocks the event loop, for longer the larger a body is. Without turns, a few clients that
repeat large bodies would take nearly all of the processor. So would clients that repeat wrong
bodies, which never wait for MongoDB, so refusals take turns too.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple, TypeVar

import azure.functions as func

from shared_code.mongodb.deadlines import seconds_left
from shared_code.mongodb.group_commit import LARGE
from shared_code.problems import Problem, StoreUnavailable

Result = TypeVar("Result")

# A batch of a dozen events has this many commas. 500 wrong events may be just 1,001 bytes.
MANY_COMMAS = 48

# The ratio of a pause to the check before it. It is high because storing a large body takes time,
# too, which is not measured.
PAUSE = 5

# A check takes less than a tenth of a second, unless something else holds up the process.
LONGEST_PAUSE_SECONDS = 0.5

# The time for a refusal besides the check, and the longest wait for its turn.
REFUSAL_SECONDS = 0.0002
REFUSAL_WAIT_SECONDS = 0.25


class Turns:
    """A queue of turns; `is_shared` means that a small body came since the last one."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.lock = asyncio.Lock()
        self.is_shared = False

    async def take(self, seconds: float) -> None:
        """Take the next turn.

        Raises:
            TimeoutError: it did not come in this time.
        """
        async with asyncio.timeout(seconds):
            await self.lock.acquire()

    def end(self, seconds: float) -> None:
        """End a turn of this length, after the pause."""
        pause = min(PAUSE * seconds, LONGEST_PAUSE_SECONDS) if self.is_shared else 0
        self.is_shared = False
        self.loop.call_later(pause, self.lock.release)


class Queues(NamedTuple):
    """The queues of one event loop. Large bodies do not wait for refusals."""

    large: Turns
    refusals: Turns


# A deployed process has one event loop; tests have several.
_queues: dict[asyncio.AbstractEventLoop, Queues] = {}


def get_queues() -> Queues:
    """Return the queues of this event loop."""
    loop = asyncio.get_running_loop()
    return _queues.get(loop) or _queues.setdefault(loop, Queues(Turns(), Turns()))


async def in_turn(check: Callable[[func.HttpRequest], Result], req: func.HttpRequest) -> Result:
    """Return the result of checking a request, immediately or, if its body is large, in its turn.

    Raises:
        StoreUnavailable: its turn did not come in time.
    """
    large, refusals = get_queues()
    if is_small(req):
        result = timed(check, req)
        large.is_shared = refusals.is_shared = True
        return result
    try:
        await large.take(seconds_left())
    except TimeoutError:
        raise StoreUnavailable("too many large bodies at once") from None
    started = perf_counter()
    try:
        return check(req)
    finally:
        large.end(perf_counter() - started)


def is_small(req: func.HttpRequest) -> bool:
    """Say whether a body is checked quickly, which is not known of one that must be inflated."""
    body = req.get_body()
    return (
        len(body) <= LARGE
        and body.count(b",") <= MANY_COMMAS
        and "Content-Encoding" not in req.headers
    )


def timed(check: Callable[[func.HttpRequest], Result], req: func.HttpRequest) -> Result:
    """Return the result of checking a request; a problem gets the time that the check took."""
    started = perf_counter()
    try:
        return check(req)
    except Problem as problem:
        problem.seconds_taken = perf_counter() - started
        raise


async def wait_to_refuse(problem: Problem) -> None:
    """Wait for the turn of a refusal, but not for long."""
    turns = get_queues().refusals
    try:
        await turns.take(REFUSAL_WAIT_SECONDS)
    except TimeoutError:
        return
    turns.end(problem.seconds_taken + REFUSAL_SECONDS)
