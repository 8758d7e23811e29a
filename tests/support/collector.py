"""A server on loopback in place of the functions: it records requests, and responds as told."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.support.http_servers import serving
from tests.support.project import DIST

SECONDS_TO_WAIT = 10
PAGE = "<!doctype html><title>Test</title><p>Test"
HEADERS = "authorization, content-encoding"


@dataclass
class Sent:
    """A received POST request."""

    path: str
    query: str
    headers: dict[str, str]
    body: Any
    at: float = field(default_factory=time.monotonic)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in the body."""
        return self.body if isinstance(self.body, list) else [self.body]


@dataclass
class Response:
    """A response to a POST request."""

    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    body: object = field(default_factory=dict)


@dataclass
class Collector:
    """What was received, and the next response: a function of the request."""

    url: str = ""
    received: list[Sent] = field(default_factory=list)
    respond: Callable[[Sent], Response] = lambda _: Response()

    def wait_for(self, number: int, path: str = "") -> list[Sent]:
        """Return the requests to a path once there are this many."""
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while True:
            found = [sent for sent in self.received if path in sent.path]
            if len(found) >= number:
                return found
            assert time.monotonic() < deadline, self.received
            time.sleep(0.01)

    def wait_for_events(self, number: int) -> list[dict[str, Any]]:
        """Return all received events once there are this many different ones."""
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while True:
            events = self.events()
            if len({event["event_id"] for event in events}) >= number:
                return events
            assert time.monotonic() < deadline, self.received
            time.sleep(0.01)

    def events(self) -> list[dict[str, Any]]:
        """Return all events in the order of their requests."""
        sent = [each for each in self.received if "analytics" in each.path]
        return [event for each in sent for event in each.events]


class Handler(BaseHTTPRequestHandler):
    """Serves the built client and an empty page, and receives what the client sends."""

    protocol_version = "HTTP/1.1"
    collector: Collector

    def do_GET(self) -> None:
        """Respond with a built file, or an empty page."""
        path = urlsplit(self.path).path
        if path.endswith(".js"):
            self.write(200, (DIST / path[1:]).read_bytes(), {"Content-Type": "text/javascript"})
        else:
            self.write(200, PAGE.encode(), {"Content-Type": "text/html"})

    def do_OPTIONS(self) -> None:
        """Allow what the client asks for."""
        self.write(204, b"", {"Access-Control-Allow-Headers": HEADERS})

    def do_POST(self) -> None:
        """Record the request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        sent = Sent(url.path, url.query, headers, json.loads(body))
        response = self.collector.respond(sent)
        self.collector.received.append(sent)
        self.write(response.status, json.dumps(response.body).encode(), response.headers)

    def write(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send a response, unless the page is gone."""
        with suppress(OSError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Access-Control-Allow-Origin", self.headers["Origin"] or "*")
            self.send_header("Access-Control-Expose-Headers", "Retry-After")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a server for the duration of a block."""
    collector = Collector()
    handler = type("CollectorHandler", (Handler,), {"collector": collector})
    with serving(handler) as port:
        collector.url = f"http://localhost:{port}"
        yield collector
