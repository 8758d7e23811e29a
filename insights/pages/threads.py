"""Blocking work in daemon threads, so that a server never blocks, and ends at once."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

# Further work waits for its turn.
MOST = 16


class Ending(Exception):
    """The server ends, and no longer waits for work."""


class Threads:
    """Runs blocking functions, each in a thread of its own.

    A thread whose wait was ended runs on, because PyMongo operations are never cancelled, and dies
    with the process.
    """

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MOST)
        self._waits: set[asyncio.Future[None]] = set()
        self._closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """Return the result of a function.

        Raises:
            Ending: the server ends.
            Exception: the function raised it.
        """
        async with self._turns:
            if self._closed:
                raise Ending
            return await self._start(work)

    async def _start(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        results: list[T] = []
        failures: list[Exception] = []

        def run() -> None:
            try:
                results.append(work())
            except Exception as error:  # noqa: BLE001 (raised again in the loop)
                failures.append(error)
            # The loop may have closed meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(end_wait, done)

        self._waits.add(done)
        Thread(target=run, daemon=True).start()
        try:
            await done
        finally:
            self._waits.discard(done)
        if failures:
            raise failures[0]
        return results[0]

    def close(self) -> None:
        """End all waits."""
        self._closed = True
        for each in self._waits:
            if not each.done():
                each.set_exception(Ending())


def end_wait(done: asyncio.Future[None]) -> None:
    """End a wait that has not ended yet."""
    if not done.done():
        done.set_result(None)
