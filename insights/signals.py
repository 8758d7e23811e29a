"""Cleanup before a signal ends the program."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A closed terminal sends SIGHUP, which Windows lacks.
ENDING = [
    signal.SIGINT,
    signal.SIGTERM,
    *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []),
]


class Ended(BaseException):
    """A signal that ends the program arrived."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Turn a signal into an exception in the block, then end the program by that signal.

    Further signals are ignored during cleanup, so that a second Ctrl-C leaves no partial file.
    """
    caught = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    handlers = {number: signal.signal(number, end) for number in caught}
    try:
        yield
    except Ended as ended:
        if ended.number == signal.SIGINT:
            raise KeyboardInterrupt from None
        signal.signal(ended.number, signal.SIG_DFL)
        signal.raise_signal(ended.number)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def end(number: int, frame: FrameType | None) -> None:
    """Raise `Ended`, and ignore further signals.

    Raises:
        Ended: always.
    """
    del frame
    for each in ENDING:
        signal.signal(each, ignore)
    raise Ended(number)


def ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing. With SIG_IGN, Python warns of a signal that arrives while it is being set."""
