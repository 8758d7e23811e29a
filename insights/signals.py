"""Signals that end the program: cleanup before it ends, and no signal lost."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# A closed terminal sends SIGHUP, which Windows lacks.
ENDING = [
    signal.SIGINT,
    signal.SIGTERM,
    *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []),
]

# Until a destructor has returned.
PAUSE_SECONDS = 0.05


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


def raise_lost_ones_again() -> None:
    """Raise a signal's exception again if it was raised in a destructor or a weakref's callback.

    Python prints and drops exceptions there. PyMongo has such code, which runs at any moment.
    """
    sys.unraisablehook = raise_again


def raise_again(lost: "UnraisableHookArgs") -> None:
    """Send a signal whose exception was lost to this thread again; print other exceptions."""
    match lost.exc_value:
        case KeyboardInterrupt():
            number: int = signal.SIGINT
        case Ended(number=number):
            signal.signal(number, end)
        case _:
            sys.__unraisablehook__(lost)
            return
    threading.Timer(PAUSE_SECONDS, send, [threading.get_ident(), number]).start()


def send(thread: int, number: int) -> None:
    """Send a signal to the main thread. On Windows it does not interrupt a system call."""
    if sys.platform == "win32":
        signal.raise_signal(number)
    else:
        signal.pthread_kill(thread, number)
