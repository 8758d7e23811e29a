"""What keeps every open page of a served dashboard current.

One thread follows what arrives in MongoDB, and one makes the dashboard anew when something did.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event, Thread
from time import monotonic

from markupsafe import Markup
from pymongo.errors import PyMongoError
from starlette.applications import Starlette

from insights.arrivals.changes import Connection, polling_notice
from insights.arrivals.streams import changes
from insights.errors import InsightsError
from insights.figures.answers import show_share
from insights.kinds import Kind
from insights.pages.dashboard import Dashboard, digest, to_parts
from insights.queries.filters import Filter
from insights.settings import Settings
from insights.wording import plural

# What arrives together is shown together, and no more often than once in the interval.
GATHER_SECONDS = 0.1
INTERVAL_SECONDS = 1.0

# A period moves on, and what was erased goes, also where nothing arrives.
REFRESH_SECONDS = 60.0

# How soon a browser whose connection was lost tries again.
RETRY_MS = 1000

# A thread ends sooner, unless it waits for MongoDB; it dies with the process.
JOIN_SECONDS = 1.0

Say = Callable[[str], None]
"""Shows one line to the operator."""


@dataclass(frozen=True)
class State:
    """What every open page shows, since when it is so, and whether MongoDB still answers."""

    parts: Mapping[str, Markup]
    digests: Mapping[str, str]
    as_of: str
    announcement: str
    is_stale: bool = False

    @property
    def status(self) -> str:
        """What the page says of itself."""
        return f"{'MongoDB does not answer' if self.is_stale else 'Live'}, as of {self.as_of} UTC"


def to_state(dashboard: Dashboard) -> State:
    """Return what pages show of a dashboard."""
    parts, summary = to_parts(dashboard), dashboard.summary
    ratings, events = summary.feedback.count, summary.events.count
    found = summary.feedback.comparison.now
    share = show_share(found) if found else "-"
    return State(
        parts,
        {name: digest(html) for name, html in parts.items()},
        f"{dashboard.made:%H:%M:%S}",
        f"Updated: {plural(ratings, 'rating')}, {share} positive; {plural(events, 'event')}.",
    )


class Board:
    """The newest state, and the pages that wait for the next."""

    state: State

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._closed = False

    @asynccontextmanager
    async def lifespan(self, _application: Starlette) -> AsyncIterator[None]:
        """Belong to the event loop of the server while that runs."""
        self._loop = asyncio.get_running_loop()
        yield
        self._loop = None

    def put(self, state: State) -> None:
        """Give a state to all pages. Any thread may do so."""
        self.state = state
        if self._loop:
            # The loop may have ended meanwhile.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """Let all pages go."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def messages(self) -> AsyncIterator[str]:
        """Yield what keeps one page current, as server-sent events, until the board closes.

        The first has all parts, each later one those that changed. A slow page misses some states,
        never the newest.
        """
        sent: Mapping[str, str] = {}
        yield f"retry: {RETRY_MS}\n\n"
        while not self._closed:
            changed, state = self._changed, self.state
            yield to_message(state, sent)
            sent = state.digests
            await changed.wait()


def to_message(state: State, sent: Mapping[str, str]) -> str:
    """Return the event that brings a page from the digests that it was sent to a state."""
    content = {
        "parts": {
            f"part-{name}": {"digest": state.digests[name], "html": html}
            for name, html in state.parts.items()
            if state.digests[name] != sent.get(name)
        },
        "status": state.status,
        "announcement": state.announcement,
        "stale": state.is_stale,
    }
    return f"data: {json.dumps(content)}\n\n"


class Keeper:
    """Keeps a board current, in threads of its own."""

    def __init__(
        self, settings: Settings, make: Callable[[], Dashboard], board: Board, warn: Say
    ) -> None:
        self._settings = settings
        self._make = make
        self._board = board
        self._warn = warn
        self._watching = Event()
        self._wanted = Event()
        self._stop = Event()
        # What ended one of the threads.
        self.failure: Exception | None = None

    @contextmanager
    def keeping(self, on_failure: Callable[[], None]) -> Iterator[None]:
        """Keep the board current in the block, from its beginning on.

        Raises:
            InsightsError, PyMongoError: MongoDB cannot be watched, or not be read.
        """
        follower, maker = (
            Thread(target=self._run, args=(work, on_failure), daemon=True)
            for work in (self._follow, self._make_anew)
        )
        try:
            # What arrives from now on is in the first state, or leads to another.
            follower.start()
            self._watching.wait()
            if self.failure:
                raise self.failure
            self._board.put(to_state(self._make()))
            maker.start()
            yield
        finally:
            self._stop.set()
            self._wanted.set()
            for thread in (follower, maker):
                if thread.is_alive():
                    thread.join(JOIN_SECONDS)

    def _run(self, work: Callable[[], None], on_failure: Callable[[], None]) -> None:
        """Do the work of a thread, and keep what ends it for the main thread."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 (raised again in the main thread)
            self.failure = error
            self._watching.set()
            on_failure()

    def _follow(self) -> None:
        """Note what arrives in MongoDB. Where the stream cannot be resumed, begin another."""
        everything: dict[Kind, Filter] = {kind: {} for kind in Kind}
        while not self._stop.is_set():
            try:
                for _ in changes(self._settings, everything, self._hear, self._stop):
                    self._wanted.set()
            except (InsightsError, PyMongoError):
                if not self._watching.is_set():
                    raise
                self._hear(Connection.LOST, "")
                self._stop.wait(INTERVAL_SECONDS)

    def _hear(self, connection: Connection, why: str) -> None:
        """Note what became of the connection: the next look at MongoDB shows it."""
        if connection is Connection.POLLING:
            self._warn(polling_notice(why))
        if connection in {Connection.WATCHING, Connection.POLLING}:
            self._watching.set()
        if connection is Connection.LOST:
            self._note_stale()
        self._wanted.set()

    def _make_anew(self) -> None:
        """Make the dashboard anew whenever something arrived, and now and then."""
        while not self._stop.is_set():
            self._wanted.wait(REFRESH_SECONDS)
            started = monotonic()
            self._stop.wait(GATHER_SECONDS)
            self._wanted.clear()
            try:
                self._board.put(to_state(self._make()))
            except PyMongoError:
                self._note_stale()
                self._wanted.set()
            self._stop.wait(started + INTERVAL_SECONDS - monotonic())

    def _note_stale(self) -> None:
        """Have the pages say that they show an earlier state."""
        if not self._board.state.is_stale:
            self._board.put(replace(self._board.state, is_stale=True))
