"""The server of the dashboard, for its operator only.

Open pages share their updates, so many cost no more than one.
"""

import os
import secrets
import socket
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from insights.errors import UsageError
from insights.mongodb.connection import open_database
from insights.pages.boards import Boards
from insights.pages.drawing import start_vega
from insights.pages.follower import Follower
from insights.pages.questions import LAST_MONTH, question_of
from insights.pages.site import HEADERS, Site
from insights.pages.sources import Source
from insights.pages.threads import Threads
from insights.pages.updates import Say
from insights.queries.filters import Selection, to_filters
from insights.queries.periods import parse_period
from insights.settings import Settings

HOST = "127.0.0.1"
PORT = 8017

# Other names would let a site read the page through its visitor's browser (DNS rebinding).
NAMES = ["127.0.0.1", "localhost", "[::1]"]

FORBIDDEN = (
    "Only the user who started the dashboard may read it. Open the address that the command "
    "printed, with its token.\n"
)


def serve(  # noqa: PLR0913 (each is an option of its command)
    settings: Settings,
    selection: Selection = LAST_MONTH,
    port: int = PORT,
    by: Sequence[str] = (),
    *,
    say: Say,
    warn: Say,
    open_browser: bool = False,
) -> None:
    """Serve the dashboard until Ctrl-C, and print its address. Port 0 picks a free one.

    A page without a query answers the question of the selection, and compares ratings by the
    fields `by`, which are valid.

    Raises:
        UsageError: a time or a condition is not valid, or the port cannot be used.
        Unreachable: no MongoDB answers at the start.
        PyMongoError: MongoDB refuses to be read or watched.
        KeyboardInterrupt: always, in the end.
    """
    parse_period(selection.since, selection.until, datetime.now(UTC))
    to_filters(selection, settings, datetime.now(UTC))
    question, token = question_of(selection, by), secrets.token_urlsafe()
    with listening_socket(port) as listener, open_database(settings) as database:
        start_vega()
        source, threads = Source(database, settings, token, question), Threads()
        boards = Boards(source.asked, threads)
        server = Server(Site(source, boards, threads), token)
        follower = Follower(settings, boards, warn)
        # Follow before the first board is made, so that no arrival is missed between the two.
        with follower.running(on_failure=server.end), boards.ending():
            boards.make_first(question)
            url = f"http://{HOST}:{listener.getsockname()[1]}/?token={token}"
            say(f"The dashboard is at {url} (Ctrl-C ends it).")
            if open_browser:
                webbrowser.open(url)
            server.run(sockets=[listener])
        if follower.failure:
            raise follower.failure


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


class Server(uvicorn.Server):
    """A uvicorn server that ends without waiting for open pages, or for MongoDB."""

    def __init__(self, site: Site, token: str) -> None:
        # Nothing is logged: failures that concern the operator end the command with a message.
        super().__init__(
            uvicorn.Config(
                create_application(site, token),
                log_config=None,
                log_level="critical",
                server_header=False,
            )
        )
        self._site = site

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End all responses, then shut down."""
        self._site.close()
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


def create_application(site: Site, token: str) -> Starlette:
    """Return the application: the pages of a site, for those who have the token."""
    application = Starlette(
        routes=site.routes,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=NAMES, www_redirect=False),
            Middleware(Guard, token),
        ],
        lifespan=site.lifespan,
    )
    application.router.redirect_slashes = False
    return application
