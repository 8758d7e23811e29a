"""The boards of the dashboard's server, and the threads that make them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event

import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect
from starlette.applications import Starlette

from insights.kinds import Document
from insights.pages.boards import Boards, TooManyQuestions
from insights.pages.dashboard import Dashboard, create_dashboard
from insights.pages.questions import Question
from insights.pages.threads import Ending, Threads
from insights.queries.filters import Filters
from insights.queries.periods import Period
from insights.settings import Settings
from tests.support.documents import NOON

WEEK, MONTH, YEAR = (Question((("since", age),)) for age in ("7d", "30d", "365d"))

WAIT_SECONDS = 10


@dataclass(frozen=True)
class Figures:
    """The figures of a question, always made anew because they are of a past day."""

    maker: "Maker"
    question: Question

    def make(self, _now: datetime) -> Dashboard:
        """Return the maker's dashboard."""
        return self.maker.make(self.question)

    def extend(self, dashboard: Dashboard) -> Dashboard:
        """Return the dashboard itself."""
        return dashboard

    def count(self, _made: datetime) -> tuple[int, ...]:
        """Return no numbers."""
        return ()


class Maker:
    """Makes boards of an empty dashboard, and records the questions."""

    def __init__(self, dashboard: Dashboard) -> None:
        self.dashboard = dashboard
        self.made: list[Question] = []
        self.failures: list[Exception] = []
        self.arrives = False
        self.boards = Boards(partial(Figures, self), Threads())

    def make(self, question: Question) -> Dashboard:
        """Return the dashboard, or raise the next failure."""
        self.made.append(question)
        if self.arrives:
            self.arrives = False
            self.boards.note_arrival(may_replace=True)
        if self.failures:
            raise self.failures.pop()
        return self.dashboard


@pytest.fixture
async def maker(empty_database: Database[Document]) -> AsyncIterator[Maker]:
    """Return a maker whose boards are bound to the event loop."""
    settings = Settings.model_validate({"MONGODB_URI": "mongodb://localhost"})
    day = Period(NOON - timedelta(days=1), NOON)
    maker = Maker(create_dashboard(empty_database, settings, Filters(), day, NOON))
    with maker.boards.ending():
        async with maker.boards.lifespan(Starlette()):
            yield maker


async def test_pages_with_the_same_question_share_a_board(maker: Maker) -> None:
    asked = (WEEK, MONTH, WEEK, Question((("since", "7d"),)))

    boards = await asyncio.gather(*map(maker.boards.find, asked))

    assert boards[0] is boards[2] is boards[3] is not boards[1]
    assert sorted(each.pairs for each in maker.made) == sorted([WEEK.pairs, MONTH.pairs])


async def test_an_arrival_while_a_board_is_made_is_not_missed(maker: Maker) -> None:
    maker.arrives = True

    await maker.boards.find(WEEK)

    async with aclosing(maker.boards.messages(WEEK)) as messages, asyncio.timeout(WAIT_SECONDS):
        while maker.made != [WEEK, WEEK]:
            await anext(messages)


async def test_a_failure_is_raised_for_all_pages_and_tried_again_for_the_next(
    maker: Maker,
) -> None:
    maker.failures = [AutoReconnect("first")]

    found = await asyncio.gather(
        maker.boards.find(WEEK), maker.boards.find(WEEK), return_exceptions=True
    )

    assert [type(each) for each in found] == [AutoReconnect] * 2
    assert (await maker.boards.find(WEEK)).state.parts


async def test_a_board_that_cannot_be_updated_is_made_anew(maker: Maker) -> None:
    board = await maker.boards.find(WEEK)
    async with aclosing(maker.boards.messages(WEEK)) as messages:
        await anext(messages)
        await anext(messages)
        maker.failures = [ValueError("a defect")]

        maker.boards.note_arrival(may_replace=True)

        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(messages), WAIT_SECONDS)
    assert await maker.boards.find(WEEK) is not board


async def test_a_board_is_dropped_once_no_page_has_used_it_for_a_while(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insights.pages.boards.IDLE_SECONDS", 0.05)
    board = await maker.boards.find(WEEK)
    async with aclosing(maker.boards.messages(WEEK)) as messages:
        await anext(messages)
        await asyncio.sleep(0.2)
        assert await maker.boards.find(WEEK) is board
    await asyncio.sleep(0.2)
    assert await maker.boards.find(WEEK) is not board


async def test_the_oldest_idle_board_makes_room(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insights.pages.boards.MOST", 2)
    week = await maker.boards.find(WEEK)
    month = await maker.boards.find(MONTH)
    async with aclosing(maker.boards.messages(WEEK)) as messages:
        await anext(messages)
        year = await maker.boards.find(YEAR)
        assert await maker.boards.find(WEEK) is week
        async with aclosing(maker.boards.messages(YEAR)) as others:
            await anext(others)
            with pytest.raises(TooManyQuestions):
                await maker.boards.find(MONTH)
            assert await maker.boards.find(YEAR) is year
        assert await maker.boards.find(MONTH) is not month


async def test_the_end_does_not_wait_for_threads() -> None:
    threads, release = Threads(), Event()
    waiting = asyncio.ensure_future(threads.run(release.wait))
    await asyncio.sleep(0)

    threads.close()

    with pytest.raises(Ending):
        await asyncio.wait_for(waiting, WAIT_SECONDS)
    with pytest.raises(Ending):
        await threads.run(release.wait)
    release.set()
