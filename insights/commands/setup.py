"""`insights setup`: create, change and remove indexes."""

from typing import Annotated

import typer
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.errors import Refused
from insights.kinds import Document, Kind
from insights.mongodb.connection import open_database
from insights.mongodb.indexes import Action, Step, apply, deletes, plan
from insights.mongodb.servers import NOT_ALLOWED, recognize, what_works, words_of
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

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]


KeepForever = Annotated[
    bool,
    typer.Option(
        "--keep-forever", help="Remove the index that deletes, where its setting is not set."
    ),
]

# Of documents that are never deleted, so many are named.
NAMED = 5


def setup(dry_run: DryRun = False, keep_forever: KeepForever = False) -> None:
    """Create the indexes, and delete data after its time.

    The indexes make the other commands quick. FEEDBACK_RETENTION_DAYS and
    ANALYTICS_RETENTION_DAYS say after how many days MongoDB deletes feedback and events. Run it
    again after a setting changed. Where one is not set any more, nothing changes without
    --keep-forever. Indexes by which other programs delete are left alone, and documents without a
    date, which no index deletes, are named. It also says which server answers, and what that
    refused.

    Examples:
        insights setup --dry-run
        FEEDBACK_RETENTION_DAYS=365 insights setup
    """
    settings = read_settings()
    with open_database(settings) as database:
        steps, server = (
            list(plan(database, settings, keep_forever=keep_forever)),
            recognize(database),
        )
        print_line(f"This is {server}.")
        width = max(len(name_of(step)) for step in steps)
        refused = 0
        for step in steps:
            words = None if dry_run else perform(database, step)
            done = f"{'refused':7}" if words else verb(step, dry_run=dry_run)
            print_line(f"{done}  {name_of(step):{width}}  {words or step.note}")
            refused += words is not None
        for kind in Kind:
            if deletes(database, kind, settings):
                print_never_deleted(database, kind)
    if refused:
        raise Refused(f"{server} refused {refused} of {len(steps)} steps; {what_works(server)}")


def print_never_deleted(database: Database[Document], kind: Kind) -> None:
    """Say how many documents no index can delete, and name some."""
    for each in left_out(database, kind, Reason.NEVER_DELETED, UNDATED):
        found = database[kind.collection].find(UNDATED, {"_id": True}).sort("_id").limit(NAMED)
        names = ", ".join(as_text(document["_id"]) for document in found)
        more = f" and {show_number(each.count - NAMED)} more" if each.count > NAMED else ""
        print_line(f"{each}: {names}{more}")


def perform(database: Database[Document], step: Step) -> str | None:
    """Do one step; return the server's words where it refuses that.

    Raises:
        PyMongoError: it refuses the user, or does not answer.
    """
    try:
        apply(database, step)
    except OperationFailure as error:
        if error.code in NOT_ALLOWED:
            raise
        return words_of(error)
    return None


def name_of(step: Step) -> str:
    """Return the full name of the index."""
    return f"{step.collection}.{step.name}"


def verb(step: Step, *, dry_run: bool) -> str:
    """Return what was done with the index, or would be."""
    if not dry_run:
        return f"{DONE[step.action]:7}"
    return f"{'kept' if step.action is Action.KEEP else f'would {step.action}':12}"
