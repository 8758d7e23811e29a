"""Serving the dashboard to its operator alone, and keeping every open page of it current.

One thread follows what arrives in MongoDB, one makes the dashboard anew when something did, and
the main one answers browsers. So all pages together cost no more than one.
"""

import asyncio
import json
import os
import secrets
import socket
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from threading import Event, Thread
from time import monotonic

import pymongo
import uvicorn
from markupsafe import Markup
from pymongo.database import Database
from pymongo.errors import PyMongoError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from insights.changes import Connection, polling_notice
from insights.charts import percentage, plural
from insights.dashboard import (
    Dashboard,
    content_security_policy,
    create_dashboard,
    digest,
    to_page,
    to_parts,
)
from insights.database import Document, Kind, open_database
from insights.drawing import start_vega
from insights.errors import InsightsError, UsageError
from insights.filters import Filter
from insights.periods import parse_period
from insights.settings import Settings
from insights.streams import changes
from insights.terminal import print_error, print_line

HOST = "127.0.0.1"
PORT = 8017

# By other names a site could have a browser read from this address (DNS rebinding).
NAMES = ["127.0.0.1", "localhost", "[::1]"]

FORBIDDEN = (
    "Only the user who started the dashboard may read it. Open the address that the command "
    "printed, with its token.\n"
)

# What arrives together is shown together, and no more often than once in the interval.
GATHER_SECONDS = 0.1
INTERVAL_SECONDS = 1.0

# A period moves on, and what was erased goes, also where nothing arrives.
REFRESH_SECONDS = 60.0

# A MongoDB that takes longer for all figures hangs.
ANSWER_SECONDS = 60.0

EVENT_STREAM = "text/event-stream"

# How soon a browser whose connection was lost tries again.
RETRY_MS = 1000

# A thread ends sooner, unless it waits for MongoDB; it dies with the process.
JOIN_SECONDS = 1.0

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": content_security_policy(live=True),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def serve(
    settings: Settings,
    since: str | None = "30d",
    until: str | None = None,
    port: int = PORT,
    *,
    open_browser: bool = False,
) -> None:
    """Serve the dashboard until Ctrl-C. Port 0 is any that is free.

    Raises:
        UsageError: a time is not valid, or the port cannot be used.
        Unreachable: no MongoDB answers at the start.
        PyMongoError: MongoDB refuses to be read or watched.
        KeyboardInterrupt: always, in the end.
    """
    parse_period(since, until, datetime.now(UTC))
    with listening_socket(port) as listener, open_database(settings) as database:
        start_vega()
        board = Board()
        token = secrets.token_urlsafe()
        server = Server(board, token)
        keeper = Keeper(settings, partial(make, database, settings, since, until), board)
        with keeper.keeping(on_failure=server.end):
            url = f"http://{HOST}:{listener.getsockname()[1]}/?token={token}"
            print_line(f"The dashboard is at {url} (Ctrl-C ends it).")
            if open_browser:
                webbrowser.open(url)
            server.run(sockets=[listener])
        if keeper.failure:
            raise keeper.failure


@contextmanager
def listening_socket(port: int) -> Iterator[socket.socket]:
    """Listen on a port of this computer that no other can reach.

    Raises:
        UsageError: it cannot be used.
    """
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UsageError(f"port {port} cannot be used ({reason}): give another --port") from None
    # asyncio sets it only on sockets that name their protocol, and this one does not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener


def make(
    database: Database[Document], settings: Settings, since: str | None, until: str | None
) -> Dashboard:
    """Return the dashboard as it is now.

    Raises:
        PyMongoError: MongoDB does not answer, or refuses.
    """
    now = datetime.now(UTC)
    with pymongo.timeout(ANSWER_SECONDS):
        return create_dashboard(database, settings, parse_period(since, until, now), now)


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
    share = percentage(summary.feedback.share_positive)
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

    def __init__(self, settings: Settings, make: Callable[[], Dashboard], board: Board) -> None:
        self._settings = settings
        self._make = make
        self._board = board
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
            print_error(polling_notice(why))
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


class Server(uvicorn.Server):
    """Answers browsers. At its end it does not wait for pages that are still open."""

    def __init__(self, board: Board, token: str) -> None:
        # Nothing is logged: what a user can do something about ends the command with a message.
        super().__init__(
            uvicorn.Config(
                create_application(board, token),
                log_config=None,
                log_level="critical",
                server_header=False,
            )
        )
        self._board = board

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let all pages go, and end."""
        self._board.close()
        await super().shutdown(sockets)

    def end(self) -> None:
        """End soon. Any thread may ask for it."""
        self.should_exit = True


class Guard:
    """Answers only requests whose query has the token; other users of this computer lack it.

    It is no cookie, which a browser would also send to the other ports of this computer, and so
    to a server that another user runs there.
    """

    def __init__(self, application: ASGIApp, token: str) -> None:
        self._application = application
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and not self._admits(Request(scope)):
            response = PlainTextResponse(FORBIDDEN, 403, headers=HEADERS)
            await response(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def _admits(self, request: Request) -> bool:
        # Texts would have to be ASCII.
        given = request.query_params.get("token", "").encode()
        return secrets.compare_digest(given, self._token)


def create_application(board: Board, token: str) -> Starlette:
    """Return the application: the page, and the stream that keeps it current."""

    async def page(_request: Request) -> Response:
        return HTMLResponse(to_page(board.state.parts, live=True), headers=HEADERS)

    async def stream(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(headers=HEADERS, media_type=EVENT_STREAM)
        return StreamingResponse(board.messages(), headers=HEADERS, media_type=EVENT_STREAM)

    application = Starlette(
        routes=[Route("/", page), Route("/stream", stream)],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=NAMES, www_redirect=False),
            Middleware(Guard, token),
        ],
        lifespan=board.lifespan,
    )
    application.router.redirect_slashes = False
    return application
