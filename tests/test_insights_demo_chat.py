"""The demo's chat beside its dashboard, in a browser."""

import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.sync_api import expect
from pymongo import MongoClient

from insights.demo.chats import ANSWERS
from tests.support.chromium import DESKTOP, PHONE, Visitor
from tests.support.documents import Document
from tests.support.insights_cli import Insights
from tests.support.local_server import LocalServer
from tests.support.page_checks import axe_violations, low_contrasts, overflows

SHOWN_MS = 2000
SECONDS_TO_END = 20


@dataclass
class Demo:
    """A running demo, and the addresses that it printed."""

    process: subprocess.Popen[str]
    chat: str
    dashboard: str


@pytest.fixture
def demo(insights: Insights, mongodb_uri: str) -> Iterator[Demo]:
    """Run a small demo until the end of the test."""
    options = ("--days", "7", "--users", "20", "--open")
    # Opens no browser.
    with insights.start("demo", *options, BROWSER="true") as process:
        assert process.stdout
        lines = (line for line in process.stdout if "The chat" in line or "The dashboard" in line)
        urls = [re.findall(r"http://\S+\w/?", next(lines))[0] for _ in range(2)]
        try:
            yield Demo(process, *urls)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=SECONDS_TO_END)
    with MongoClient[Document](mongodb_uri) as client:
        client.drop_database("up2d8_demo")


@pytest.mark.timed
def test_the_dashboard_shows_a_vote_and_its_withdrawal_at_once(
    demo: Demo, visitor: Visitor
) -> None:
    dashboard, chat = visitor.open(demo.dashboard), visitor.open(demo.chat)
    ratings = dashboard.locator(".figures .value").first
    before = int(ratings.inner_text().replace(",", ""))
    expect(dashboard.locator("#status")).to_have_attribute("data-state", "live")

    for after in (before + 1, before):
        chat.get_by_role("button", name="Good answer").first.click()

        expect(ratings).to_have_text(f"{after:,}", timeout=SHOWN_MS)


def test_the_chat_has_the_texts_and_ids_of_the_demo(server: LocalServer, visitor: Visitor) -> None:
    page = visitor.open(str(server.client.base_url.join("/example/")))

    assert page.locator(".question p").all_inner_texts() == [each.question for each in ANSWERS]
    assert page.locator(".answer p").all_inner_texts() == [each.text for each in ANSWERS]
    thumbs = page.locator("message-feedback").all()
    assert [each.get_attribute("message-id") for each in thumbs] == [
        each.message_id for each in ANSWERS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_chat_is_accessible(
    server: LocalServer, visitor: Visitor, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = visitor.open(str(server.client.base_url.join("/example/")), width, scheme)

    assert axe_violations(page) == []
    assert low_contrasts(page) == []
    assert overflows(page) == []
