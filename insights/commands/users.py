"""What commands on one user share: the argument, and how they write of the user."""

import shlex
from typing import Annotated

import typer

from insights.commands.program import program
from insights.errors import UsageError
from insights.terminal import clean

LONGEST = 200


def check_user_id(user_id: str) -> str:
    """Return the id of a user.

    Raises:
        UsageError: no user has such an id.
    """
    if not 1 <= len(user_id) <= LONGEST:
        raise UsageError(f"USER_ID must have 1 to {LONGEST} characters, as the functions ask")
    return user_id


UserId = Annotated[str, typer.Argument(metavar="USER_ID", callback=check_user_id, help="The user.")]


def command_for(command: str, user_id: str, *options: str) -> str:
    """Return a command on a user as it is typed into a shell."""
    end_of_options = ["--"] if user_id.startswith("-") else []
    # What a terminal would obey is not shown, so that another user would be named.
    shown = user_id if clean(user_id) == user_id else "USER_ID"
    return f"`{program()} {shlex.join([command, *options, *end_of_options, shown])}`"
