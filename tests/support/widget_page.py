"""Pages with the built widget, under a strict Content Security Policy and with a fake client."""

import json
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page, Route

from tests.support.project import ROOT

DIST = ROOT / "clients" / "browser" / "dist"
ORIGIN = "https://chat.test"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"
POLICY += "; require-trusted-types-for 'script'; trusted-types 'none'"

# Each feedback waits until the test settles it.
FAKE_CLIENT = """
import { MessageFeedback } from "/dist/widget.js";
window.sent = [];
window.events = [];
window.fake = { feedback: (feedback) => new Promise((resolve, reject) => {
  sent.push(feedback);
  window.settle = { resolve, reject };
}) };
addEventListener("feedback", ({ detail }) => events.push(detail));
MessageFeedback.client = fake;
"""
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; padding: 16px; max-width: 40rem; }
"""
HTML = """<!doctype html>
<html lang="{lang}" dir="{direction}">
<title>Chat</title>
<link rel="stylesheet" href="/style.css">
<script type="module" src="{script}"></script>
<main><h1>Chat</h1><p>The capital of Australia is Sydney.</p>
{body}
<p id="after">Ask another question.</p></main>
"""
WIDGET = '<message-feedback message-id="m1"></message-feedback>'


@dataclass
class Site:
    """The files that a page asks for."""

    body: str = WIDGET
    lang: str = "en"
    direction: str = "ltr"
    script: str = "/fake.js"
    style: str = STYLE
    answers: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, route: Route) -> None:
        """Answer a request."""
        path = route.request.url.removeprefix(ORIGIN)
        if path.startswith("/dist/"):
            return self._send(route, (DIST / path.removeprefix("/dist/")).read_text("utf-8"), "text/javascript")
        if path == "/fake.js":
            return self._send(route, FAKE_CLIENT, "text/javascript")
        if path == "/style.css":
            return self._send(route, self.style, "text/css")
        if path.startswith("/api/"):
            return self._api(route)
        if path == "/favicon.ico":
            return route.fulfill(status=204)
        html = HTML.format(**{key: getattr(self, key) for key in ("lang", "direction", "script", "body")})
        return self._send(route, html, "text/html")

    def _api(self, route: Route) -> None:
        self.answers.append(json.loads(route.request.post_data or "null"))
        route.fulfill(status=201, body='{"message": "Feedback received."}')

    @staticmethod
    def _send(route: Route, text: str, content_type: str) -> None:
        headers = {"Content-Type": f"{content_type}; charset=utf-8", "Content-Security-Policy": POLICY}
        route.fulfill(body=text, headers=headers)
