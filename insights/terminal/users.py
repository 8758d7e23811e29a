"""The USER_ID argument, and the messages about a user that commands share."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.errors import UsageError
from insights.kinds import Document
from insights.mongodb.servers import server_message
from insights.settings import Settings
from insights.terminal.console import print_line, print_warning
from insights.terminal.counts import show_counts
from insights.terminal.program import program
from insights.terminal.working import working
from insights.users.erasure import count_by_ids
from insights.users.ids import LONGEST, numbers_of, object_ids_of, similar_ids
from insights.users.opt_outs import find_opt_out, is_recent
from insights.wording import clean, show_command, show_number

# The limit for similar ids in a message.
NAMED = 10


def check_user_id(user_id: str) -> str:
    """Check the length of an id, which the functions limit; return the id.

    Raises:
        UsageError: it is empty or too long.
    """
    if not 1 <= len(user_id) <= LONGEST:
        raise UsageError(f"USER_ID must have 1 to {LONGEST} characters")
    return user_id


UserId = Annotated[
    str, typer.Argument(metavar="USER_ID", callback=check_user_id, help="ID of the user.")
]


def command_for(command: str, user_id: str, *options: str) -> str:
    """Return a command for a user, quoted for a shell and in backticks."""
    return f"`{program()} {show_command(command, user_id, *options)}`"


def report_other_types(database: Database[Document], user_id: str) -> None:
    """Print the counts of documents that hold the id as a number or an ObjectId."""
    types: dict[str, Sequence[Any]] = {
        "number": numbers_of(user_id),
        "ObjectId": object_ids_of(user_id),
    }
    for name, ids in types.items():
        if counts := count_by_ids(database, ids):
            verb = "is" if sum(counts.values()) == 1 else "are"
            print_line(f"{show_counts(counts)} {verb} stored under the {name} {user_id}.")


def report_similar_ids(database: Database[Document], user_id: str, operation: str) -> None:
    """Print stored ids that may be the same person's.

    `operation` completes the sentence: `erased` or `opted out`.
    """
    if names := name_similar_ids(database, user_id):
        print_line(f"Similar ids are stored but not {operation}: {names}.")


def name_similar_ids(database: Database[Document], user_id: str) -> str:
    """Return the names of stored ids that may be the same person's, such as `u1` and `U1`.

    Empty if there are none, or after a warning that the search failed.
    """
    try:
        with working("Searching for similar ids"):
            found = similar_ids(database, user_id)
    except OperationFailure as error:
        print_warning(f"the search for similar ids failed: {server_message(error)}")
        return ""
    names = ", ".join(quote_id(each) for each in found[:NAMED])
    more = f" and {show_number(len(found) - NAMED)} more" if len(found) > NAMED else ""
    return f"{names}{more}"


def quote_id(user_id: str) -> str:
    """Return an id in quotes, and escaped, too, if it has invisible or non-ASCII characters."""
    is_plain = user_id.isascii() and user_id.isprintable()
    return f'"{clean(user_id)}"' + ("" if is_plain else f" ({user_id!a})")


def report_messages(settings: Settings) -> None:
    """Print that the texts of messages stay, and where they are, if MESSAGE_LOOKUP says so."""
    if settings.message_lookup:
        collection, _, path = settings.message_lookup.partition(".")
        print_line(
            "The texts of messages belong to the application and are left alone: they are in the "
            f"collection {collection}, beside {path}."
        )


def warn_of_new_events(database: Database[Document], user_id: str) -> None:
    """Print why new events of the user may still be stored, and the command to run."""
    opt_out = find_opt_out(database, user_id)
    if opt_out is None:
        print_line(
            "New events are still stored, because the user has not opted out: run "
            f"{command_for('opt-out', user_id)}."
        )
    elif is_recent(opt_out, datetime.now(UTC)):
        print_line(
            "Events may still be stored for a minute after the opt-out: run "
            f"{command_for('forget', user_id)} again after that."
        )
