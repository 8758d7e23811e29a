"""Keeping something busy: so many at once, over and over, for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

Act = Callable[[], Awaitable[object]]


async def rate(act: Act, concurrent: int, seconds: float) -> float:
    """Return how many times a second `act` is done by so many tasks."""
    start = perf_counter()
    done = 0

    async def repeat() -> None:
        nonlocal done
        while perf_counter() - start < seconds:
            await act()
            done += 1

    await asyncio.gather(*(repeat() for _ in range(concurrent)))
    return done / (perf_counter() - start)
