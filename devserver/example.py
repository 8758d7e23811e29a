"""The browser client's example page, so that a vote can be cast with nothing else installed."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

PATH = "/example/"

# The page loads the client from `../dist/`.
FOLDERS = ("example", "dist")

# Not left to `mimetypes`, which asks the registry of Windows, where `.js` may be plain text.
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}

HEADERS = {
    # A newly built client is loaded at once.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes(root: Path) -> list[Route]:
    """Return a route for each file of the example and of the built client.

    No path comes from a request, so none can lead out of these folders.
    """
    client = root / "clients" / "browser"
    return [
        Route(path, served(file))
        for folder in FOLDERS
        for file in sorted((client / folder).rglob("*"))
        if file.suffix in TYPES
        for path in paths(file.relative_to(client).as_posix())
    ]


def paths(name: str) -> Iterator[str]:
    """Yield the paths of a file: an index is its folder's page, too."""
    yield f"/{name}"
    if name.endswith("/index.html"):
        yield f"/{name.removesuffix('index.html')}"


def served(file: Path) -> Callable[[Request], Awaitable[FileResponse]]:
    """Return the endpoint that responds with a file."""

    async def respond(_request: Request) -> FileResponse:
        return FileResponse(file, media_type=TYPES[file.suffix], headers=HEADERS)

    return respond
