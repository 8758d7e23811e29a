"""`insights export`: export feedback or events to a file."""

import gc
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from insights.errors import UsageError
from insights.exports.formats import Format, format_of
from insights.exports.formats import export as write_export
from insights.exports.sources import Batch, Source
from insights.kinds import Kind
from insights.messages.rated import RatedMessages, require_lookup
from insights.mongodb.connection import open_database
from insights.output_files import STANDARD_OUTPUT, open_output
from insights.queries.filters import Selection, all_of, to_filter
from insights.queries.message_filters import message_filters, split_selection
from insights.settings import Settings, read_settings
from insights.signals import cleaning_up
from insights.terminal.console import errors, print_error
from insights.terminal.counts import show_count
from insights.terminal.left_out import tell_not_selected
from insights.terminal.options import Messages
from insights.terminal.selections import selects
from insights.wording import clean, show_number

# More than a batch has.
OBJECTS_BEFORE_COLLECTION = 50_000

# Seconds. Each part of a reply needs Python's lock, and a batch is converted in a few milliseconds.
SWITCH_INTERVAL = 0.0005

KindArgument = Annotated[Kind, typer.Argument(metavar="KIND", help="Kind of documents to export.")]
Out = Annotated[
    Path,
    typer.Option(metavar="FILE", readable=False, help="Output file, or - for standard output."),
]
FileFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="File format: csv, jsonl or parquet.",
        show_default="by the extension of FILE",
    ),
]
Flatten = Annotated[
    bool,
    typer.Option("--flatten", help="Write each key of details as a column (details.page)."),
]


Bom = Annotated[
    bool,
    typer.Option("--bom", help="Begin CSV with a byte order mark, by which Excel knows UTF-8."),
]


@selects()
def export(
    kind: KindArgument,
    selection: Selection,
    out: Out,
    file_format: FileFormat = None,
    flatten: Flatten = False,
    bom: Bom = False,
    messages: Messages = False,
) -> None:
    """Export feedback or events to a file, oldest first.

    FILE appears only once the export is complete. In CSV, an apostrophe precedes text that a
    spreadsheet would run as a formula. CSV and Parquet have fields that only other programs store
    after the known ones. With --flatten, the rarest of more than 1,000 keys share the column
    details. With --messages, feedback has the columns message_text and question, from the
    collection that MESSAGE_LOOKUP names.

    Examples:
        insights export feedback --out feedback.csv --since 30d
        insights export feedback --out answers.csv --rating negative --messages
        insights export events --out events.parquet --flatten
        insights export events --event-type search --format jsonl --out - | gzip > searches.gz
    """
    settings, now = read_settings(), datetime.now(UTC)
    selection, on_messages = split_selection(kind, selection, settings, now)
    condition = to_filter(kind, selection, settings, now)
    chosen = file_format or format_of(out)
    check_options(kind, out, chosen, flatten=flatten)
    if bom and chosen is not Format.CSV:
        raise UsageError("--bom is for CSV")
    if messages:
        check_messages(kind, settings)
    # Documents have no cycles, but so many objects that Python would look for some all the time.
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    # The thread that reads ahead waits at most that long for the one that converts.
    sys.setswitchinterval(SWITCH_INTERVAL)
    with open_database(settings) as database, cleaning_up(), open_output(out) as file:
        rated = RatedMessages(database, settings) if messages else None
        condition = all_of(condition, *message_filters(database, condition, on_messages))
        source = Source(database, kind, condition, rated=rated)
        tell_not_selected(database, kind, selection, settings, now)
        with progress_bar(shown=sys.stderr.isatty() and not writes_to_terminal(out)) as progress:
            watched = partial(watch, progress)
            count = write_export(
                *(source, file, chosen, watched),
                flattened=flatten,
                marked=bom,
                rewindable=out != STANDARD_OUTPUT,
            )
    for note in rated.notes() if rated else ():
        print_error(note)
    destination = "" if out == STANDARD_OUTPUT else f" to {out}"
    errors().print(clean(f"{show_count(count, kind)} exported{destination}"))


def check_options(kind: Kind, out: Path, file_format: Format, *, flatten: bool) -> None:
    """Refuse options that exclude each other.

    Raises:
        UsageError: these do.
    """
    if flatten and kind is Kind.FEEDBACK:
        raise UsageError("--flatten cannot be used with feedback, which has no details")
    if file_format is Format.PARQUET and writes_to_terminal(out):
        raise UsageError("Parquet is binary: write it to a file with --out, or redirect the output")


def check_messages(kind: Kind, settings: Settings) -> None:
    """Refuse --messages for events, and without the collection of the messages.

    Raises:
        UsageError: there are no messages to read.
    """
    if kind is not Kind.FEEDBACK:
        raise UsageError(f"--messages cannot be used with {kind}, which rate no messages")
    require_lookup(settings)


def writes_to_terminal(out: Path) -> bool:
    """Say whether the export goes to a terminal."""
    return out == STANDARD_OUTPUT and sys.stdout.isatty()


def progress_bar(*, shown: bool) -> Progress:
    """Return a progress bar on standard error, with the speed and the remaining time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn("[progress.percentage]{task.percentage:>3.0f} %"),
        RateColumn(),
        TimeRemainingColumn(),
        console=errors(),
        transient=True,
        redirect_stdout=False,
        disable=not shown,
    )


def watch(
    progress: Progress, text: str, source: Source, batches: Iterator[Batch]
) -> Iterator[Batch]:
    """Yield the batches of a source, and show the progress under the description `text`."""
    task = progress.add_task(text, total=None)
    if not progress.disable:
        # Shown while the documents are counted, which may take long.
        progress.update(task, total=source.count())
    for batch in batches:
        yield batch
        progress.advance(task, len(batch))


class RateColumn(ProgressColumn):
    """The number of documents per second."""

    def render(self, task: Task) -> Text:
        """Return `12,345/s`."""
        return Text(f"{show_number(round(task.speed or 0))}/s")
