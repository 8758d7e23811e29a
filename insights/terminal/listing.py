"""What `insights feedback` and `insights events` share: the newest documents, shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from bson.datetime_ms import DatetimeMS
from pymongo.cursor import Cursor

from insights.errors import NoData
from insights.kinds import Document, Field, Kind, Type
from insights.mongodb.connection import open_database
from insights.queries.documents import as_text, newest, plain_value, to_plain
from insights.queries.far_dates import far_iso_time
from insights.queries.filters import Selection, to_filter
from insights.settings import read_settings
from insights.terminal.console import print_json, print_rows
from insights.terminal.left_out import tell_undated
from insights.wording import show_time


@dataclass(frozen=True)
class Layout:
    """A table of documents: the headings of the fields that it names, the last of which is long.

    Fields that it does not name have a column before the last.
    """

    kind: Kind
    headings: Mapping[str, str]

    @cached_property
    def columns(self) -> dict[str, Field]:
        """The field in each column, by the heading."""
        fields = {field.name: field for field in self.kind.fields}
        *first, last = ((heading, fields[name]) for name, heading in self.headings.items())
        further = self.kind.further_fields(self.headings)
        return dict([*first, *((heading_of(each), each) for each in further), last])

    def cells(self, document: Document) -> list[str]:
        """Return what a document has in each column."""
        return [cell(field, document) for field in self.columns.values()]


def heading_of(field: Field) -> str:
    """Return the heading of a field, from its name."""
    return field.name.replace("_", " ").capitalize()


def cell(field: Field, document: Document) -> str:
    """Return what a document has in a field; other programs may have stored something else."""
    match field.type:
        case Type.TIME:
            return show_any_time(document.get(field.name))
        case Type.JSON:
            value = document.get(field.name, {})
            return "" if value == {} else json.dumps(plain_value(value), ensure_ascii=False)
        case _:
            return as_text(document.get(field.name))


def show_any_time(value: object) -> str:
    """Return a time to the minute, and what another program stored instead as it is."""
    match value:
        case datetime():
            return show_time(value)
        case DatetimeMS():
            return far_iso_time(value).replace("T", " ").rpartition(":")[0]
        case _:
            return as_text(value)


def print_newest(layout: Layout, selection: Selection, limit: int, *, as_json: bool) -> None:
    """Print at most `limit` documents, newest first, as a table or as lines of JSON.

    Raises:
        NoData: there is none.
    """
    kind, settings, now = layout.kind, read_settings(), datetime.now(UTC)
    condition = to_filter(kind, selection, settings, now)
    with open_database(settings) as database:
        found = newest(database, kind, condition, limit)
        printed = print_lines(kind, found) if as_json else print_table(layout, found)
        tell_undated(database, kind, selection, settings, now)
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
        print_rows([*layout.columns], rows)
    return len(rows)
