"""What `insights feedback` and `insights events` share: the newest documents, shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo.cursor import Cursor

from insights.errors import NoData
from insights.kinds import Document, Kind
from insights.mongodb.connection import open_database
from insights.queries.documents import newest, to_plain
from insights.queries.filters import Selection, to_filter
from insights.settings import read_settings
from insights.terminal.console import print_json, print_rows
from insights.wording import show_time


@dataclass(frozen=True)
class Layout:
    """A table's columns, and the cells that a document has in them."""

    columns: Sequence[str]
    cells: Callable[[Document], Sequence[str]]


def print_newest(
    kind: Kind, selection: Selection, limit: int, layout: Layout, *, as_json: bool
) -> None:
    """Print at most `limit` documents, newest first, as a table or as lines of JSON.

    Raises:
        NoData: there is none.
    """
    settings = read_settings()
    condition = to_filter(kind, selection, settings, datetime.now(UTC))
    with open_database(settings) as database:
        found = newest(database, kind, condition, limit)
        printed = print_lines(kind, found) if as_json else print_table(layout, found)
    if not printed:
        raise NoData(f"no {kind} yet" if selection == Selection() else "nothing matches")


def print_lines(kind: Kind, found: Cursor[Document]) -> int:
    """Print each document as a line of JSON as it comes; return how many there are."""
    number = 0
    for number, document in enumerate(found, start=1):  # noqa: B007 (the last one counts)
        print_json(to_plain(kind, document))
    return number


def print_table(layout: Layout, found: Cursor[Document]) -> int:
    """Print the documents as one table; return how many there are."""
    rows = [layout.cells(document) for document in found]
    if rows:
        print_rows(layout.columns, rows)
    return len(rows)


def time_of(document: Document) -> str:
    """Return when a document was stored, if whoever else writes to the collection says so."""
    time = document.get("timestamp")
    return show_time(time) if isinstance(time, datetime) else ""
