"""`insights opt-out`, `opt-in` and `opt-outs`: users whose events are not stored."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from pymongo.database import Database

from insights.errors import NoData
from insights.kinds import Document
from insights.mongodb.connection import open_database
from insights.queries.documents import as_text, plain_value
from insights.settings import read_settings
from insights.terminal.console import print_json, print_line
from insights.terminal.counts import show_counts
from insights.terminal.listing import show_any_time
from insights.terminal.options import AsJson
from insights.terminal.questions import Yes, ask
from insights.terminal.tables import print_rows
from insights.terminal.users import (
    UserId,
    command_for,
    report_messages,
    report_other_types,
    report_similar_ids,
    warn_of_new_events,
)
from insights.terminal.working import working
from insights.users.erasure import count_stored, erase
from insights.users.opt_outs import add_opt_out, find_opt_out, list_opt_outs, remove_opt_out
from insights.wording import show_time

Erase = Annotated[
    bool, typer.Option("--erase", help="Also erase the user's stored feedback and events.")
]


def opt_out(user_id: UserId, erase_stored: Erase = False, yes: Yes = False) -> None:
    """Stop storing a user's events.

    Takes effect within a minute on every instance of the functions. Feedback, which users give
    deliberately, is still stored. Earlier data is kept unless --erase is passed, which asks for
    confirmation.

    Examples:
        insights opt-out user-1
        insights opt-out user-1 --erase
    """
    settings = read_settings()
    with open_database(settings) as database:
        with working(f"Counting the documents of {user_id}"):
            stored = count_stored(database, user_id)
        report_other_types(database, user_id)
        report_similar_ids(database, user_id, "opted out")
        if erase_stored and any(stored.values()) and not yes:
            ask(f"Opt {user_id} out, and erase {show_counts(stored)}?")
        print_line(opt_out_now(database, user_id))
        if erase_stored:
            with working(f"Erasing {show_counts(stored)} of {user_id}"):
                erased = erase(database, user_id)
            print_line(f"Erased {show_counts(erased)} of {user_id}.")
            report_messages(settings)
            warn_of_new_events(database, user_id)
        elif any(stored.values()):
            print_line(
                f"Kept {show_counts(stored)} stored earlier: to erase them, run "
                f"{command_for('opt-out', user_id, '--erase')}."
            )


def opt_out_now(database: Database[Document], user_id: str) -> str:
    """Opt a user out; return the message to print."""
    if add_opt_out(database, user_id, datetime.now(UTC)):
        return f"{user_id} is opted out: the functions stop storing events within a minute."
    opt_out = find_opt_out(database, user_id) or {}
    return f"{user_id} was already opted out{since(opt_out)}."


def since(opt_out: Document) -> str:
    """Return `, since 1 Nov 2026 09:30 UTC`; empty if the time is unknown."""
    time = opt_out.get("timestamp")
    shown = show_time(time) if isinstance(time, datetime) else show_any_time(time)
    return f", since {shown} UTC" if time else ""


def opt_in(user_id: UserId) -> None:
    """Resume storing a user's events.

    Takes effect within a minute on every instance of the functions.

    Examples:
        insights opt-in user-1
    """
    settings = read_settings()
    with open_database(settings) as database:
        if remove_opt_out(database, user_id):
            print_line(f"{user_id} is opted in: the functions store events again within a minute.")
        else:
            print_line(f"{user_id} was not opted out.")


def opt_outs(as_json: AsJson = False) -> None:
    """List opted-out users, newest first.

    Examples:
        insights opt-outs
        insights opt-outs --json
    """
    settings = read_settings()
    with open_database(settings) as database, working("Reading the opt-outs"):
        found = list(list_opt_outs(database))
    if not found:
        raise NoData("no opt-outs yet")
    if as_json:
        for each in found:
            print_json(plain_value(each))
    else:
        print_rows(("User", "Since (UTC)"), map(cells, found))


def cells(opt_out: Document) -> list[str]:
    """Return the cells of an opt-out's row."""
    return [as_text(opt_out["_id"]), show_any_time(opt_out.get("timestamp"))]
