"""What commands on one user share: the argument, and what they say of the user's ids."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.errors import UsageError
from insights.kinds import Document
from insights.mongodb.servers import server_message
from insights.terminal.console import errors, print_line, print_warning
from insights.terminal.counts import show_counts
from insights.terminal.program import program
from insights.users.erasure import count_by_ids
from insights.users.ids import LONGEST, numbers_of, object_ids_of, similar_ids
from insights.users.opt_outs import find_opt_out, is_recent
from insights.wording import clean, show_number

# So many similar ids are named.
NAMED = 10


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


def tell_of_other_forms(database: Database[Document], user_id: str) -> None:
    """Say what is stored under a number or an ObjectId instead of the text."""
    forms: dict[str, Sequence[Any]] = {
        "number": numbers_of(user_id),
        "ObjectId": object_ids_of(user_id),
    }
    for name, ids in forms.items():
        if counts := count_by_ids(database, ids):
            verb = "is" if sum(counts.values()) == 1 else "are"
            print_line(f"{show_counts(counts)} {verb} stored under the {name} {user_id}.")


def tell_of_similar_ids(database: Database[Document], user_id: str, what: str) -> None:
    """Name stored ids that may be meant too, and say that `what` was not done to them."""
    try:
        with errors().status("Looking for similar ids"):
            found = similar_ids(database, user_id)
    except OperationFailure as error:
        print_warning(f"similar ids were not looked for: {server_message(error)}")
        return
    if found:
        names = ", ".join(show_id(each) for each in found[:NAMED])
        more = f" and {show_number(len(found) - NAMED)} more" if len(found) > NAMED else ""
        print_line(f"Similar ids are stored, and not {what}: {names}{more}.")


def show_id(user_id: str) -> str:
    """Return an id in quotes, in which blanks are seen; what does not show is also escaped."""
    is_plain = user_id.isascii() and user_id.isprintable()
    return f'"{clean(user_id)}"' + ("" if is_plain else f" ({user_id!a})")


def warn_of_more(database: Database[Document], user_id: str) -> None:
    """Say why events of the user may still be stored, and what to do about it."""
    opt_out = find_opt_out(database, user_id)
    if opt_out is None:
        print_line(
            "Events that arrive from now on are stored, because the user has not opted out: "
            f"{command_for('opt-out', user_id)} does that."
        )
    elif is_recent(opt_out, datetime.now(UTC)):
        print_line(
            "Within a minute after the opt-out, events may still be stored: run "
            f"{command_for('forget', user_id)} again then."
        )
