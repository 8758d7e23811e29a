"""`insights setup`: create, change and remove indexes."""

from typing import Annotated

import typer
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.errors import Refused
from insights.kinds import Document, Kind
from insights.mongodb.connection import open_database
from insights.mongodb.indexes import Action, Step, apply, deletes, plan
from insights.mongodb.servers import ACCESS_DENIED, documentation, recognize, server_message
from insights.queries.documents import as_text
from insights.queries.left_out import UNDATED, Reason, left_out
from insights.settings import read_settings
from insights.terminal.console import print_line
from insights.wording import show_number

DONE = {
    Action.CREATE: "created",
    Action.CHANGE: "changed",
    Action.REMOVE: "removed",
    Action.KEEP: "kept",
}

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the steps without running them.")]


KeepForever = Annotated[
    bool,
    typer.Option("--keep-forever", help="Remove the TTL index of a retention that is not set."),
]

# Of documents that are never deleted, so many are named.
NAMED = 5


def setup(dry_run: DryRun = False, keep_forever: KeepForever = False) -> None:
    """Create the indexes, and set how long data is kept.

    Other commands are slow without the indexes. MongoDB deletes feedback after
    FEEDBACK_RETENTION_DAYS and events after ANALYTICS_RETENTION_DAYS; by default it keeps both.
    Run setup again when you change these settings. Without one, an earlier retention stays unless
    you add --keep-forever. The TTL indexes of other programs stay in any case. It names documents
    without a date, which are never deleted, prints the server's product and version, and each step
    that the server refused.

    Examples:
        insights setup --dry-run
        FEEDBACK_RETENTION_DAYS=365 insights setup
    """
    settings = read_settings()
    with open_database(settings) as database:
        steps = list(plan(database, settings, keep_forever=keep_forever))
        server = recognize(database)
        print_line(f"Connected to {server}.")
        width = max(len(name_of(step)) for step in steps)
        refused = 0
        for step in steps:
            refusal = None if dry_run else perform(database, step)
            done = f"{'refused':7}" if refusal else verb(step, dry_run=dry_run)
            print_line(f"{done}  {name_of(step):{width}}  {refusal or step.note}")
            refused += refusal is not None
        for kind in Kind:
            if deletes(database, kind, settings):
                print_never_deleted(database, kind)
    if refused:
        raise Refused(f"{server} refused {refused} of {len(steps)} steps; {documentation(server)}")


def print_never_deleted(database: Database[Document], kind: Kind) -> None:
    """Say how many documents no index can delete, and name some."""
    for each in left_out(database, kind, Reason.NEVER_DELETED, UNDATED):
        found = database[kind.collection].find(UNDATED, {"_id": True}).sort("_id").limit(NAMED)
        names = ", ".join(as_text(document["_id"]) for document in found)
        more = f" and {show_number(each.count - NAMED)} more" if each.count > NAMED else ""
        print_line(f"{each}: {names}{more}")


def perform(database: Database[Document], step: Step) -> str | None:
    """Run one step; return the server's message if it refuses.

    Raises:
        PyMongoError: the server refuses the user, or does not answer.
    """
    try:
        apply(database, step)
    except OperationFailure as error:
        if error.code in ACCESS_DENIED:
            raise
        return server_message(error)
    return None


def name_of(step: Step) -> str:
    """Return the index's name, prefixed with its collection."""
    return f"{step.collection}.{step.name}"


def verb(step: Step, *, dry_run: bool) -> str:
    """Return the completed or planned action, such as `created` or `would create`."""
    if not dry_run:
        return f"{DONE[step.action]:7}"
    return f"{'kept' if step.action is Action.KEEP else f'would {step.action}':12}"
