"""The adapter between Starlette and `azure.functions`, which mimics the Functions host."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

import azure.functions as func
from azure.functions.http import HttpResponseConverter
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from devserver.functions import HttpFunction
from devserver.refusals import Refusing, refuse_as_host, refuse_foreign
from local_project.errors import LocalProjectError

# The host's default FUNCTIONS_REQUEST_BODY_SIZE_LIMIT.
BODY_LIMIT = 104_857_600

# The host's response to any method.
HOMEPAGE = HTMLResponse("<!doctype html><title>Functions</title><p>The functions are served.</p>")


class BodyTooLarge(Exception):
    """The request's body exceeds the host's limit."""


class Throttle:
    """The limits of `host.json` on concurrent and queued requests; above them, a 429."""

    def __init__(self, http: dict[str, Any]) -> None:
        # Unlimited by default, as on a dedicated plan.
        self.outstanding_limit = http.get("maxOutstandingRequests", -1)
        concurrent_limit = http.get("maxConcurrentRequests", -1)
        self.running = asyncio.Semaphore(concurrent_limit if concurrent_limit > 0 else 1_000_000)
        self.outstanding = 0

    async def run(self, serve: Callable[[], Awaitable[Response]]) -> Response:
        """Return the response of `serve`, or a 429 immediately."""
        if 0 <= self.outstanding_limit <= self.outstanding:
            return Response(status_code=429)
        self.outstanding += 1
        try:
            async with self.running:
                return await serve()
        finally:
            self.outstanding -= 1


def create_application(
    functions: list[HttpFunction],
    host: dict[str, Any],
    local_host: dict[str, Any],
    pages: Sequence[Route] = (),
) -> Starlette:
    """Return the application that serves `functions`, and `pages` beside them.

    `host` is the content of `host.json`, `local_host` the `Host` of `local.settings.json`.

    Raises:
        LocalProjectError: `local_host` is wrong.
    """
    http = host.get("extensions", {}).get("http", {})
    throttle = Throttle(http)
    origins = allowed_origins(local_host)
    return Starlette(
        routes=[
            *(
                route(path(http, function), function.methods, Endpoint(function, throttle))
                for function in functions
            ),
            Route("/", HOMEPAGE),
            *pages,
        ],
        middleware=[
            Middleware(Refusing, refuse_foreign(origins)),
            *cors(origins, credentials=local_host.get("CORSCredentials", False)),
            Middleware(Refusing, refuse_as_host),
        ],
        # The host sends no body with either, and treats a wrong method like an unknown route.
        exception_handlers={404: not_found, 405: not_found},
    )


def route(path: str, methods: list[str], endpoint: ASGIApp) -> Route:
    """Return a route as the host matches it: case-insensitive, trailing slash optional."""
    route = Route(path, endpoint, methods=[method.upper() for method in methods])
    route.path_regex = re.compile(f"{route.path_regex.pattern[:-1]}/?$", flags=re.IGNORECASE)
    return route


def path(http: dict[str, Any], function: HttpFunction) -> str:
    """Return the path of a function below the route prefix, which is `api` by default."""
    return "/" + "/".join(
        part for part in (http.get("routePrefix", "api").strip("/"), function.route) if part
    )


def allowed_origins(local_host: dict[str, Any]) -> list[str]:
    """Return the origins in `Host.CORS`, which Core Tools splits at commas.

    Raises:
        LocalProjectError: it is not a string.
    """
    origins = local_host.get("CORS") or ""
    if not isinstance(origins, str):
        raise LocalProjectError("Host.CORS in local.settings.json must be a string")
    # Browsers send origins in lower case.
    return [origin.strip().lower() for origin in origins.split(",") if origin.strip()]


def cors(origins: list[str], *, credentials: bool) -> list[Middleware]:
    """Return the CORS middleware for these origins, if there are any."""
    if not origins:
        return []
    return [
        Middleware(
            Cors,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_credentials=credentials,
        )
    ]


class Cors(CORSMiddleware):
    """Starlette's CORS middleware with the host's preflight status."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Respond to a preflight with 204 instead of 200."""
        response = super().preflight_response(request_headers)
        if response.status_code != HTTPStatus.OK:
            return response
        headers = {
            name: value
            for name, value in response.headers.items()
            if not name.startswith("content-")
        }
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


class Endpoint:
    """The ASGI application that calls `function`."""

    def __init__(self, function: HttpFunction, throttle: Throttle) -> None:
        self.function = function
        self.throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self.throttle.run(lambda: call(self.function, request))
        await response(scope, receive, send)


async def call(function: HttpFunction, request: Request) -> Response:
    """Call `function` with a request, and return its response."""
    try:
        return to_response(await function.invoke(await to_azure_request(request)))
    except BodyTooLarge:
        return Response(status_code=413)
    except ClientDisconnect:
        return Response(status_code=499)


async def to_azure_request(request: Request) -> func.HttpRequest:
    """Return the request as the language worker passes it to functions.

    Raises:
        BodyTooLarge: it exceeds the host's limit.
    """
    return func.HttpRequest(
        method=request.method,
        url=str(request.url),
        headers=joined(request.headers),
        params=dict(request.query_params) if request.scope["query_string"] else {},
        route_params=request.path_params,
        body=await read_body(request),
    )


def joined(headers: Headers) -> dict[str, str]:
    """Return headers with repeated ones joined by commas, as the host does."""
    values: dict[str, str] = {}
    for name, value in headers.items():
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


async def read_body(request: Request) -> bytes:
    """Return the raw body.

    Raises:
        BodyTooLarge: it exceeds the host's limit.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge
    return bytes(body)


def to_response(response: func.HttpResponse) -> Response:
    """Return a function's response as HTTP, encoded by the language worker's library."""
    encoded = HttpResponseConverter.encode(response, expected_type=None).value
    headers = {name: datum.value for name, datum in encoded["headers"].items()}
    return Response(encoded["body"].value, response.status_code, headers)


async def not_found(_request: Request, _error: Exception) -> Response:
    """Respond like the host where no function has the route and the method."""
    return Response(status_code=404)
