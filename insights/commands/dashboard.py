"""`insights dashboard`: one page with charts, as a file or served and kept current."""

import webbrowser
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
from insights.queries.periods import parse_period
from insights.settings import Settings, read_settings
from insights.terminal.advice import advise_setup
from insights.terminal.console import print_error, print_line
from insights.terminal.left_out import tell_left_out
from insights.terminal.options import Since, Until

FILE = Path("dashboard.html")

Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help=f"Where to write the page: {FILE} unless said otherwise."),
]
Serve = Annotated[
    bool,
    typer.Option("--serve", help="Serve the page to this computer, current without a reload."),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        metavar="PORT",
        help=f"Where to serve it: {server.PORT} unless said otherwise, 0 for any free port.",
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def dashboard(
    since: Since = "30d",
    until: Until = None,
    out: Out = None,
    serve: Serve = False,
    port: Port = None,
    open_: Open = False,
) -> None:
    """Make a page with charts, or serve it.

    It shows whether answers are getting better, which are worst, and what came before. It needs
    no network and no other file. With --serve it is not written, but served until Ctrl-C, and
    follows what arrives in MongoDB. Only this computer can reach it, at an address with a token
    that its other users do not know. On a computer that you share, do not use --open: while the
    browser starts, others can read the address in the list of processes.

    Examples:
        insights dashboard --since 90d --out report.html
        insights dashboard --serve --open
    """
    if serve and out:
        raise UsageError("--out is for a file, and --serve writes none")
    if port is not None and not serve:
        raise UsageError("--port is for --serve")
    settings = read_settings()
    if serve:
        chosen = server.PORT if port is None else port
        server.serve(
            settings,
            since,
            until,
            chosen,
            say=print_line,
            warn=print_error,
            open_browser=open_,
        )
    else:
        write(settings, since, until, out or FILE)
        if open_:
            webbrowser.open((out or FILE).resolve().as_uri())


def write(settings: Settings, since: str | None, until: str | None, path: Path) -> None:
    """Write the page into a file, and print where it is.

    Raises:
        NoData: there is nothing to show.
        FileNotWritable: the file cannot be written.
    """
    now = datetime.now(UTC)
    period = parse_period(since, until, now)
    with open_database(settings) as database:
        advise_setup(database, settings)
        made = create_dashboard(database, settings, period, now)
    if made.summary.is_empty:
        tell_left_out(made.left_out)
        raise nothing_found(period, now)
    write_page(made, path)
    if path != STANDARD_OUTPUT:
        print_line(str(path))
