"""Serves the project in a folder until it is stopped."""

import json
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from devserver import example
from devserver.application import create_application, path
from devserver.functions import HttpFunction, load_functions
from local_project.errors import LocalProjectError
from local_project.files import local_host, local_values, read_json
from local_project.mongod import available_mongodb, check

DEFAULT_PORT = "7071"
LAST_REQUESTS_SECONDS = 5


def main() -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code."""
    try:
        serve(Path.cwd())
    except KeyboardInterrupt:
        return 0
    except LocalProjectError as error:
        print(f"devserver: {error}", file=sys.stderr)
        return 1
    return 0


def handle_signals() -> None:
    """Exit on signals through the `finally` clauses, so that no child process is orphaned."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, leave)
    if sys.platform != "win32":
        # While serving, uvicorn handles SIGTERM but not SIGHUP.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def leave(_signal_number: int, _frame: FrameType | None) -> NoReturn:
    """Exit through the `finally` clauses."""
    sys.exit(0)


def serve(root: Path) -> None:
    """Serve the project in `root`.

    Raises:
        LocalProjectError: it cannot be served.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:     %(name)s: %(message)s")
    local = read_json(root / "local.settings.json")
    apply_settings(local_values(local))
    host = read_json(root / "host.json")
    functions = load_functions(root)
    pages = example.routes(root)
    application = create_application(functions, host, local_host(local), pages)
    uri = configured_uri()
    # Until here a signal may kill the process: there is nothing to clean up yet.
    handle_signals()
    with listening_socket() as listener, available_mongodb(uri, root, say):
        check(uri)
        config = uvicorn.Config(
            application,
            timeout_graceful_shutdown=LAST_REQUESTS_SECONDS,
            server_header=False,
            proxy_headers=False,
        )
        # Its start and stop messages repeat ours.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        server = uvicorn.Server(config)
        # uvicorn imports more at its start, where a signal raised as an exception could get lost.
        with server.capture_signals():
            announce(functions, host, listener.getsockname()[1], has_example=bool(pages))
            server.run(sockets=[listener])


def apply_settings(values: dict[str, str]) -> None:
    """Set the `Values` of `local.settings.json` as environment variables, unless they are set."""
    for name, value in values.items():
        if not os.environ.get(name):
            os.environ[name] = value


def listening_socket() -> socket.socket:
    """Listen on `PORT`. Comes first, so that a port in use leaves nothing to clean up.

    Raises:
        LocalProjectError: it is not a port, or in use.
    """
    port = os.environ.get("PORT") or DEFAULT_PORT
    try:
        listener = socket.create_server(("127.0.0.1", int(port)))
    except (ValueError, OverflowError):
        raise LocalProjectError(f"PORT must be a number from 0 to 65535, not {port!r}") from None
    except OSError as error:
        raise LocalProjectError(
            f"port {port} cannot be used ({os.strerror(error.errno or 0)}): try PORT=8080 make run"
        ) from None
    # asyncio sets it only on sockets created with IPPROTO_TCP. Without it, each response on a kept
    # connection waits 40 ms for the client's delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def configured_uri() -> str:
    """Return the connection string.

    Raises:
        LocalProjectError: there is none.
    """
    uri = os.environ.get("MONGODB_URI")
    if not uri:
        raise LocalProjectError(
            "MONGODB_URI is set neither in the environment nor in local.settings.json"
        )
    return uri


def announce(
    functions: list[HttpFunction], host: dict[str, Any], port: int, *, has_example: bool
) -> None:
    """Print the URL of each function, a request to copy, and the page to try them in."""
    http, origin = host.get("extensions", {}).get("http", {}), f"http://localhost:{port}"
    urls = {each.name: f"{origin}{path(http, each)}" for each in functions}
    width = max(map(len, urls))
    say("\nFunctions:")
    for each in functions:
        say(f"  {each.name:{width}}  {','.join(each.methods).upper()}  {urls[each.name]}")
    say("\nTry:")
    for each in functions:
        if each.sample:
            body = quoted(json.dumps(json.loads(each.sample)))
            say(f"  curl -i {urls[each.name]} -d {body}")
    if has_example:
        say(f"  {origin}{example.PATH} in a browser")
    say("\nCtrl-C stops the server.\n")


def quoted(argument: str) -> str:
    """Quote an argument for a POSIX shell or for cmd.exe, which has no single quotes."""
    return subprocess.list2cmdline([argument]) if os.name == "nt" else shlex.quote(argument)


def say(line: str) -> None:
    """Print a line and flush it, for pipes."""
    print(line, flush=True)
