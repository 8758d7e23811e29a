"""Lists of the newest documents, for `insights feedback` and `insights events`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from bson.datetime_ms import DatetimeMS

from insights.errors import NoData
from insights.kinds import Document, Field, Kind, Type
from insights.messages.rated import QUESTION, TEXT, RatedMessages, require_lookup
from insights.mongodb.connection import open_database
from insights.queries.documents import as_text, list_text, newest, plain_value, to_plain
from insights.queries.far_dates import far_iso_time
from insights.queries.filters import Selection, all_of, standing, to_filter
from insights.queries.message_filters import message_filters, split_selection
from insights.settings import read_settings
from insights.terminal.blocks import Block, print_blocks, user_text
from insights.terminal.console import is_bounded, output, print_error, print_json
from insights.terminal.left_out import tell_not_selected
from insights.terminal.tables import print_rows
from insights.terminal.working import awaited
from insights.wording import sortable_time


@dataclass(frozen=True)
class Layout:
    """The headings of a table of documents, by field; the last field is long.

    Fields without a heading here get a column before the last one. Lists need none: they precede
    the last field's text in brackets, because a narrow terminal has no room for more columns.
    """

    kind: Kind
    headings: Mapping[str, str]

    @cached_property
    def columns(self) -> dict[str, Field]:
        """The fields, by heading."""
        fields = {field.name: field for field in self.kind.fields}
        *first, last = ((heading, fields[name]) for name, heading in self.headings.items())
        others = self.kind.other_fields(self.headings)
        further = ((heading_of(each), each) for each in others if each.type is not Type.LIST)
        return dict([*first, *further, last])

    def cells(self, document: Document) -> list[str]:
        """Return the cells of a document's row."""
        *first, last = (cell(field, document) for field in self.columns.values())
        lists = [cell(field, document) for field in self.kind.fields if field.type is Type.LIST]
        return [*first, " ".join(filter(None, [*lists, last]))]

    def block(self, document: Document) -> Block:
        """Return a feedback as a block, with the question and the text of the message."""
        cells = dict(zip(self.columns, self.cells(document), strict=True))
        bounded = is_bounded(output())
        time, rating, *ids = [*self.headings.values()][:-1]
        short = [("", user_text(cells.pop(time))), ("", user_text(cells.pop(rating), "bold"))]
        short += [(name.lower(), user_text(cells.pop(name))) for name in ids]
        texts = {"asked": cell(QUESTION, document), "answered": cell(TEXT, document)} | cells
        long = [(name.lower(), user_text(each, bounded=bounded)) for name, each in texts.items()]
        return Block(short, long)


def heading_of(field: Field) -> str:
    """Return the heading for a field: `Event type` for `event_type`."""
    return field.name.replace("_", " ").capitalize()


def cell(field: Field, document: Document) -> str:
    """Return the cell for a field, whose value another program may have stored with any type."""
    match field.type:
        case Type.TIME:
            return show_any_time(document.get(field.name))
        case Type.JSON:
            value = document.get(field.name, {})
            return "" if value == {} else json.dumps(plain_value(value), ensure_ascii=False)
        case Type.LIST:
            return list_text(document.get(field.name))
        case _:
            return as_text(document.get(field.name))


def show_any_time(value: object) -> str:
    """Return a time to the minute, or the value that another program stored instead."""
    match value:
        case datetime():
            return sortable_time(value)
        case DatetimeMS():
            return far_iso_time(value).replace("T", " ").rpartition(":")[0]
        case _:
            return as_text(value)


def print_newest(
    layout: Layout, selection: Selection, limit: int, *, as_json: bool, messages: bool = False
) -> None:
    """Print at most `limit` documents, newest first, as a table or as lines of JSON.

    With `messages`, each feedback is a block with the texts of its message.

    Raises:
        NoData: no document matches.
        UsageError: there are no messages to read.
    """
    kind, settings, now = layout.kind, read_settings(), datetime.now(UTC)
    plain, on_messages = split_selection(kind, selection, settings, now)
    condition = all_of(to_filter(kind, plain, settings, now), standing(kind))
    if messages:
        require_lookup(settings)
    with open_database(settings) as database:
        condition = all_of(condition, *message_filters(database, condition, on_messages))
        found: Iterable[Document] = newest(database, kind, condition, limit)
        rated = RatedMessages(database, settings)
        if messages:
            found = rated.added_to(found)
        found = awaited(f"Searching {kind}", found)
        if as_json:
            printed = print_lines(kind, found)
        elif messages:
            printed = print_blocks(map(layout.block, found))
        else:
            printed = print_table(layout, found)
        tell_not_selected(database, kind, plain, settings, now)
    for note in rated.notes():
        print_error(note)
    if not printed:
        raise NoData(f"no {kind} yet" if selection == Selection() else "nothing matches")


def print_lines(kind: Kind, found: Iterable[Document]) -> int:
    """Print each document as a line of JSON; return their number."""
    count = 0
    for count, document in enumerate(found, start=1):  # noqa: B007 (returned)
        print_json(to_plain(kind, document))
    return count


def print_table(layout: Layout, found: Iterable[Document]) -> int:
    """Print the documents as one table; return their number."""
    rows = [layout.cells(document) for document in found]
    if rows:
        print_rows([*layout.columns], rows, titles=2)
    return len(rows)
