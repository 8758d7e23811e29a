"""`insights setup`: create, change and remove indexes."""

from typing import Annotated

import typer
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.errors import Refused
from insights.kinds import Document
from insights.mongodb.connection import open_database
from insights.mongodb.indexes import Action, Step, apply, plan
from insights.mongodb.servers import ACCESS_DENIED, documentation, recognize, server_message
from insights.settings import read_settings
from insights.terminal.console import print_line

DONE = {
    Action.CREATE: "created",
    Action.CHANGE: "changed",
    Action.REMOVE: "removed",
    Action.KEEP: "kept",
}

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]


def setup(dry_run: DryRun = False) -> None:
    """Create the indexes, and delete data after its time.

    The indexes make the other commands quick. FEEDBACK_RETENTION_DAYS and
    ANALYTICS_RETENTION_DAYS say after how many days MongoDB deletes feedback and events; without
    them it keeps everything. Run it again after a setting changed. It also says which server
    answers, and what that refused.

    Examples:
        insights setup --dry-run
        FEEDBACK_RETENTION_DAYS=365 insights setup
    """
    settings = read_settings()
    with open_database(settings) as database:
        steps, server = list(plan(database, settings)), recognize(database)
        print_line(f"This is {server}.")
        width = max(len(name_of(step)) for step in steps)
        refused = 0
        for step in steps:
            words = None if dry_run else perform(database, step)
            done = f"{'refused':7}" if words else verb(step, dry_run=dry_run)
            print_line(f"{done}  {name_of(step):{width}}  {words or step.note}")
            refused += words is not None
    if refused:
        raise Refused(f"{server} refused {refused} of {len(steps)} steps; {documentation(server)}")


def perform(database: Database[Document], step: Step) -> str | None:
    """Do one step; return the server's words where it refuses that.

    Raises:
        PyMongoError: it refuses the user, or does not answer.
    """
    try:
        apply(database, step)
    except OperationFailure as error:
        if error.code in ACCESS_DENIED:
            raise
        return server_message(error)
    return None


def name_of(step: Step) -> str:
    """Return the full name of the index."""
    return f"{step.collection}.{step.name}"


def verb(step: Step, *, dry_run: bool) -> str:
    """Return what was done with the index, or would be."""
    if not dry_run:
        return f"{DONE[step.action]:7}"
    return f"{'kept' if step.action is Action.KEEP else f'would {step.action}':12}"
