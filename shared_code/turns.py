"""Turns: large bodies are checked one at a time, with pauses in which small ones are served.

Checking blocks the event loop, for longer the larger a body is. Without turns, a few clients that
repeat large bodies would take nearly all of the processor.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from shared_code.operations import seconds_left
from shared_code.problems import StoreUnavailable

Result = TypeVar("Result")

# To check so many bytes of JSON takes no longer than the rest of a request.
LARGE = 2048

# A pause is so many times as long as the check before it, because storing a large body takes time
# after the check, too.
PAUSE = 5

# No check takes a tenth of a second, save where the whole process is held up.
LONGEST_PAUSE_SECONDS = 0.5


class Turns:
    """Whose turn it is in one event loop, and whether a small body came since the last turn."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.is_shared = False


# As with connections, a deployed process has one event loop, and tests have several.
_turns: dict[asyncio.AbstractEventLoop, Turns] = {}


async def in_turn(check: Callable[[bytes], Result], body: bytes) -> Result:
    """Return the result of checking a body, immediately or, if it is large, in its turn.

    Raises:
        StoreUnavailable: its turn did not come in time.
    """
    loop = asyncio.get_running_loop()
    turns = _turns.get(loop) or _turns.setdefault(loop, Turns())
    if len(body) <= LARGE:
        turns.is_shared = True
        return check(body)
    try:
        async with asyncio.timeout(seconds_left()):
            await turns.lock.acquire()
    except TimeoutError:
        raise StoreUnavailable("too many large bodies at once") from None
    started = perf_counter()
    try:
        return check(body)
    finally:
        pause = PAUSE * (perf_counter() - started) if turns.is_shared else 0
        pause = min(pause, LONGEST_PAUSE_SECONDS)
        turns.is_shared = False
        loop.call_later(pause, turns.lock.release)
