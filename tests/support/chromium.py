"""A real browser: headless Chromium or Chrome, driven by Playwright.

Its synchronous API runs an event loop in the thread, so a module that uses it can have no
asynchronous tests.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Route,
    sync_playwright,
)

from tests.support.prerequisites import NO_CHROMIUM, find_chromium

# In CI it runs as root. It must not access the network by itself.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Playwright turns it off, and users have it.
UNUSUAL_FLAGS = ["--disable-back-forward-cache"]

DESKTOP, PHONE = 1280, 360
HEIGHT = 800

# Enough for a slow machine; tests of speed have their own limits.
WAIT_MS = 10_000


def chromium_path() -> Path:
    """Return the path of the browser."""
    path = find_chromium()
    assert path, NO_CHROMIUM
    return path


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run the browser with an empty profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """Opens pages, and records their `problems` and all `requests`.

    With `answer`, no request goes to the network.
    """

    browser: Browser
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    answer: Callable[[Route], None] | None = None

    def open(
        self,
        url: str,
        width: int = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        *,
        offline: bool = False,
    ) -> Page:
        """Open a page in a new window, as a new visitor."""
        context = self.browser.new_context(
            viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, offline=offline
        )
        context.set_default_timeout(WAIT_MS)
        if self.answer:
            context.route("**/*", self.answer)
        page = context.new_page()
        page.on("console", self._note_message)
        page.on("pageerror", self._note_error)
        page.on("dialog", self._note_dialog)
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(url)
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self.browser.contexts:
            context.close()

    def _note_message(self, message: ConsoleMessage) -> None:
        self.problems.append(f"console {message.type}: {message.text}")

    def _note_error(self, error: Error) -> None:
        self.problems.append(f"error: {error}")

    def _note_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()
