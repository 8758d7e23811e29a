"""The boards of all questions that are open: one for each, however many pages ask it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from starlette.applications import Starlette

from insights.pages.current import Current, Figures
from insights.pages.questions import Question
from insights.pages.threads import Threads
from insights.pages.updates import JOIN_SECONDS, Board, Updater

# Each board has a thread, and asks MongoDB again after arrivals.
MOST = 16

# A board without pages is kept this long: a page may be reloaded, or come back into view.
IDLE_SECONDS = 60.0

Ask = Callable[[Question], Figures]
"""Returns the figures of a question."""


class TooManyQuestions(Exception):
    """Every board has pages."""


@dataclass
class Entry:
    """A board, what keeps it current, and its use."""

    board: Board
    updater: Updater
    making: asyncio.Task[None] | None = None
    pages: int = 0
    used: float = field(default_factory=monotonic)

    @property
    def is_idle(self) -> bool:
        """Whether no page needs it."""
        is_made = self.making is None or self.making.done()
        return is_made and not self.pages


class Boards:
    """Makes boards on demand, and drops them when no page has used them for a while."""

    def __init__(self, ask: Ask, threads: Threads) -> None:
        self._ask = ask
        self._threads = threads
        self._entries: dict[Question, Entry] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first: Question | None = None

    @asynccontextmanager
    async def lifespan(self, _application: Starlette) -> AsyncIterator[None]:
        """Bind to the server's event loop while it runs."""
        self._loop = asyncio.get_running_loop()
        for question, entry in self._entries.items():
            self._note_use(question, entry)
        yield
        self._loop = None

    def make_first(self, question: Question) -> None:
        """Make a board before the event loop runs.

        Raises:
            InsightsError, PyMongoError: MongoDB cannot be read.
        """
        self._first = question
        self._add(question).updater.start()

    async def find(self, question: Question) -> Board:
        """Return the board of a question.

        Raises:
            TooManyQuestions: every board has pages.
            Ending: the server ends.
            InsightsError, PyMongoError: MongoDB cannot be read.
        """
        entry = self._entries.get(question)
        if entry is None:
            self._make_room()
            entry = self._add(question)
            entry.making = asyncio.ensure_future(self._make(question, entry))
        if entry.making:
            # Others may wait for it, too.
            await asyncio.shield(entry.making)
        self._note_use(question, entry)
        return entry.board

    async def messages(self, question: Question) -> AsyncGenerator[str]:
        """Yield the messages of a board for one page, and keep the board meanwhile.

        There are none if it was dropped since it was found; then the browser asks again.
        """
        entry = self._entries.get(question)
        if entry is None:
            return
        entry.pages += 1
        try:
            async for each in entry.board.messages():
                yield each
        finally:
            entry.pages -= 1
            self._note_use(question, entry)

    def note_arrival(self, *, may_replace: bool) -> None:
        """Update all boards soon. Thread-safe."""
        for each in tuple(self._entries.values()):
            each.updater.note_arrival(may_replace=may_replace)

    def note_lost(self) -> None:
        """Mark all boards as stale. Thread-safe."""
        for each in tuple(self._entries.values()):
            each.updater.note_lost()

    def close(self) -> None:
        """End the streams of all pages."""
        for each in self._entries.values():
            each.board.close()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """End the threads of all boards after the block."""
        try:
            yield
        finally:
            updaters = [each.updater for each in self._entries.values()]
            for each in updaters:
                each.stop()
            until = monotonic() + JOIN_SECONDS
            for each in updaters:
                each.join(until - monotonic())

    def _add(self, question: Question) -> Entry:
        board = Board()
        drop = partial(self._drop_soon, question)
        entry = Entry(board, Updater(Current(self._ask(question)), board, drop))
        # From now on it is told of arrivals, so that none is missed while it is made.
        self._entries[question] = entry
        return entry

    async def _make(self, question: Question, entry: Entry) -> None:
        try:
            await self._threads.run(entry.updater.start)
        except Exception:
            self._drop(question)
            raise

    def _make_room(self) -> None:
        """Drop the board that was idle for longest, but not the first, if there are too many.

        Raises:
            TooManyQuestions: none is idle.
        """
        if len(self._entries) < MOST:
            return
        idle = {
            question: entry
            for question, entry in self._entries.items()
            if entry.is_idle and question != self._first
        }
        if not idle:
            raise TooManyQuestions
        self._drop(min(idle, key=lambda question: idle[question].used))

    def _note_use(self, question: Question, entry: Entry) -> None:
        """Note that a page used a board, and drop it if none does so again."""
        entry.used = monotonic()
        asyncio.get_running_loop().call_later(IDLE_SECONDS, self._drop_idle, question, entry)

    def _drop_idle(self, question: Question, entry: Entry) -> None:
        is_current = self._entries.get(question) is entry
        if is_current and entry.is_idle and monotonic() - entry.used >= IDLE_SECONDS:
            self._drop(question)

    def _drop(self, question: Question) -> None:
        if entry := self._entries.pop(question, None):
            entry.updater.stop()
            entry.board.close()

    def _drop_soon(self, question: Question) -> None:
        """Drop a board, so that the next page makes it anew. Thread-safe."""
        if self._loop:
            # The loop may have closed meanwhile.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._drop, question)
