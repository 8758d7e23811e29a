"""Confirmation before an operation that cannot be undone."""

from typing import Annotated

import typer
from rich.prompt import Confirm
from rich.text import Text

from insights.errors import InsightsError, UsageError
from insights.terminal.console import errors
from insights.wording import clean

Yes = Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")]


class Declined(InsightsError):
    """The user answered no."""


def ask(question: str) -> None:
    """Ask on standard error, which is visible even if standard output is redirected.

    Raises:
        Declined: the answer is no.
        UsageError: standard input has ended.
    """
    console = errors()
    # The terminal wraps an id in the question, and copies it as one.
    console.soft_wrap = True
    try:
        agreed = Confirm.ask(Text(clean(question)), console=console, default=False)
    except EOFError:
        console.print()
        raise UsageError("nothing was done: answer y, or pass --yes") from None
    if not agreed:
        raise Declined("nothing was done")
