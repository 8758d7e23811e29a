"""The requests that are refused before a function sees them.

Web pages reach every server on loopback. Those of other sites may neither write into a developer's
database nor read from it, unless `local.settings.json` names them. What the Functions host would
not serve is refused as well.
"""

import logging
import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("devserver")

# Kestrel's MaxRequestHeadersTotalSize, which the host leaves at its default.
HEADERS_LIMIT = 32_768

LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]*)?", flags=re.IGNORECASE)
SHOWN_CHARACTERS = 100

Check = Callable[[Scope, Headers], Response | None]


class Refusing:
    """The ASGI middleware that answers what `check` returns, and passes on the other requests."""

    def __init__(self, app: ASGIApp, check: Check) -> None:
        self.app = app
        self.check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        refusal = None
        if scope["type"] == "http":
            refusal = self.check(scope, Headers(scope=scope))
        await (refusal or self.app)(scope, receive, send)


def refuse_strangers(origins: Collection[str]) -> Check:
    """Return the check that passes requests to this computer by programs, and by listed pages."""

    def check(scope: Scope, headers: Headers) -> Response | None:
        if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > HEADERS_LIMIT:
            return refusal(431, f"more than {HEADERS_LIMIT} bytes of headers")
        hosts = headers.getlist("Host")
        if len(hosts) != 1 or not hosts[0]:
            return refusal(400, "exactly one Host header is needed")
        return refuse_host(hosts[0]) or refuse_origin(headers, hosts[0], origins)

    return check


def refuse_host(host: str) -> Response | None:
    """Refuse a request to another name, which its owner points to loopback (DNS rebinding).

    The browser takes the server for the page's own, and sends no foreign `Origin`.
    """
    if LOCAL_HOST.fullmatch(host):
        return None
    return refusal(403, f"Host is {shown(host)}, not localhost, 127.0.0.1 or [::1]")


def refuse_origin(headers: Headers, host: str, origins: Collection[str]) -> Response | None:
    """Refuse a request of a page whose origin is neither this server nor listed.

    Not only without an `Access-Control-Allow-Origin`: by then a POST that needs no preflight has
    written. Programs send no `Origin`. Any site can send `null`, from a sandboxed frame.
    """
    for origin in headers.getlist("Origin"):
        if not (origin == f"http://{host.lower()}" or origin in origins or "*" in origins):
            return refusal(
                403, f"Origin {shown(origin)} is not in Host.CORS of local.settings.json"
            )
    return None


def refuse_as_host(scope: Scope, headers: Headers) -> Response | None:
    """Refuse what the Functions host does not hand to a function, or not as it was sent."""
    path = scope["raw_path"].lower()
    if b"//" in path or b"%2f" in path:
        return Response(status_code=404)
    if "Transfer-Encoding" in headers:
        # The host calls the function with an empty body, which would look like the client's fault.
        return refusal(411, "the body is chunked, and Azure would hand it to the function empty")
    return None


def refusal(status: int, reason: str) -> Response:
    """Return a refusal that says why, and log it."""
    logger.warning("refused with %d: %s", status, reason)
    return PlainTextResponse(f"{reason}\n", status)


def shown(value: str) -> str:
    """Return a header's value as it may be printed."""
    return ascii(value[:SHOWN_CHARACTERS])
