"""Follows the arrivals in MongoDB for all boards of a server, in one thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Protocol

from pymongo.errors import PyMongoError

from insights.arrivals.changes import Connection, polling_notice
from insights.arrivals.streams import changes
from insights.errors import InsightsError
from insights.kinds import Kind
from insights.pages.updates import INTERVAL_SECONDS, JOIN_SECONDS, Say
from insights.queries.filters import Filter
from insights.settings import Settings


class Listener(Protocol):
    """What is told of arrivals. Its methods are thread-safe."""

    def note_arrival(self, *, may_replace: bool) -> None:
        """Note that documents arrived, and whether one may have replaced another."""

    def note_lost(self) -> None:
        """Note that MongoDB stopped answering."""


class Follower:
    """Tells a listener of arrivals."""

    def __init__(self, settings: Settings, listener: Listener, warn: Say) -> None:
        self._settings = settings
        self._listener = listener
        self._warn = warn
        self._watching = Event()
        self._stop = Event()
        # The exception that ended the thread.
        self.failure: Exception | None = None

    @contextmanager
    def running(self, on_failure: Callable[[], None]) -> Iterator[None]:
        """Follow during the block, which begins when no arrival can be missed.

        Raises:
            InsightsError, PyMongoError: MongoDB cannot be watched.
        """
        thread = Thread(target=self._run, args=(on_failure,), daemon=True)
        thread.start()
        try:
            self._watching.wait()
            if self.failure:
                raise self.failure
            yield
        finally:
            self._stop.set()
            thread.join(JOIN_SECONDS)

    def _run(self, on_failure: Callable[[], None]) -> None:
        """Follow, and keep the exception for the main thread."""
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 (raised again in the main thread)
            self.failure = error
            self._watching.set()
            on_failure()

    def _follow(self) -> None:
        """Note each arrival. Start another stream if one cannot be resumed."""
        everything: dict[Kind, Filter] = {kind: {} for kind in Kind}
        while not self._stop.is_set():
            try:
                for each in changes(self._settings, everything, self._note_connection, self._stop):
                    self._listener.note_arrival(may_replace=each.updated is not False)
            except (InsightsError, PyMongoError):
                if not self._watching.is_set():
                    raise
                self._note_connection(Connection.LOST, "")
                self._stop.wait(INTERVAL_SECONDS)

    def _note_connection(self, connection: Connection, reason: str) -> None:
        """Note the state of the connection."""
        if connection is Connection.POLLING:
            self._warn(polling_notice(reason))
        if connection in {Connection.WATCHING, Connection.POLLING}:
            self._watching.set()
        if connection is Connection.LOST:
            self._listener.note_lost()
        self._listener.note_arrival(may_replace=True)
