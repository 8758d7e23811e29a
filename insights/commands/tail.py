"""`insights tail`: stream feedback and events as they arrive."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer
from bson.datetime_ms import DatetimeMS
from rich.text import Text

from insights.arrivals.changes import Change, Connection, polling_notice
from insights.arrivals.streams import changes
from insights.errors import UsageError
from insights.kinds import Document, Field, Kind, Type
from insights.queries.documents import as_text, list_text, plain_value, to_plain
from insights.queries.far_dates import far_iso_time
from insights.queries.filters import Filter, Selection, system_ids, to_filter
from insights.settings import Settings, read_settings
from insights.terminal.blocks import user_text
from insights.terminal.console import UNBOUNDED, is_bounded, output, print_error, print_json
from insights.terminal.lines import INDENT, pack, print_lines, words
from insights.terminal.options import AsJson
from insights.terminal.selections import selects

NOTICES = {
    Connection.LOST: "MongoDB stopped answering; waiting for it",
    Connection.RESUMED: "MongoDB is back; resuming where it stopped",
}

NAMES = {Kind.FEEDBACK: "feedback", Kind.EVENTS: "event"}

# The fields at the start of each line, and the long one at its end.
SHOWN = {
    Kind.FEEDBACK: (("user_id", "message_id", "rating"), "comment"),
    Kind.EVENTS: (("user_id", "event_type"), "details"),
}

KindArgument = Annotated[
    Kind | None,
    typer.Argument(metavar="KIND", help="Kind of documents to print.", show_default="both"),
]


@selects(but=("since", "until"))
def tail(
    selection: Selection,
    kind: KindArgument = None,
    as_json: AsJson = False,
) -> None:
    """Stream feedback and events as they arrive, until Ctrl-C.

    Marks feedback that replaces an earlier one or is withdrawn. After a restart of MongoDB, tail
    resumes where it stopped. On servers without change streams, it polls every second.

    Examples:
        insights tail
        insights tail feedback --rating negative
        insights tail events --where details.page=/dashboard --json
    """
    settings = read_settings()
    filters = to_filters([kind] if kind else list(Kind), selection, settings)
    without = ", without system users" if system_ids(selection, settings) else ""

    def tell(connection: Connection, why: str) -> None:
        if connection is Connection.LEFT_OUT:
            print_error(why)
            return
        if connection is Connection.POLLING:
            print_error(polling_notice(why))
        watching = f"watching {' and '.join(filters)}{without} (times in UTC, Ctrl-C to stop)"
        print_error(NOTICES.get(connection, watching))

    with closing(changes(settings, filters, tell)) as arriving:
        for change in arriving:
            print_as_json(change) if as_json else print_as_line(change)


def to_filters(
    kinds: Sequence[Kind], selection: Selection, settings: Settings
) -> dict[Kind, Filter]:
    """Return the filter of each kind, without kinds that an option does not apply to.

    Raises:
        UsageError: no kind is left, or a condition is not valid.
    """
    filters: dict[Kind, Filter] = {}
    refusals: list[UsageError] = []
    for kind in kinds:
        try:
            filters[kind] = to_filter(kind, selection, settings, datetime.now(UTC))
        except UsageError as refusal:
            refusals.append(refusal)
    if not filters:
        raise refusals[0]
    return filters


def print_as_json(change: Change) -> None:
    """Print a change as a line of JSON, and flush it for pipes."""
    metadata = {"kind": change.kind, "updated": change.updated}
    print_json(metadata | to_plain(change.kind, change.document))
    sys.stdout.flush()


def print_as_line(change: Change) -> None:
    """Print a change as a line; one that is wider than the terminal, as several."""
    console = output()
    print_lines(console, to_lines(change, console.width if is_bounded(console) else UNBOUNDED))


def to_lines(change: Change, width: int = UNBOUNDED) -> list[Text]:
    """Return the lines for a change. Long texts are shortened if the width is bounded."""
    return pack(parts_of(change, bounded=width < UNBOUNDED), width, INDENT)


def parts_of(change: Change, *, bounded: bool) -> Iterator[Text]:
    """Yield the time of a change in UTC, its kind, and its fields."""
    document = change.document
    fields, long = SHOWN[change.kind]
    yield Text(f"{time_of_day(document.get('timestamp'))} ", "dim")
    yield Text(f"{NAMES[change.kind]:8} ", "cyan")
    is_withdrawn = change.kind is Kind.FEEDBACK and document.get("rating") is None
    shown = [field for field in fields if field != "rating" or not is_withdrawn]
    texts = [as_text(document.get(field)) for field in shown]
    others = change.kind.other_fields({*fields, long})
    texts += filter(None, (other_text(field, document) for field in others))
    yield from (user_text(f"{text} ") for text in texts)
    if is_withdrawn or change.updated:
        yield Text("(withdrawn) " if is_withdrawn else "(updated) ", "yellow")
    # Quotes and braces keep it apart from the other fields.
    if value := plain_value(document.get(long)):
        text = json.dumps(value, ensure_ascii=False)
        yield from words(user_text(text, "dim", bounded=bounded))


def time_of_day(time: object) -> str:
    """Return the time of day in UTC, or the whole time where it is years away."""
    match time:
        case datetime():
            return f"{time:%H:%M:%S}"
        case DatetimeMS():
            return far_iso_time(time)
        case _:
            return "no date "


def other_text(field: Field, document: Document) -> str:
    """Return a list as `[wrong, outdated]`, other values as `name=value`, and null as nothing."""
    value = document.get(field.name)
    if field.type is Type.LIST:
        return list_text(value)
    plain = json.dumps(plain_value(value), ensure_ascii=False)
    return "" if value is None else f"{field.name}={plain}"
