"""Requests that are refused before a function sees them.

Web pages can reach every server on loopback. Pages of other sites may neither write to a
developer's database nor read from it, unless `local.settings.json` lists them. Requests that the
Functions host would not serve are refused too.
"""

import logging
import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger("devserver")

# Kestrel's default MaxRequestHeadersTotalSize, which the host keeps.
HEADERS_LIMIT = 32_768

LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]*)?", flags=re.IGNORECASE)
SHOWN_CHARACTERS = 100

Check = Callable[[Scope, Headers], Response | None]


class Refusing:
    """ASGI middleware that sends the response of `check`, or passes the request on."""

    def __init__(self, app: ASGIApp, check: Check) -> None:
        self.app = app
        self.check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request or pass it on."""
        refusal = None
        if scope["type"] == "http":
            refusal = self.check(scope, Headers(scope=scope))
        await (refusal or self.app)(scope, receive, send)


def refuse_foreign(origins: Collection[str]) -> Check:
    """Return the check that lets local programs and listed pages through."""

    def check(scope: Scope, headers: Headers) -> Response | None:
        if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > HEADERS_LIMIT:
            return refusal(431, f"more than {HEADERS_LIMIT} bytes of headers")
        hosts = headers.getlist("Host")
        if len(hosts) != 1 or not hosts[0]:
            return refusal(400, "exactly one Host header is needed")
        return refuse_host(hosts[0]) or refuse_origin(headers, hosts[0], origins)

    return check


def refuse_host(host: str) -> Response | None:
    """Refuse a request to another host name, which may resolve to loopback (DNS rebinding).

    To the browser such a request is same-origin, so it sends no foreign `Origin`.
    """
    if LOCAL_HOST.fullmatch(host):
        return None
    return refusal(403, f"Host is {shown(host)}, not localhost, 127.0.0.1 or [::1]")


def refuse_origin(headers: Headers, host: str, origins: Collection[str]) -> Response | None:
    """Refuse a request from a page whose origin is neither this server nor listed.

    Omitting `Access-Control-Allow-Origin` is not enough: a POST without a preflight has written by
    then. Programs send no `Origin`. Any site can send `null`, from a sandboxed frame.
    """
    for origin in headers.getlist("Origin"):
        if not (origin == f"http://{host.lower()}" or origin in origins or "*" in origins):
            return refusal(
                403, f"Origin {shown(origin)} is not in Host.CORS of local.settings.json"
            )
    return None


def refuse_as_host(scope: Scope, headers: Headers) -> Response | None:
    """Refuse a request that the Functions host rejects or passes on without its body."""
    path = scope["raw_path"].lower()
    if b"//" in path or b"%2f" in path:
        return Response(status_code=404)
    if "Transfer-Encoding" in headers:
        # The host passes an empty body to the function, which would blame the client.
        return refusal(411, "the body is chunked: Azure would pass an empty one to the function")
    return None


def refusal(status: int, reason: str) -> Response:
    """Return and log a refusal with its reason."""
    logger.warning("refused with %d: %s", status, reason)
    return PlainTextResponse(f"{reason}\n", status)


def shown(value: str) -> str:
    """Return a header's value, safe to print."""
    return ascii(value[:SHOWN_CHARACTERS])
