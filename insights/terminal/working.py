"""The line on a terminal that says what a command works on, once that takes long."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TypeVar

from pymongo.errors import PyMongoError
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from insights.terminal.console import errors
from insights.wording import clean

# Whatever takes less shows nothing.
DELAY_SECONDS = 2
POLL_SECONDS = 1

# One batch of MongoDB's: 101 documents come first.
BATCH = 101

T = TypeVar("T")


class Work:
    """What a command works on. Any thread may set `step`.

    `progress` says how far it is. It is called in a thread of its own, until it fails.
    """

    def __init__(self, step: str, progress: Callable[[], str] | None = None) -> None:
        self.step = step
        self.progress = progress
        self.done = ""
        self.started = time.monotonic()
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.console = errors()
        self.spinner = Spinner("dots")
        # Standard output is not redirected: its console knows nothing of this line.
        self.live = Live(
            get_renderable=self.line,
            console=self.console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def line(self) -> Spinner:
        """Return the line, whose step is truncated to the width of the terminal."""
        seconds = f"{time.monotonic() - self.started:.0f} s"
        told = f" ({', '.join(filter(None, (self.done, seconds)))})"
        step = Text(clean(self.step))
        step.truncate(self.console.width - len("* ") - len(told), overflow="ellipsis")
        self.spinner.update(text=step.append(told, "dim"))
        return self.spinner

    def show(self) -> None:
        """Show the line until the end, and keep asking how far the work is."""
        with self.lock:
            if not self.ended.is_set():
                self.live.start(refresh=True)
        # Not every user may ask, and at the end the connection is closed.
        with suppress(PyMongoError):
            while self.progress and not self.ended.is_set():
                self.done = self.progress()
                self.ended.wait(POLL_SECONDS)

    def show_later(self) -> None:
        """Show the line after the delay, unless the work has ended."""
        if not self.ended.wait(DELAY_SECONDS):
            self.show()

    def start(self) -> None:
        """Show the line later, on a terminal."""
        if self.console.file.isatty():
            threading.Thread(target=self.show_later, name="working", daemon=True).start()

    def end(self) -> None:
        """Clear the line. A thread that is still asking is not waited for."""
        self.ended.set()
        with self.lock:
            self.live.stop()


@contextmanager
def working(step: str, progress: Callable[[], str] | None = None) -> Iterator[Work]:
    """Show on a terminal what the block works on, if that takes long.

    The block prints nothing, and contains no other such block.
    """
    work = Work(step, progress)
    work.start()
    try:
        yield work
    finally:
        work.end()


def awaited(step: str, documents: Iterable[T]) -> Iterator[T]:
    """Yield the documents; show `step` while the next ones are awaited."""
    iterator = iter(documents)
    while batch := next_batch(step, iterator):
        yield from batch


def next_batch(step: str, iterator: Iterator[T]) -> list[T]:
    """Return the next documents of a stream, none at its end."""
    with working(step):
        return list(islice(iterator, BATCH))
