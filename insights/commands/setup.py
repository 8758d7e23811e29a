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

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the steps without running them.")]


def setup(dry_run: DryRun = False) -> None:
    """Create the indexes, and set how long data is kept.

    Other commands are slow without the indexes. MongoDB deletes feedback after
    FEEDBACK_RETENTION_DAYS and events after ANALYTICS_RETENTION_DAYS; by default it keeps both.
    Run setup again when you change these settings. It prints the server's product and version,
    and each step that the server refused.

    Examples:
        insights setup --dry-run
        FEEDBACK_RETENTION_DAYS=365 insights setup
    """
    settings = read_settings()
    with open_database(settings) as database:
        steps, server = list(plan(database, settings)), recognize(database)
        print_line(f"Connected to {server}.")
        width = max(len(name_of(step)) for step in steps)
        refused = 0
        for step in steps:
            refusal = None if dry_run else perform(database, step)
            done = f"{'refused':7}" if refusal else verb(step, dry_run=dry_run)
            print_line(f"{done}  {name_of(step):{width}}  {refusal or step.note}")
            refused += refusal is not None
    if refused:
        raise Refused(f"{server} refused {refused} of {len(steps)} steps; {documentation(server)}")


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
