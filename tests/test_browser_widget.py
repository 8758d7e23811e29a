"""The widget of the example page in each browser, with the local server behind it."""

import asyncio
from collections.abc import Callable

import pytest
from playwright.async_api import Page, async_playwright
from pymongo.database import Database

from tests.support.documents import Document
from tests.support.engines import Engine, engines_of, running
from tests.support.local_server import LocalServer
from tests.support.webdriver import first_true

WAIT_SECONDS = 10

BUTTON = "document.querySelector('message-feedback').shadowRoot.querySelector('[part={}]')"
CENTRE = """(() => {{
  const box = {}.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}})()"""
FOCUSED = "document.activeElement.shadowRoot?.activeElement?.part.value"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test in each browser."""
    metafunc.parametrize("engine", engines_of(metafunc.config))


def test_sends_what_is_clicked_and_typed(
    engine: Engine, server: LocalServer, server_database: Database[Document]
) -> None:
    async def use() -> None:
        async with async_playwright() as playwright, running(playwright, engine) as browser:
            page = await (await browser.new_context()).new_page()
            await page.goto(str(server.client.base_url.join("/example/")))
            await vote_and_withdraw(page, server_database)
            await explain_by_keyboard(page, server_database)

    asyncio.run(use())


async def vote_and_withdraw(page: Page, database: Database[Document]) -> None:
    """Click a thumb, and click it again."""
    await click(page, "up")
    await until_stored(database, lambda vote: vote.get("rating") == "up")
    assert await page.evaluate(f"{BUTTON.format('up')}.ariaPressed") == "true"
    await click(page, "up")
    await until_stored(database, lambda vote: "rating" not in vote)
    assert await page.evaluate(f"{BUTTON.format('up')}.ariaPressed") == "false"


async def explain_by_keyboard(page: Page, database: Database[Document]) -> None:
    """Vote against the answer, and choose the first reason, without the mouse."""
    await page.evaluate(f"{BUTTON.format('up')}.focus()")
    for keys in ("Tab", "Space", "Tab", "Space", "Control+Enter"):
        await page.keyboard.press(keys)
    await until_stored(database, lambda vote: vote.get("reasons") == ["wrong"])
    assert await page.evaluate(FOCUSED) == "down"


async def click(page: Page, part: str) -> None:
    """Click a button with the mouse."""
    await page.mouse.click(*await page.evaluate(CENTRE.format(BUTTON.format(part))))


async def until_stored(database: Database[Document], is_it: Callable[[Document], bool]) -> None:
    """Wait for the feedback on the first answer."""

    async def found() -> bool:
        return is_it(database.feedback.find_one({"message_id": "example-1"}) or {})

    async with asyncio.timeout(WAIT_SECONDS):
        await first_true(found)
