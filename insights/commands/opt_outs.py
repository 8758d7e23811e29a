"""`insights opt-out`, `opt-in` and `opt-outs`: users of whom no events are stored."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pymongo.database import Database

from insights.errors import NoData
from insights.kinds import Document
from insights.mongodb.connection import open_database
from insights.queries.documents import plain_value
from insights.settings import read_settings
from insights.terminal.console import print_json, print_line, print_rows
from insights.terminal.counts import show_counts
from insights.terminal.options import AsJson
from insights.terminal.questions import Yes, ask
from insights.terminal.users import (
    UserId,
    command_for,
    report_other_types,
    report_similar_ids,
    warn_of_new_events,
)
from insights.users.erasure import count_stored, erase
from insights.users.opt_outs import add_opt_out, find_opt_out, list_opt_outs, remove_opt_out
from insights.wording import show_time

Erase = Annotated[
    bool, typer.Option("--erase", help="Also erase all feedback and events of the user.")
]


def opt_out(user_id: UserId, erase_stored: Erase = False, yes: Yes = False) -> None:
    """Store no more events of a user.

    The functions obey within a minute, everywhere. Feedback, which a user gives deliberately, is
    stored as before. What was stored earlier stays, unless --erase is given: that asks first.

    Examples:
        insights opt-out user-1
        insights opt-out user-1 --erase
    """
    settings = read_settings()
    with open_database(settings) as database:
        stored = count_stored(database, user_id)
        report_other_types(database, user_id)
        report_similar_ids(database, user_id, "opted out")
        if erase_stored and any(stored.values()) and not yes:
            ask(f"Opt {user_id} out, and erase {show_counts(stored)}?")
        print_line(opt_out_now(database, user_id))
        if erase_stored:
            print_line(f"Erased {show_counts(erase(database, user_id))} of {user_id}.")
            warn_of_new_events(database, user_id)
        elif any(stored.values()):
            print_line(
                f"{show_counts(stored)} stored earlier stay: "
                f"{command_for('opt-out', user_id, '--erase')} erases them."
            )


def opt_out_now(database: Database[Document], user_id: str) -> str:
    """Opt a user out; return what to say of it."""
    if add_opt_out(database, user_id, datetime.now(UTC)):
        return f"{user_id} is opted out: no more events are stored, everywhere within a minute."
    opt_out = find_opt_out(database, user_id) or {}
    return f"{user_id} has been opted out already{since(opt_out)}."


def since(opt_out: Document) -> str:
    """Return since when an opt-out holds, or nothing if that is not known."""
    time = opt_out.get("timestamp")
    return f", since {show_time(time)} UTC" if time else ""


def opt_in(user_id: UserId) -> None:
    """Store events of a user again.

    The functions obey within a minute, everywhere.

    Examples:
        insights opt-in user-1
    """
    settings = read_settings()
    with open_database(settings) as database:
        if remove_opt_out(database, user_id):
            print_line(f"{user_id} is opted in: events are stored again within a minute.")
        else:
            print_line(f"{user_id} was not opted out.")


def opt_outs(as_json: AsJson = False) -> None:
    """List the users who opted out, newest first.

    Examples:
        insights opt-outs
        insights opt-outs --json
    """
    settings = read_settings()
    with open_database(settings) as database:
        found = list(list_opt_outs(database))
    if not found:
        raise NoData("nobody opted out yet")
    if as_json:
        for each in found:
            print_json(plain_value(each))
    else:
        print_rows(("User", "Since (UTC)"), map(cells, found))


def cells(opt_out: Document) -> list[str]:
    """Return the cells of an opt-out in the table."""
    time = opt_out.get("timestamp")
    return [str(opt_out["_id"]), show_time(time) if time else ""]
