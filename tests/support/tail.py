"""`insights tail` in a process of its own."""

import signal
import subprocess
from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import IO

SECONDS_TO_ARRIVE = 30


class Tail:
    """`insights tail` in a process of its own, and the lines that it prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.printed, self.told = lines_of(process.stdout), lines_of(process.stderr)
        self.watching = self.next_told()
        self.notice = ""
        if "every second" in self.watching:
            self.notice, self.watching = self.watching, self.next_told()

    def next(self) -> str:
        """Return the next line that it prints, once it is there."""
        return next_line(self.printed)

    def next_told(self) -> str:
        """Return the next line that it prints to standard error."""
        return next_line(self.told)

    def interrupt(self) -> int:
        """End it by Ctrl-C; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS_TO_ARRIVE)

    def rest(self) -> tuple[list[str], list[str]]:
        """Return what else it printed, to standard output and to standard error."""
        return list(iter(self.printed.get, None)), list(iter(self.told.get, None))


Lines = Queue[str | None]
StartTail = Callable[..., Tail]


def lines_of(stream: IO[str] | None) -> Lines:
    """Return a queue that gets each line of a stream as it comes, and None at its end."""
    lines: Lines = Queue()

    def read() -> None:
        for line in stream or ():
            lines.put(line.removesuffix("\n"))
        lines.put(None)

    Thread(target=read, daemon=True).start()
    return lines


def next_line(lines: Lines) -> str:
    """Return the next line, once it is there."""
    line = lines.get(timeout=SECONDS_TO_ARRIVE)
    assert line is not None
    return line
