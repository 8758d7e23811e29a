"""The server of the dashboard, for its operator only.

Open pages share their updates, so many cost no more than one.
"""

import os
import secrets
import socket
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pymongo
import uvicorn
from pymongo.database import Database
from pymongo.errors import PyMongoError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from insights.errors import UsageError
from insights.figures.shares import stats
from insights.kinds import Document
from insights.mongodb.connection import open_database
from insights.pages.dashboard import Dashboard, content_security_policy, create_dashboard, to_page
from insights.pages.drawing import start_vega
from insights.pages.follower import Follower
from insights.pages.updates import Board, Say, Updater
from insights.pages.users import ENTRIES, to_user_page
from insights.queries.attributes import Attribute
from insights.queries.filters import Selection, to_filters
from insights.queries.periods import Period, parse_period, parse_time
from insights.settings import Settings
from insights.users.timelines import find_timeline

HOST = "127.0.0.1"
PORT = 8017

LAST_MONTH = Selection(since="30d")

# Other names would let a site read the page through its visitor's browser (DNS rebinding).
NAMES = ["127.0.0.1", "localhost", "[::1]"]

FORBIDDEN = (
    "Only the user who started the dashboard may read it. Open the address that the command "
    "printed, with its token.\n"
)

# The deadline for all figures together.
DEADLINE_SECONDS = 60.0

# The deadline for a user's timeline. Ctrl-C waits for it.
USER_SECONDS = 10.0
NOT_ANSWERING = "MongoDB does not answer. Reload the page to try again.\n"

EVENT_STREAM = "text/event-stream"

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": content_security_policy(live=True),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def serve(  # noqa: PLR0913 (each is an option of its command)
    settings: Settings,
    selection: Selection = LAST_MONTH,
    port: int = PORT,
    attributes: Sequence[Attribute] = (),
    *,
    say: Say,
    warn: Say,
    open_browser: bool = False,
) -> None:
    """Serve the dashboard until Ctrl-C, and print its address. Port 0 picks a free one.

    It compares ratings by the attributes.

    Raises:
        UsageError: a time or a condition is not valid, or the port cannot be used.
        Unreachable: no MongoDB answers at the start.
        PyMongoError: MongoDB refuses to be read or watched.
        KeyboardInterrupt: always, in the end.
    """
    parse_period(selection.since, selection.until, datetime.now(UTC))
    to_filters(selection, settings, datetime.now(UTC))
    with listening_socket(port) as listener, open_database(settings) as database:
        start_vega()
        stats()
        board = Board()
        token = secrets.token_urlsafe()
        server = Server(board, token, partial(show_user, database, settings, token))
        current = partial(current_dashboard, database, settings, token, selection, attributes)
        updater = Updater(current, board, on_failure=server.end)
        follower = Follower(settings, updater, warn)
        # Follow before the first state is made, so that no arrival is missed between the two.
        with follower.running(on_failure=server.end), updater.running():
            url = f"http://{HOST}:{listener.getsockname()[1]}/?token={token}"
            say(f"The dashboard is at {url} (Ctrl-C ends it).")
            if open_browser:
                webbrowser.open(url)
            server.run(sockets=[listener])
        if failure := follower.failure or updater.failure:
            raise failure


@contextmanager
def listening_socket(port: int) -> Iterator[socket.socket]:
    """Listen on a port of the loopback interface.

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


def current_dashboard(
    database: Database[Document],
    settings: Settings,
    token: str,
    selection: Selection,
    attributes: Sequence[Attribute],
) -> Dashboard:
    """Return the dashboard as of now.

    Raises:
        PyMongoError: MongoDB does not answer, or refuses.
    """
    now = datetime.now(UTC)
    with pymongo.timeout(DEADLINE_SECONDS):
        made = create_dashboard(
            database,
            settings,
            to_filters(selection, settings, now),
            parse_period(selection.since, selection.until, now),
            now,
            attributes,
        )
    return replace(made, token=token)


def show_user(
    database: Database[Document], settings: Settings, token: str, request: Request
) -> Response:
    """Respond with the timeline of a user, up to a time if the query has one."""
    query = request.query_params
    try:
        until = parse_time(query["until"], datetime.now(UTC)) if "until" in query else None
        with pymongo.timeout(USER_SECONDS):
            found = find_timeline(
                database, settings, query.get("id", ""), Period(until=until), ENTRIES
            )
            html = to_user_page(found, token)
    except UsageError as error:
        return PlainTextResponse(f"{error}\n", 400, headers=HEADERS)
    except PyMongoError:
        return PlainTextResponse(NOT_ANSWERING, 503, headers=HEADERS)
    return HTMLResponse(html, 404 if found.is_empty else 200, headers=HEADERS)


class Server(uvicorn.Server):
    """A uvicorn server that ends without waiting for open pages."""

    def __init__(self, board: Board, token: str, user: Callable[[Request], Response]) -> None:
        # Nothing is logged: failures that concern the operator end the command with a message.
        super().__init__(
            uvicorn.Config(
                create_application(board, token, user),
                log_config=None,
                log_level="critical",
                server_header=False,
            )
        )
        self._board = board

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams of all pages, then shut down."""
        self._board.close()
        await super().shutdown(sockets)

    def end(self) -> None:
        """Shut down soon. Thread-safe."""
        self.should_exit = True


class Guard:
    """Admits only requests with the token in their query, which other users of this computer lack.

    Browsers would send a cookie to every port of this computer, even to another user's server.
    """

    def __init__(self, application: ASGIApp, token: str) -> None:
        self._application = application
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond 403."""
        if scope["type"] == "http" and not self._admits(Request(scope)):
            response = PlainTextResponse(FORBIDDEN, 403, headers=HEADERS)
            await response(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def _admits(self, request: Request) -> bool:
        # As bytes: `compare_digest` refuses strings beyond ASCII.
        given = request.query_params.get("token", "").encode()
        return secrets.compare_digest(given, self._token)


def create_application(board: Board, token: str, user: Callable[[Request], Response]) -> Starlette:
    """Return the application: the page, its stream of updates, and the pages of users."""

    async def page(_request: Request) -> Response:
        return HTMLResponse(to_page(board.state.parts, live=True), headers=HEADERS)

    async def stream(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(headers=HEADERS, media_type=EVENT_STREAM)
        return StreamingResponse(board.messages(), headers=HEADERS, media_type=EVENT_STREAM)

    application = Starlette(
        routes=[Route("/", page), Route("/stream", stream), Route("/user", user)],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=NAMES, www_redirect=False),
            Middleware(Guard, token),
        ],
    )
    application.router.redirect_slashes = False
    return application
