"""Asking before something is done that cannot be undone."""

from typing import Annotated

import typer
from rich.prompt import Confirm
from rich.text import Text

from insights.errors import InsightsError, UsageError
from insights.terminal.console import errors
from insights.wording import clean

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


class Declined(InsightsError):
    """The user does not want it."""


def ask(question: str) -> None:
    """Ask on standard error, so that it is seen also where the output is redirected.

    Raises:
        Declined: the answer is no.
        UsageError: there is nobody to answer.
    """
    console = errors()
    try:
        agreed = Confirm.ask(Text(clean(question)), console=console, default=False)
    except EOFError:
        console.print()
        raise UsageError("nothing was done: answer y, or give --yes") from None
    if not agreed:
        raise Declined("nothing was done")
