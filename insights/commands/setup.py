"""`insights setup`: create, change and remove indexes."""

from typing import Annotated

import typer

from insights.database import open_database
from insights.indexes import Action, Step, apply, plan
from insights.settings import read_settings
from insights.terminal import print_line

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
    them it keeps everything. Run it again after a setting changed.

    Examples:
        insights setup --dry-run
        FEEDBACK_RETENTION_DAYS=365 insights setup
    """
    settings = read_settings()
    with open_database(settings) as database:
        steps = list(plan(database, settings))
        width = max(len(name_of(step)) for step in steps)
        for step in steps:
            if not dry_run:
                apply(database, step)
            print_line(f"{verb(step, dry_run=dry_run)}  {name_of(step):{width}}  {step.note}")


def name_of(step: Step) -> str:
    """Return the full name of the index."""
    return f"{step.collection}.{step.name}"


def verb(step: Step, *, dry_run: bool) -> str:
    """Return what was done with the index, or would be."""
    if not dry_run:
        return f"{DONE[step.action]:7}"
    return f"{'kept' if step.action is Action.KEEP else f'would {step.action}':12}"
