"""The pages that list feedback or events, newest first, for a rating or an event type."""

import shlex
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.messages.records import Unreadable, find_messages
from insights.pages.dashboard import source, templates
from insights.pages.forms import Form
from insights.pages.links import PROGRAM
from insights.pages.questions import Question
from insights.queries.documents import as_text, iso_time, newest
from insights.queries.filters import option, to_filters
from insights.queries.left_out import LeftOut, not_counted, not_selected, usable_scope
from insights.queries.message_filters import with_message_filters
from insights.queries.periods import Period, parse_period
from insights.queries.scopes import Scope
from insights.settings import Settings
from insights.users.ids import text_of
from insights.users.timelines import Entry
from insights.wording import plural, show_number, show_period

ENTRIES = 50

# The parameter of the link to older ones.
BEFORE = "before"

# The documents of one millisecond are on one page, such as the events of a batch.
MOST_TOGETHER = 1000

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Listing:
    """A page of a list. If there are older documents, the next page begins `before` a time.

    `total` has the number of documents in the whole list, `left_out` those that no figure counts.
    `notes` say what is missing.
    """

    kind: Kind
    period: str
    total: str
    left_out: list[LeftOut]
    entries: list[Entry]
    before: datetime | None
    notes: list[str]


def find_listing(  # noqa: PLR0913, PLR0917 (each is part of the question)
    database: Database[Document],
    settings: Settings,
    question: Question,
    kind: Kind,
    before: datetime | None,
    now: datetime,
) -> Listing:
    """Return the page of a list that begins before a time, or at its beginning."""
    filters = to_filters(question.selection, settings, now)
    asked = parse_period(question.selection.since, question.selection.until, now)
    if kind is Kind.FEEDBACK:
        filters = with_message_filters(database, filters, asked, now)
    whole = usable_scope(database, kind, filters, asked.so_far(now))
    notes: list[str] = []
    shown, next_before = page_of(whole, before or whole.period.end, notes)
    return Listing(
        kind,
        show_period(whole.period, now),
        total_of(whole),
        [*not_counted(whole, asked), *not_selected(database, filters, whole.period, [kind])],
        with_messages(database, settings, [Entry(kind, each) for each in shown], notes),
        next_before,
        notes,
    )


def total_of(whole: Scope) -> str:
    """Return the number of documents in a list."""
    count = whole.count()
    return plural(count, "event") if whole.kind is Kind.EVENTS else f"{show_number(count)} feedback"


def page_of(
    whole: Scope, before: datetime, notes: list[str]
) -> tuple[list[Document], datetime | None]:
    """Return the documents of a page, and the time before which the next one begins."""
    found = newest_in(whole, Period(whole.period.since, min(before, whole.period.end)), ENTRIES + 1)
    if len(found) <= ENTRIES:
        return found, None
    last = found[ENTRIES - 1]["timestamp"]
    together = newest_in(whole, Period(last, last + MILLISECOND), MOST_TOGETHER + 1)
    if len(together) > MOST_TOGETHER:
        notes.append(f"More than {MOST_TOGETHER:,} have the same time, and only as many are shown")
    newer = [each for each in found if each["timestamp"] > last]
    return [*newer, *together[:MOST_TOGETHER]], last


def newest_in(whole: Scope, period: Period, limit: int) -> list[Document]:
    """Return at most `limit` documents of a part of the period, newest first."""
    condition = whole.during(period).condition()
    return [*newest(whole.database, whole.kind, condition, limit)]


def with_messages(
    database: Database[Document], settings: Settings, entries: list[Entry], notes: list[str]
) -> list[Entry]:
    """Return the entries with the messages that they refer to; their lack is noted."""
    try:
        messages = find_messages(database, settings, [each.message_id for each in entries])
    except Unreadable as error:
        notes.append(str(error))
        return entries
    return [replace(each, message=messages.get(as_text(each.message_id))) for each in entries]


def to_list_page(listing: Listing, form: Form) -> str:
    """Return the page of a list."""
    return (
        templates()
        .get_template("list.html")
        .render(
            listing=listing,
            days=[(day, [*each]) for day, each in groupby(listing.entries, attrgetter("day"))],
            user_of=user_of,
            form=form,
            older=listing.before and older_address(form, listing.before),
            command=command_for_more(form.links.question, listing.kind),
            style=source("style.css"),
        )
    )


def user_of(entry: Entry) -> str:
    """Return the id of an entry's user as text, empty if it can have no timeline."""
    return text_of(entry.document.get("user_id"))


def older_address(form: Form, before: datetime) -> str:
    """Return the address of the next page."""
    return form.links.address(form.path, form.links.question, **{BEFORE: iso_time(before)})


def command_for_more(question: Question, kind: Kind) -> str:
    """Return the command that lists the same."""
    selection = question.about(kind).selection
    period = [*option("--since", selection.since), *option("--until", selection.until)]
    words = " ".join(filter(None, [shlex.join(period), selection.options()]))
    return f"{PROGRAM} {kind} {words}"
