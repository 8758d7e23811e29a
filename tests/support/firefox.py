"""Debian's Firefox, driven by Marionette: WebDriver's commands without a server between."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.webdriver import (
    POLL_SECONDS,
    Browser,
    Session,
    WebDriverError,
    browser_of,
    running_program,
)

PROGRAMS = ("firefox-esr",)

PREFERENCES = {"marionette.port": 0, "remote.active-protocols": 2}
START_SECONDS = 60


class Marionette(Session):
    """A connection to Firefox: each message is its length, a colon and JSON."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.numbers = count()

    async def send(self, command: str, **parameters: Any) -> Any:
        """Send a command, and return its value."""
        message = json.dumps([0, next(self.numbers), f"WebDriver:{command}", parameters]).encode()
        self.writer.write(b"%d:%b" % (len(message), message))
        _, _, error, result = await self.receive()
        if error:
            raise WebDriverError(error["message"])
        return result["value"] if set(result or ()) == {"value"} else result

    async def receive(self) -> Any:
        """Return the next message."""
        length = (await self.reader.readuntil(b":"))[:-1]
        return json.loads(await self.reader.readexactly(int(length)))


@asynccontextmanager
async def running_firefox() -> AsyncIterator[Browser]:
    """Run Firefox with an empty profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        profile = Path(name)
        write_preferences(profile)
        options = ("--headless", "--marionette", "--no-remote", "--profile", name)
        async with running_program(*PROGRAMS, *options):
            reader, writer = await connect(profile / "MarionetteActivePort")
            # Its greeting.
            session = Marionette(reader, writer)
            await session.receive()
            await session.send("NewSession")
            yield await browser_of(session)
            writer.close()


def write_preferences(profile: Path) -> None:
    """Write the preferences of a new profile."""
    pairs = (f"{json.dumps(name)}, {json.dumps(value)}" for name, value in PREFERENCES.items())
    lines = [f"user_pref({pair});\n" for pair in pairs]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")


async def connect(port: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect once Firefox has written its port."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            with suppress(OSError, ValueError):
                return await asyncio.open_connection("127.0.0.1", int(read(port)))
            await asyncio.sleep(POLL_SECONDS)


def read(path: Path) -> str:
    """Return the text of a short file."""
    return path.read_text(encoding="utf-8")
