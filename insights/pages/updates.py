"""Live updates for the open pages of a served dashboard."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event, Thread
from time import monotonic

from markupsafe import Markup
from pymongo.errors import PyMongoError

from insights.figures.answers import show_share
from insights.pages.current import Current
from insights.pages.dashboard import Dashboard, digest, to_parts
from insights.wording import plural

# Arrivals are gathered for a moment, and shown at most once an interval.
GATHER_SECONDS = 0.1
INTERVAL_SECONDS = 1.0

# The least difference between two times that the page tells.
OLDER = timedelta(seconds=2)

# The delay before a browser reconnects.
RETRY_MS = 1000

# A thread that waits for a change ends within half a second; one that waits for MongoDB dies with
# the process.
JOIN_SECONDS = 0.6

Say = Callable[[str], None]
"""Prints a line for the operator."""


@dataclass(frozen=True)
class State:
    """The content of every open page, its time, and whether MongoDB stopped answering."""

    parts: Mapping[str, Markup]
    digests: Mapping[str, str]
    as_of: str
    announcement: str
    is_stale: bool = False

    @property
    def status(self) -> str:
        """The status line of the page."""
        state = "MongoDB does not answer; figures" if self.is_stale else "Live,"
        return f"{state} as of {self.as_of}"

    @property
    def first_status(self) -> str:
        """The status line of the page before its script runs, and without."""
        return self.status.removeprefix("Live, ").replace("as of", "As of", not self.is_stale)


def to_state(dashboard: Dashboard) -> State:
    """Return the state of a dashboard."""
    parts, summary = to_parts(dashboard), dashboard.summary
    ratings, events = summary.feedback.count, summary.events.count
    found = summary.feedback.comparison.now
    share = show_share(found) if found else "-"
    return State(
        parts,
        {name: digest(html) for name, html in parts.items()},
        f"{dashboard.extended or dashboard.made:%H:%M:%S} UTC{older(dashboard)}",
        f"Updated: {plural(ratings, 'rating')}, {share} positive; {plural(events, 'event')}.",
    )


def older(dashboard: Dashboard) -> str:
    """Return the time of the figures that arrivals are not added to, if it is worth telling."""
    made, counted = dashboard.made, dashboard.extended or dashboard.made
    return f" (ratings and events; all else: {made:%H:%M:%S})" if counted - made > OLDER else ""


class Board:
    """The newest state, and the pages that wait for the next one."""

    state: State

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._closed = False

    def publish(self, state: State) -> None:
        """Send a state to all pages. Thread-safe."""
        self.state = state
        if self._loop:
            # The loop may have closed meanwhile.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """End the streams of all pages."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def messages(self) -> AsyncGenerator[str]:
        """Yield server-sent events for one page until the board closes.

        The first has all parts, the others only changed ones. A slow page skips states, but never
        the newest.
        """
        self._loop = asyncio.get_running_loop()
        sent: Mapping[str, str] = {}
        yield f"retry: {RETRY_MS}\n\n"
        while not self._closed:
            changed, state = self._changed, self.state
            yield to_message(state, sent)
            sent = state.digests
            await changed.wait()


def to_message(state: State, sent: Mapping[str, str]) -> str:
    """Return the event with a state, and only those parts whose digests were not sent."""
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


class Updater:
    """Keeps a board current, in a thread of its own."""

    def __init__(self, current: Current, board: Board, on_failure: Callable[[], None]) -> None:
        self._current = current
        self._board = board
        self._on_failure = on_failure
        self._made = Event()
        self._wanted = Event()
        self._may_replace = Event()
        self._was_lost = Event()
        self._stop = Event()
        self._builder = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Make the first state, and then keep the board current.

        Raises:
            InsightsError, PyMongoError: MongoDB cannot be read.
        """
        self._board.publish(to_state(self._current.make()))
        self._made.set()
        self._builder.start()

    def stop(self) -> None:
        """End the thread soon."""
        self._stop.set()
        self._wanted.set()

    def join(self, seconds: float) -> None:
        """Wait for the end of the thread, but not longer."""
        if self._builder.is_alive():
            self._builder.join(max(seconds, 0))

    def note_arrival(self, *, may_replace: bool) -> None:
        """Refresh the figures soon. Thread-safe."""
        if may_replace:
            self._may_replace.set()
        self._wanted.set()

    def note_lost(self) -> None:
        """Mark the figures as stale, and make them anew afterwards. Thread-safe."""
        self._was_lost.set()
        if self._made.is_set():
            self._note_stale()

    def _run(self) -> None:
        """Do the work of the thread."""
        try:
            self._keep_current()
        except Exception:  # noqa: BLE001 (raised again when the board is made anew)
            self._on_failure()

    def _keep_current(self) -> None:
        """Refresh the figures after arrivals, and whenever that is needed without any."""
        while not self._stop.is_set():
            self._wanted.wait(self._current.seconds_to_refresh)
            started = monotonic()
            self._stop.wait(GATHER_SECONDS)
            self._wanted.clear()
            try:
                self._board.publish(to_state(self._refresh()))
            except PyMongoError:
                self._note_stale()
                self._wanted.set()
            self._stop.wait(started + INTERVAL_SECONDS - monotonic())

    def _refresh(self) -> Dashboard:
        # The time that an outage took says nothing of the next making.
        may_replace, was_lost = self._may_replace.is_set(), self._was_lost.is_set()
        self._may_replace.clear()
        self._was_lost.clear()
        return self._current.refresh(has_replaced=may_replace, anew=was_lost)

    def _note_stale(self) -> None:
        """Mark the figures on the pages as stale."""
        if not self._board.state.is_stale:
            self._board.publish(replace(self._board.state, is_stale=True))
