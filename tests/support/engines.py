"""A pytest plugin with the browsers in which the browser client is tested.

These are Chromium and what Debian has of the others, unless options name them: `--browser webkit`.
"""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from typing import cast

import pytest
from playwright.async_api import Browser, Playwright

from tests.support import firefox, webdriver, webkit
from tests.support.chromium import FLAGS, UNUSUAL_FLAGS, chromium_path


class Engine(StrEnum):
    """A browser, by its name in Playwright."""

    CHROMIUM = "chromium"
    FIREFOX = "firefox"
    WEBKIT = "webkit"


# The programs of Debian's browsers, and how to run them.
PROGRAMS = {Engine.FIREFOX: firefox.PROGRAMS, Engine.WEBKIT: webkit.PROGRAMS}
RUNNING: dict[Engine, Callable[[], AbstractAsyncContextManager[webdriver.Browser]]] = {
    Engine.FIREFOX: firefox.running_firefox,
    Engine.WEBKIT: webkit.running_webkit,
}


def is_debians(engine: Engine) -> bool:
    """Say whether Debian's browser is installed, which Playwright cannot drive."""
    return engine in PROGRAMS and all(shutil.which(each) for each in PROGRAMS[engine])


@asynccontextmanager
async def running(playwright: Playwright, engine: Engine) -> AsyncIterator[Browser]:
    """Run Debian's browser, or else Playwright's own."""
    if is_debians(engine):
        async with RUNNING[engine]() as driven:
            # It has the parts of a browser of Playwright that the scenarios use.
            yield cast("Browser", driven)
    elif engine is Engine.CHROMIUM:
        async with await playwright.chromium.launch(
            executable_path=chromium_path(), args=FLAGS, ignore_default_args=UNUSUAL_FLAGS
        ) as browser:
            yield browser
    else:
        async with await getattr(playwright, engine).launch() as browser:
            yield browser


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--browser", action="append", choices=list(Engine), help="test the client in")


def engines_of(config: pytest.Config) -> list[Engine]:
    """Return the browsers in which the client is to be tested."""
    chosen: list[str] | None = config.getoption("browser")
    installed = [Engine.CHROMIUM, *filter(is_debians, PROGRAMS)]
    return [Engine(each) for each in chosen] if chosen else installed
