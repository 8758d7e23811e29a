"""Pages with the built widget, under a strict Content Security Policy."""

import json
from dataclasses import dataclass, field
from mimetypes import guess_type
from typing import Any

from playwright.sync_api import Page, Route

from tests.support.project import CLIENT

ORIGIN = "https://chat.test"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
)

TRUSTED_TYPES = "; require-trusted-types-for 'script'; trusted-types 'none'"

# Each feedback waits until the test settles it.
FAKE = """
import { MessageFeedback } from "/dist/widget.js";
window.sent = [];
window.fake = { feedback: (feedback) => new Promise((resolve, reject) => {
  sent.push(feedback);
  Object.assign(window, { resolve, reject });
}) };
MessageFeedback.client = fake;
"""
REAL = 'import "/dist/widget.js";'
NOTHING = ""

# It has no document, as a server.
WORKER = 'import("/dist/widget.js").then((module) => postMessage(Object.keys(module)));'

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; padding: 16px; max-width: 40rem; }
message-feedback { display: inline-block; vertical-align: top; min-height: 32px; }
.corner { position: fixed; right: 0; bottom: 0; }
"""
WIDGET = '<message-feedback message-id="m1"></message-feedback>'
HTML = """<!doctype html>
<html lang="{lang}" dir="{direction}">
<title>Chat</title>
<link rel="stylesheet" href="/style.css">
<script type="module" src="/script.js"></script>
<main>
<h1>Chat</h1>
<p>The capital of Australia is Sydney.</p>
{body}
<p id="after">Ask another question.</p>
</main>
"""


@dataclass
class Site:
    """A page and its files.

    `received` and `addresses` are of the requests that came to the API while it is `up`.
    """

    body: str = WIDGET
    script: str = FAKE
    lang: str = "en"
    direction: str = "ltr"
    policy: str = POLICY + TRUSTED_TYPES
    up: bool = True
    received: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def answer(self, route: Route) -> None:
        """Answer a request."""
        path = route.request.url.removeprefix(ORIGIN)
        if path.startswith("/api/"):
            self._receive(route, path)
        elif path.startswith(("/dist/", "/example/")):
            file = CLIENT / path[1:]
            content_type, _ = guess_type(file.name)
            self._send(route, content_type or "", file.read_text("utf-8"))
        elif path == "/script.js":
            self._send(route, "text/javascript", self.script)
        elif path == "/worker.js":
            self._send(route, "text/javascript", WORKER)
        elif path == "/style.css":
            self._send(route, "text/css", STYLE)
        elif path == "/":
            self._send(route, "text/html", HTML.format_map(vars(self)))
        else:
            route.fulfill(status=204)

    def _receive(self, route: Route, path: str) -> None:
        if not self.up:
            route.abort()
            return
        self.addresses.append(path)
        self.received.append(json.loads(route.request.post_data or "null"))
        route.fulfill(status=201, body='{"message": "Feedback received."}')

    def _send(self, route: Route, content_type: str, text: str) -> None:
        headers = {
            "Content-Type": f"{content_type}; charset=utf-8",
            "Content-Security-Policy": self.policy,
        }
        route.fulfill(body=text, headers=headers)


def sent(page: Page) -> Any:
    """Return what the fake client was given."""
    return page.evaluate("JSON.parse(JSON.stringify(sent))")


def accept(page: Page) -> None:
    """Acknowledge the newest feedback."""
    page.evaluate("resolve()")


def refuse(page: Page) -> None:
    """Refuse the newest feedback."""
    page.evaluate("reject(new Error('rejected'))")


def focused_part(page: Page) -> Any:
    """Return the part of a widget that has the focus."""
    return page.evaluate("document.activeElement.shadowRoot?.activeElement?.part.value")
