"""`insights demo`: fill a database with realistic data, and suggest commands to try."""

import importlib
import sys
import webbrowser
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated

import typer
from pymongo.database import Database
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from insights.demo.databases import ALL, NAME, OBSERVED, SETTINGS, Filling, fill
from insights.demo.local_server import running_chat
from insights.demo.sessions import SESSIONS
from insights.demo.system import SYSTEM
from insights.errors import Unreachable, UsageError
from insights.kinds import Document, Kind
from insights.mongodb.connection import open_database
from insights.mongodb.indexes import plan
from insights.settings import Settings, read_settings
from insights.signals import Ended, cleaning_up
from insights.terminal.console import errors, print_error, print_line
from insights.terminal.counts import show_counts
from insights.terminal.questions import Yes, ask
from insights.terminal.suggestions import invitation, print_commands
from insights.terminal.working import working
from insights.wording import clean, show_number
from local_project.addresses import free_port
from local_project.connection_strings import loopback_address
from local_project.errors import LocalProjectError
from local_project.mongod import available_mongodb

Days = Annotated[int, typer.Option(min=1, max=3650, metavar="N", help="Days of data.")]
Users = Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="Number of users.")]
Here = Annotated[
    bool, typer.Option("--here", help="Add to the configured database instead, and drop nothing.")
]
Open = Annotated[
    bool,
    typer.Option(
        "--open", help="Open the live dashboard, and a chat whose votes it shows, until Ctrl-C."
    ),
]


def demo(
    days: Days = 60,
    users: Users = 500,
    here: Here = False,
    open_: Open = False,
    yes: Yes = False,
) -> None:
    """Fill a database with realistic data: feedback, events, chat sessions and users.

    Drops and refills the database up2d8_demo. The configured database stays untouched, except
    with --here, which adds feedback and events, but no sessions and users. In 60 days, a user has
    about 110 events and 13 feedback; background jobs have 1,290 events a day. Each run has the same
    data, up to the present. If MONGODB_URI is on this computer and nothing runs there, MongoDB is
    started.

    Examples:
        insights demo
        insights demo --days 60 --users 8000
        insights demo --open
    """
    now, settings = datetime.now(UTC), read_settings()
    target = with_system_user(settings) if here else own_database(settings)
    with cleaning_up(), running_mongodb(settings.mongodb_uri) as started:
        with open_database(target) as database:
            if not here:
                filling = refill(database, target, days, users, now)
            else:
                if not yes:
                    ask_before_adding(database)
                filling = add(database, days, users, now, OBSERVED)
        print_result(target, filling, here=here)
        print_line(invitation(target.mongodb_uri, served=open_, started=started))
        print_commands(target)
        if open_:
            serve(target, with_chat=not here)


def own_database(settings: Settings) -> Settings:
    """Return the settings of the demo's own database, without retention.

    Raises:
        UsageError: it is the configured database, which must not be dropped.
    """
    if settings.mongodb_database == NAME:
        raise UsageError(f"MONGODB_DATABASE is {NAME}, which demo would drop: unset it first")
    own = {"MONGODB_URI": settings.mongodb_uri, "MONGODB_DATABASE": NAME}
    return Settings.model_validate(own | SETTINGS)


def with_system_user(settings: Settings) -> Settings:
    """Return the settings with the demo's system user besides those of the application."""
    names = dict.fromkeys((*settings.system_users, SYSTEM))
    return settings.model_copy(update={"system_users": tuple(names)})


@contextmanager
def running_mongodb(uri: str) -> Iterator[bool]:
    """Start MongoDB if `uri` is a free loopback address; yield whether it was started.

    Raises:
        UsageError: `uri` is not a connection string.
        Unreachable: MongoDB does not start.
    """
    try:
        loopback_address(uri)
    except LocalProjectError as error:
        raise UsageError(str(error)) from None
    try:
        with available_mongodb(uri, Path.cwd(), print_status) as started:
            yield started
    except LocalProjectError as error:
        raise Unreachable(str(error)) from None


def print_status(line: str) -> None:
    """Print a line about MongoDB to standard error."""
    errors().print(clean(line))


def ask_before_adding(database: Database[Document]) -> None:
    """Ask for confirmation, unless the database is empty.

    Raises:
        Declined: the answer is no.
        UsageError: standard input has ended.
    """
    stored = {kind: database[kind.collection].estimated_document_count() for kind in Kind}
    if any(stored.values()):
        ask(f"{database.name} holds {show_counts(stored)}. Add the demo data?")


def add(
    database: Database[Document],
    days: int,
    users: int,
    now: datetime,
    collections: Collection[str] = ALL,
) -> Filling:
    """Store the demo's missing documents, with a progress bar on a terminal."""
    with progress_bar() as progress:
        task = progress.add_task("Filling", total=users)
        for filling in fill(database, days, users, now, collections):
            stored = sum(filling.stored.values())
            description = f"{show_number(stored)} documents"
            progress.update(task, completed=filling.users, description=description)
    return filling


def progress_bar() -> Progress:
    """Return a progress bar on standard error, with the remaining time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn("[progress.percentage]{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=errors(),
        transient=True,
        redirect_stdout=False,
        disable=not sys.stderr.isatty(),
    )


def refill(
    database: Database[Document], settings: Settings, days: int, users: int, now: datetime
) -> Filling:
    """Drop the demo's own database and fill it. Indexes come last, which is faster."""
    database.client.drop_database(database.name)
    filling = add(database, days, users, now)
    with working("Creating the indexes"):
        create_indexes(database, settings)
    return filling


def create_indexes(database: Database[Document], settings: Settings) -> None:
    """Create the indexes, those of a collection by one command, for which MongoDB reads it once."""
    for collection, steps in groupby(plan(database, settings), key=attrgetter("collection")):
        commands = [step.command for step in steps if step.command]
        indexes = [index for command in commands for index in command["indexes"]]
        database.command("createIndexes", collection, indexes=indexes)
    database[SESSIONS].create_index("messages.message_id")


def print_result(settings: Settings, filling: Filling, *, here: bool) -> None:
    """Print the counts of stored documents."""
    name, counts = settings.mongodb_database, show_counts(filling.stored)
    print_line(f"Stored {counts} of {show_number(filling.users)} users in {name}.")
    if here:
        print_line("Earlier data was kept. If there are no indexes yet, run `insights setup`.")
        print_line("Sessions and users were left out: those collections are the application's.")
    print_line("")


def serve(settings: Settings, *, with_chat: bool) -> None:
    """Serve the dashboard and the chat until Ctrl-C, which is no error here."""
    chat = running_chat(settings) if with_chat else nullcontext()
    with suppress(KeyboardInterrupt, Ended), chat as url:
        # The server imports the libraries that draw charts, which takes long.
        server = importlib.import_module("insights.pages.server")
        if url:
            print_line(f"The chat is at {url}: the dashboard shows each vote at once.")
            webbrowser.open(url)
        port = free_port(server.PORT)
        server.serve(settings, port=port, say=print_line, warn=print_error, open_browser=True)
