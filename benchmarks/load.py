"""A load generator for coroutines: `concurrent` tasks that repeat one action for a while."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Act(Generic[Item]):
    """An action to repeat, each time with a new item, such as a request."""

    def __init__(self, make: Callable[[], Item], do: Callable[[Item], Awaitable[object]]) -> None:
        self.make = make
        self.do = do
        self.items: deque[Item] = deque()
        self.used = 0

    def prepare(self) -> None:
        """Make as many items as the last round used, before the clock starts."""
        self.items.extend(self.make() for _ in range(self.used - len(self.items)))
        self.used = 0

    async def once(self) -> None:
        """Act on a prepared item, or on a new one when they have run out."""
        self.used += 1
        await self.do(self.items.popleft() if self.items else self.make())


async def rate(act: Act[Item], concurrent: int, seconds: float) -> float:
    """Return how many times a second `concurrent` tasks complete `act`."""
    act.prepare()
    start = perf_counter()
    done = 0

    async def repeat() -> None:
        nonlocal done
        while perf_counter() - start < seconds:
            await act.once()
            done += 1

    await asyncio.gather(*(repeat() for _ in range(concurrent)))
    return done / (perf_counter() - start)
