"""Signals that end the program: it cleans up first, whichever comes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# The last is what a terminal sends when it is closed; Windows has none.
ENDING = [
    signal.SIGINT,
    signal.SIGTERM,
    *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []),
]


class Ended(BaseException):
    """A signal asks the program to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Let a signal end the block as an exception does; then end the program by that signal.

    While the block cleans up, further signals are ignored: those who press Ctrl-C twice still
    want no half file.
    """
    heeded = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    handlers = {number: signal.signal(number, end) for number in heeded}
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
    """Raise `Ended`, once.

    Raises:
        Ended: always.
    """
    del frame
    for each in ENDING:
        signal.signal(each, ignore)
    raise Ended(number)


def ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing, as SIG_IGN would; but Python warns of a signal that arrives as it gets that."""
