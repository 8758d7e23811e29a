"""`insights dashboard`: a page of charts, written to a file or served live."""

import webbrowser
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from insights.errors import UsageError
from insights.figures.verdicts import nothing_found
from insights.mongodb.connection import open_database
from insights.output_files import STANDARD_OUTPUT
from insights.pages import server
from insights.pages.dashboard import create_dashboard, write_page
from insights.queries.attributes import Attribute, parse_attribute
from insights.queries.filters import Selection, to_filters
from insights.queries.periods import parse_period
from insights.settings import Settings, read_settings
from insights.terminal.advice import advise_setup
from insights.terminal.console import print_error, print_line
from insights.terminal.left_out import tell_left_out
from insights.terminal.selections import selects
from insights.terminal.working import working
from insights.wording import show_period

FILE = Path("dashboard.html")

By = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD",
        help="Compare ratings by a field, as `insights compare` does. Repeatable.",
        show_default="message.model",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Output file, or - for standard output.", show_default=str(FILE)
    ),
]
Serve = Annotated[
    bool,
    typer.Option("--serve", help="Serve the page on this computer, and update it live."),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        metavar="PORT",
        help="Port for --serve, or 0 for any free one.",
        show_default=str(server.PORT),
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


@selects(but=("message",), since="30d")
def dashboard(
    selection: Selection,
    by: By = None,
    out: Out = None,
    serve: Serve = False,
    port: Port = None,
    open_: Open = False,
) -> None:
    """Write a page of charts, or serve it live.

    The page shows the trend of the ratings, the worst-rated messages, and the events before
    negative ratings. With MESSAGE_LOOKUP, it compares the models of the messages that have a field
    `model`, unless --by names other fields. The file opens offline and needs no other file.

    --serve serves the page until Ctrl-C and updates it as data arrives. The page has a form for the
    period, the filters and the fields to compare by, which are at first those of the options. The
    server listens on loopback only, at an address with a secret token. Do not combine it with
    --open on a shared computer: other users can read the address in the list of processes while the
    browser starts.

    Examples:
        insights dashboard --since 90d --out report.html
        insights dashboard --by user.plan --by details.page
        insights dashboard --serve --open
    """
    if serve and out:
        raise UsageError("--out cannot be used with --serve, which writes no file")
    if port is not None and not serve:
        raise UsageError("--port needs --serve")
    settings = read_settings()
    attributes = [parse_attribute(each, settings) for each in by or ()]
    if serve:
        chosen = server.PORT if port is None else port
        server.serve(
            settings,
            selection,
            chosen,
            by or (),
            say=print_line,
            warn=print_error,
            open_browser=open_,
        )
    else:
        write(settings, selection, attributes, out or FILE)
        if open_:
            webbrowser.open((out or FILE).resolve().as_uri())


def write(
    settings: Settings, selection: Selection, attributes: Sequence[Attribute], path: Path
) -> None:
    """Write the page to a file, and print its path; without data, one that says what to do.

    Raises:
        FileNotWritable: the file cannot be written.
    """
    now = datetime.now(UTC)
    period = parse_period(selection.since, selection.until, now)
    filters = to_filters(selection, settings, now)
    with open_database(settings) as database:
        advise_setup(database, settings)
        with working(f"Reading feedback and events {show_period(period, now)}"):
            made = create_dashboard(database, settings, filters, period, now, attributes)
    if made.summary.is_empty:
        tell_left_out(made.left_out)
        print_error(str(nothing_found(period, now, filters.options)))
    write_page(made, path)
    if path != STANDARD_OUTPUT:
        print_line(str(path))
