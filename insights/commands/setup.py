"""`insights setup`: create, change and remove indexes."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.errors import Refused, UsageError
from insights.kinds import Document, Kind
from insights.mongodb.builds import build_progress
from insights.mongodb.connection import open_database
from insights.mongodb.indexes import Action, Choice, Step, apply, deletes, index_on, plan
from insights.mongodb.servers import ACCESS_DENIED, documentation, recognize, server_message
from insights.queries.attributes import Root
from insights.queries.documents import as_text
from insights.queries.filters import indexed_paths
from insights.queries.left_out import UNDATED, Reason, left_out
from insights.settings import read_settings
from insights.terminal.console import print_error, print_line
from insights.terminal.working import working
from insights.wording import show_number

DONE = {
    Action.CREATE: "created",
    Action.CHANGE: "changed",
    Action.REMOVE: "removed",
    Action.KEEP: "kept",
}
DOING = {
    Action.CREATE: "creating",
    Action.CHANGE: "changing",
    Action.REMOVE: "removing",
}

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the steps without running them.")]
IndexField = Annotated[
    list[str] | None,
    typer.Option(
        "--index",
        metavar="FIELD",
        help="Create and keep an index on a field for --where, such as details.page. Repeatable.",
    ),
]
DropIndex = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD", help="Remove an index that --index created. Repeatable."),
]
KeepForever = Annotated[
    bool,
    typer.Option("--keep-forever", help="Remove the TTL index of a retention that is not set."),
]

# Of documents that are never deleted, so many are named.
NAMED = 5


def setup(
    dry_run: DryRun = False,
    index: IndexField = None,
    drop_index: DropIndex = None,
    keep_forever: KeepForever = False,
) -> None:
    """Create the indexes, and set how long data is kept.

    Other commands are slow without the indexes. MongoDB deletes feedback after
    FEEDBACK_RETENTION_DAYS and events after ANALYTICS_RETENTION_DAYS; by default it keeps both.
    Run setup again when you change these settings. Without one, an earlier retention stays unless
    you add --keep-forever. The TTL indexes of other programs stay in any case. It names documents
    without a date, which are never deleted, prints the server's product and version, and each step
    that the server refused.

    Feedback and events are stored as usual while an index is built.

    Examples:
        insights setup --dry-run
        insights setup --index details.model
        FEEDBACK_RETENTION_DAYS=365 insights setup
    """
    choice, settings = parse_choice(index or [], drop_index or []), read_settings()
    with open_database(settings) as database:
        steps = list(plan(database, settings, choice, keep_forever=keep_forever))
        check_dropped(choice, steps)
        server = recognize(database)
        print_line(f"Connected to {server}.")
        refused = sum(print_step(database, step, steps, dry_run=dry_run) for step in steps)
        for kind in Kind:
            if deletes(database, kind, settings):
                print_never_deleted(database, kind)
    if refused:
        raise Refused(f"{server} refused {refused} of {len(steps)} steps; {documentation(server)}")


def parse_choice(index: Sequence[str], drop: Sequence[str]) -> Choice:
    """Return the fields whose indexes the operator wants, and does not want.

    Raises:
        UsageError: no index can have a field, or it is in both lists.
    """
    choice = Choice(paths_of("--index", index), paths_of("--drop-index", drop))
    for kind, paths in choice.index.items():
        if both := set(paths) & set(choice.drop.get(kind, ())):
            raise UsageError(f"{min(both)} cannot be in both --index and --drop-index")
    return choice


def paths_of(option: str, fields: Sequence[str]) -> dict[Kind, list[str]]:
    """Return the dotted paths of fields, by kind.

    Raises:
        UsageError: no index can have a field.
    """
    found: dict[Kind, list[str]] = {}
    for field in fields:
        if field.partition(".")[0] in (Root.MESSAGE, Root.USER):
            raise UsageError(
                f"{option} {field}: message.FIELD and user.FIELD are in collections of the "
                "application, whose indexes are its own"
            )
        for kind, path in indexed_paths(field).items():
            found.setdefault(kind, []).append(path)
    return found


def check_dropped(choice: Choice, steps: Sequence[Step]) -> None:
    """Check that every index to drop is there.

    Raises:
        UsageError: one is not.
    """
    removed = {step.name for step in steps if step.action is Action.REMOVE}
    for path in (path for paths in choice.drop.values() for path in paths):
        if index_on(path).name not in removed:
            raise UsageError(f"--drop-index {path}: there is no index of --index {path}")


def print_step(
    database: Database[Document], step: Step, steps: Sequence[Step], *, dry_run: bool
) -> bool:
    """Run a step, unless it is a dry run, and print it; say whether the server refused it."""
    refusal = (
        None if dry_run or not step.command else perform(database, step, place_in(steps, step))
    )
    done = f"{'refused':7}" if refusal else verb(step, dry_run=dry_run)
    width = max(len(name_of(each)) for each in steps)
    print_line(f"{done}  {name_of(step):{width}}  {refusal or step.note}")
    return refusal is not None


def place_in(steps: Sequence[Step], step: Step) -> str:
    """Return `2 of 7`, among the steps that change something."""
    changes = [each for each in steps if each.command]
    return f"{changes.index(step) + 1} of {len(changes)}"


def print_never_deleted(database: Database[Document], kind: Kind) -> None:
    """Say how many documents no index can delete, and name some."""
    with working(f"Counting {kind} without a date"):
        undated = list(left_out(database, kind, Reason.NEVER_DELETED, UNDATED))
    for each in undated:
        found = database[kind.collection].find(UNDATED, {"_id": True}).sort("_id").limit(NAMED)
        names = ", ".join(as_text(document["_id"]) for document in found)
        more = f" and {show_number(each.count - NAMED)} more" if each.count > NAMED else ""
        print_line(f"{each}: {names}{more}")


def perform(database: Database[Document], step: Step, place: str) -> str | None:
    """Run one step; return the server's message if it refuses.

    Raises:
        PyMongoError: the server refuses the user, or does not answer.
    """
    progress = partial(build_progress, database, step.collection)
    try:
        with working(f"{place}: {DOING[step.action]} {name_of(step)}", progress):
            apply(database, step)
    except OperationFailure as error:
        if error.code in ACCESS_DENIED:
            raise
        return server_message(error)
    except KeyboardInterrupt:
        print_error(f"stopped; the server may still finish {name_of(step)}: run setup again")
        raise
    return None


def name_of(step: Step) -> str:
    """Return the index's name, prefixed with its collection."""
    return f"{step.collection}.{step.name}"


def verb(step: Step, *, dry_run: bool) -> str:
    """Return the completed or planned action, such as `created` or `would create`."""
    if not dry_run:
        return f"{DONE[step.action]:7}"
    return f"{'kept' if step.action is Action.KEEP else f'would {step.action}':12}"
