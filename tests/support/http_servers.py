"""Small HTTP servers on loopback that stand in for others."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Server(ThreadingHTTPServer):
    """A server whose clients may vanish."""

    def handle_error(self, *request: Any) -> None:
        """Print an error, unless the client is gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*request)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Serve requests in a thread for the duration of a block, without a log; yield the port."""
    quiet = type("Quiet", (handler,), {"log_message": lambda *_: None})
    with Server(("127.0.0.1", 0), quiet) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
