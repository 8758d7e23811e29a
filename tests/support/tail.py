"""`insights tail` as a process."""

import signal
import subprocess
from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import IO

SECONDS_TO_ARRIVE = 30


class Tail:
    """`insights tail` as a process, and the lines that it prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.printed, self.notices = lines_of(process.stdout), lines_of(process.stderr)
        self.watching = self.next_notice()
        self.notice = ""
        if "every second" in self.watching:
            self.notice, self.watching = self.watching, self.next_notice()

    def next(self) -> str:
        """Wait for the next line of standard output."""
        return next_line(self.printed)

    def next_notice(self) -> str:
        """Wait for the next line of standard error."""
        return next_line(self.notices)

    def interrupt(self) -> int:
        """Stop it with Ctrl-C; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS_TO_ARRIVE)

    def rest(self) -> tuple[list[str], list[str]]:
        """Return the remaining lines of standard output and standard error."""
        return list(iter(self.printed.get, None)), list(iter(self.notices.get, None))


Lines = Queue[str | None]
StartTail = Callable[..., Tail]


def lines_of(stream: IO[str] | None) -> Lines:
    """Return a queue that receives each line of a stream, and None at its end."""
    lines: Lines = Queue()

    def read() -> None:
        for line in stream or ():
            lines.put(line.removesuffix("\n"))
        lines.put(None)

    Thread(target=read, daemon=True).start()
    return lines


def next_line(lines: Lines) -> str:
    """Wait for the next line."""
    line = lines.get(timeout=SECONDS_TO_ARRIVE)
    assert line is not None
    return line
