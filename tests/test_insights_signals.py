"""Signals whose exceptions Python drops, because they are raised in destructors."""

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from insights.signals import cleaning_up, raise_again
from tests.support.insights_cli import Insights

SECONDS = 20

# Instead of changes there is a Ctrl-C while an object is destroyed.
PROGRAM = f"""
import signal, time
from insights.__main__ import run
from insights.commands import tail

class Destroyed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def changes(*_):
    Destroyed()
    time.sleep({SECONDS})
    yield from ()

tail.changes = changes
run()
"""


def test_ctrl_c_in_a_destructor_ends_a_command(command_line: Insights) -> None:
    command_line.program = ("-c", PROGRAM)

    result = command_line.run("tail")

    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")


@dataclass
class Destroyed:
    """Calls a function when it is destroyed."""

    function: Callable[[], object]

    def __del__(self) -> None:
        """Call it."""
        self.function()


def wait_for_a_lost_signal() -> None:
    """Lose a signal, and wait."""
    Destroyed(lambda: signal.raise_signal(signal.SIGINT))
    time.sleep(SECONDS)


def test_a_signal_in_a_destructor_ends_a_block_that_cleans_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", raise_again)

    with pytest.raises(KeyboardInterrupt), cleaning_up():
        wait_for_a_lost_signal()


def test_other_exceptions_of_destructors_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", raise_again)

    Destroyed(lambda: 1 / 0)

    assert "ZeroDivisionError" in capsys.readouterr().err
