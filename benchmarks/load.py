"""Keeping something busy: so many at once, over and over, for a while."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Act(Generic[Item]):
    """Something to do over and over, each time with a new item, such as a request."""

    def __init__(self, make: Callable[[], Item], do: Callable[[Item], Awaitable[object]]) -> None:
        self.make = make
        self.do = do
        self.items: deque[Item] = deque()
        self.used = 0

    def prepare(self) -> None:
        """Make as many items as were used since the last time, before the clock starts."""
        self.items.extend(self.make() for _ in range(self.used - len(self.items)))
        self.used = 0

    async def once(self) -> None:
        """Do it with an item that was made before, while there are any."""
        self.used += 1
        await self.do(self.items.popleft() if self.items else self.make())


async def rate(act: Act[Item], concurrent: int, seconds: float) -> float:
    """Return how many times a second `act` is done by so many tasks."""
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
