"""Browsers driven by W3C WebDriver, with the part of Playwright's API that scenarios use.

Playwright drives only builds of its own of Firefox and WebKit, which Debian does not have.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from playwright.async_api import Error

WAIT_SECONDS = 15
POLL_SECONDS = 0.05

# From the WebDriver specification.
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Control": "\ue009", "Escape": "\ue00c", "Space": " "}

# A command would block all windows of its browser until its script ends.
START = """
const [key, argument] = arguments, results = window.results ??= {};
const given = (%s);
const value = new Promise((resolve) => {
  resolve(typeof given === "function" ? given(argument) : given);
});
value.then(
  (value) => { results[key] = { value }; },
  (error) => { results[key] = { error: `${error}` }; },
);
"""
FINISH = "return window.results?.[arguments[0]] ?? null;"


class WebDriverError(Error):
    """A command failed."""


class Session(ABC):
    """A running browser with an empty profile, and its WebDriver."""

    @abstractmethod
    async def send(self, command: str, **parameters: Any) -> Any:
        """Send a command by its name in the WebDriver specification, and return its value."""


@dataclass
class Page:
    """A window."""

    browser: "Browser"
    handle: str
    numbers: "count[int]" = field(default_factory=count)
    closed: bool = False

    async def goto(self, url: str) -> None:
        """Open a page, and wait until it is loaded."""
        await self.send("Navigate", url=url)

    async def go_back(self, **_: str) -> None:
        """Go back in the history, and wait until the page is loaded."""
        await self.send("Back")

    async def close(self) -> None:
        """Close the window."""
        self.closed = True
        await self.send("CloseWindow")

    def is_closed(self) -> bool:
        """Say whether it was closed."""
        return self.closed

    async def evaluate(self, code: str, argument: Any = None) -> Any:
        """Return the value of an expression, or of a function called with the argument."""
        key = f"{next(self.numbers)}"
        await self.send("ExecuteScript", script=START % code, args=[key, argument])
        finish = partial(self.send, "ExecuteScript", script=FINISH, args=[key])
        result = await first_true(finish)
        if "error" in result:
            raise WebDriverError(result["error"])
        return result.get("value")

    async def wait_for_function(self, expression: str) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(WAIT_SECONDS):
            await first_true(partial(self.evaluate, f"Boolean({expression})"))

    @property
    def keyboard(self) -> "Keyboard":
        """The keyboard."""
        return Keyboard(self)

    @property
    def mouse(self) -> "Mouse":
        """The mouse."""
        return Mouse(self)

    async def act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        """Perform the actions of an input device."""
        source = {"type": kind, "id": kind, "actions": actions}
        await self.send("PerformActions", actions=[source])

    async def send(self, command: str, **parameters: Any) -> Any:
        """Send a command to this window."""
        return await self.browser.send(self.handle, command, **parameters)


@dataclass
class Keyboard:
    """The keyboard of a window."""

    page: Page

    async def press(self, names: str) -> None:
        """Press keys together, such as `Control+Enter`, and release them."""
        keys = [KEYS[name] for name in names.split("+")]
        downs = [{"type": "keyDown", "value": key} for key in keys]
        ups = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        await self.page.act("key", [*downs, *ups])


@dataclass
class Mouse:
    """The mouse of a window."""

    page: Page

    async def click(self, x: float, y: float) -> None:
        """Click at a place in the window."""
        to = {"x": round(x), "y": round(y), "origin": "viewport", "duration": 0}
        down, up = ({"type": name, "button": 0} for name in ("pointerDown", "pointerUp"))
        await self.page.act("pointer", [{"type": "pointerMove", **to}, down, up])


@dataclass
class Context:
    """Windows of a browser. All contexts share one profile."""

    browser: "Browser"
    pages: list[Page] = field(default_factory=list)

    async def new_page(self) -> Page:
        """Open a window: a tab in the background would be slowed down."""
        window = await self.browser.send(self.browser.home, "NewWindow", type="window")
        self.pages.append(Page(self.browser, window["handle"]))
        return self.pages[-1]

    def on(self, *_: object) -> None:
        """Ignore events, which WebDriver does not report."""

    async def close(self) -> None:
        """Close the windows."""
        for page in self.pages:
            if not page.is_closed():
                await page.close()


@dataclass
class Browser:
    """A running browser."""

    session: Session
    home: str
    """Its first window, which stays open."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def new_context(self) -> Context:
        """Return a context without windows."""
        return Context(self)

    async def send(self, handle: str, command: str, **parameters: Any) -> Any:
        """Send a command to a window, which becomes the session's current one."""
        async with self.lock:
            await self.session.send("SwitchToWindow", handle=handle)
            return await self.session.send(command, **parameters)


async def browser_of(session: Session) -> Browser:
    """Return the browser of a new session."""
    return Browser(session, await session.send("GetWindowHandle"))


async def first_true(poll: Callable[[], Awaitable[Any]]) -> Any:
    """Call a function until its result is true, and return that."""
    while True:
        if result := await poll():
            return result
        await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def running_program(
    *command: str, pass_fds: Sequence[int] = (), **environment: str
) -> AsyncIterator[None]:
    """Run a program for the duration of a block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | environment,
        pass_fds=pass_fds,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
