"""The line on a terminal that says what a command works on."""

import os
import pty
import re
import select
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure
from rich.cells import cell_len
from rich.console import Console

from insights.terminal import working as module
from insights.terminal.working import Work, awaited, working
from tests.support.documents import Document, a_feedback, an_event
from tests.support.insights_cli import Insights

ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
CLEARED = "\x1b[1A\x1b[2K"
WIDTH = 60
SECONDS = 30


class Screen:
    """A terminal for standard error, and what was printed on it."""

    def __init__(self, controller: int) -> None:
        self.controller = controller
        self.printed = ""

    def update(self, seconds: float = 0) -> None:
        """Read what is printed, and wait for it at most so long."""
        while select.select([self.controller], [], [], seconds)[0]:
            self.printed += os.read(self.controller, 4096).decode()
            seconds = 0

    def wait_for(self, text: str) -> None:
        """Wait until a text is printed."""
        deadline = time.monotonic() + SECONDS
        while text not in ESCAPE_SEQUENCE.sub("", self.printed):
            assert time.monotonic() < deadline, self.printed
            self.update(0.1)

    @property
    def lines(self) -> list[str]:
        """The lines that were printed so far, one over the other."""
        self.update()
        return list(filter(None, re.split(r"[\r\n]+", ESCAPE_SEQUENCE.sub("", self.printed))))


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """Show at once what is worked on, on a terminal."""
    controller, terminal = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(module, "DELAY_SECONDS", 0)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    with os.fdopen(terminal, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(module, "errors", lambda: Console(file=stream, width=WIDTH))
        yield Screen(controller)
    os.close(controller)


def test_shows_what_it_works_on_and_clears_it(screen: Screen) -> None:
    with working("Counting the events"):
        screen.wait_for("Counting the events (0 s)")

    screen.update()
    assert screen.printed.endswith(CLEARED)


def test_shows_nothing_of_what_is_quick(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAY_SECONDS", 2)

    with working("Counting the events"):
        pass

    assert screen.lines == []


def test_shows_nothing_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "DELAY_SECONDS", 0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    before = threading.active_count()

    with working("Counting the events"):
        assert threading.active_count() == before

    assert capfd.readouterr() == ("", "")


def test_any_thread_may_name_the_next_step(screen: Screen) -> None:
    with working("Reading ratings") as work:
        screen.wait_for("Reading ratings")
        thread = threading.Thread(target=setattr, args=(work, "step", "Reading\nevents"))
        thread.start()
        screen.wait_for("Reading events")
        thread.join()


def test_shows_how_far_it_is_until_nobody_may_ask(screen: Screen) -> None:
    answers = iter(["1 %", "2 %"])

    def progress() -> str:
        for answer in answers:
            return answer
        raise OperationFailure("not authorized")

    with working("Creating an index", progress):
        screen.wait_for("Creating an index (2 %, 0 s)")
        screen.wait_for("Creating an index (2 %, 1 s)")


def test_a_long_step_leaves_room_for_the_time(screen: Screen) -> None:
    with working("Counting " + "long " * 50, lambda: "42 %"):
        screen.wait_for("… (42 %, 0 s)")

    assert {cell_len(line.rstrip()) for line in screen.lines} == {WIDTH}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_ends_with_the_block(screen: Screen, error: type[BaseException]) -> None:
    def fail() -> None:
        with working("Counting the events"):
            screen.wait_for("Counting the events")
            raise error

    with pytest.raises(error):
        fail()
    screen.update()
    assert screen.printed.endswith(CLEARED)


def test_does_not_wait_for_an_answer_about_its_progress(screen: Screen) -> None:
    answered = threading.Event()

    def progress() -> str:
        answered.wait(SECONDS)
        return ""

    with working("Creating an index", progress):
        screen.wait_for("Creating an index")
    assert not answered.is_set()
    answered.set()


def test_shows_that_documents_are_awaited_but_not_while_they_are_used(screen: Screen) -> None:
    def slow() -> Iterator[int]:
        for number in range(250):
            if number == 150:
                screen.wait_for("Searching events")
            yield number

    found = []
    for each in awaited("Searching events", slow()):
        screen.update()
        assert not screen.printed or screen.printed.endswith(CLEARED)
        found.append(each)
    assert found == [*range(250)]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the steps that commands begin to work on."""
    begun: list[str] = []
    start: Callable[[Work], None] = lambda work: begun.append(work.step)  # noqa: E731
    monkeypatch.setattr(Work, "start", start)
    return begun


@pytest.mark.parametrize(
    ("command", "first"),
    [
        ("summary", "Reading feedback and events from "),
        ("journey", "Reading ratings and the events before them from "),
        ("compare --by details.page", "Reading ratings by details.page from "),
        ("dashboard", "Reading feedback and events from "),
        ("feedback", "Searching feedback"),
        ("events --json", "Searching events"),
        ("user u1", "Reading the timeline of u1"),
        ("export feedback --out x.csv --since 1d", "Counting feedback without a date"),
        ("setup", "1 of 7: creating feedback.insights_by_time"),
        ("doctor", "Checking feedback and events"),
        ("forget u1 --yes", "Counting the documents of u1"),
        ("opt-out u1", "Counting the documents of u1"),
        ("opt-outs", "Reading the opt-outs"),
    ],
)
def test_commands_say_what_they_work_on(
    insights: Insights,
    empty_database: Database[Document],
    steps: list[str],
    command: str,
    first: str,
) -> None:
    empty_database.feedback.insert_one(a_feedback(datetime.now(UTC)))
    empty_database.analytics.insert_one(an_event(datetime.now(UTC)))

    insights(*command.split())

    assert steps[0].startswith(first)
