"""Debian's WebKitGTK, driven by its WebDriver on a display without a screen."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx

from local_project.addresses import free_address
from tests.support.webdriver import (
    POLL_SECONDS,
    Browser,
    Session,
    WebDriverError,
    browser_of,
    running_program,
)

PROGRAMS = ("WebKitWebDriver", "Xvfb")

START_SECONDS = TIMEOUT_SECONDS = 60

# The methods and paths of the commands.
PATHS = {
    "Navigate": ("POST", "/url"),
    "Back": ("POST", "/back"),
    "ExecuteScript": ("POST", "/execute/sync"),
    "GetWindowHandle": ("GET", "/window"),
    "NewWindow": ("POST", "/window/new"),
    "SwitchToWindow": ("POST", "/window"),
    "CloseWindow": ("DELETE", "/window"),
    "PerformActions": ("POST", "/actions"),
    "TakeScreenshot": ("GET", "/screenshot"),
}


class Remote(Session):
    """A session of a WebDriver server."""

    def __init__(self, client: httpx.AsyncClient, path: str) -> None:
        self.client = client
        self.path = path

    async def send(self, command: str, **parameters: Any) -> Any:
        """Send a command, and return its value."""
        method, path = PATHS[command]
        body = parameters if method == "POST" else None
        return value_of(await self.client.request(method, self.path + path, json=body))


def value_of(response: httpx.Response) -> Any:
    """Return the value in a response."""
    value = response.json()["value"]
    if response.is_error:
        raise WebDriverError(value["message"])
    return value


@asynccontextmanager
async def running_webkit() -> AsyncIterator[Browser]:
    """Run WebKit's small browser with an empty profile."""
    async with AsyncExitStack() as stack:
        display = await stack.enter_async_context(running_display())
        address = free_address()
        driver = running_program("WebKitWebDriver", f"--port={address.port}", DISPLAY=display)
        await stack.enter_async_context(driver)
        client = httpx.AsyncClient(base_url=f"http://{address}", timeout=TIMEOUT_SECONDS)
        await stack.enter_async_context(client)
        path = f"/session/{await start_session(client)}"
        yield await browser_of(Remote(client, path))
        await client.delete(path)


@asynccontextmanager
async def running_display() -> AsyncIterator[str]:
    """Run an X server without a screen; yield its display."""
    reader, writer = os.pipe()
    # It writes the number of the display that it has chosen.
    command = ("Xvfb", "-nolisten", "tcp", "-displayfd", str(writer))
    async with running_program(*command, pass_fds=[writer]):
        os.close(writer)
        with os.fdopen(reader) as numbers:
            yield f":{(await asyncio.to_thread(numbers.readline)).strip()}"


async def start_session(client: httpx.AsyncClient) -> str:
    """Start a session once the server listens; return its id."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            with suppress(httpx.ConnectError):
                response = await client.post("/session", json={"capabilities": {}})
                return str(value_of(response)["sessionId"])
            await asyncio.sleep(POLL_SECONDS)
