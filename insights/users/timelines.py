"""The timeline of one user: feedback and events in one sequence, newest first.

Where `MESSAGE_LOOKUP` is set, the messages that they refer to are part of it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice

from bson.datetime_ms import DatetimeMS
from pymongo import DESCENDING
from pymongo.database import Database

from insights.exports.details import field_name
from insights.kinds import Document, Kind
from insights.messages.records import Message, Unreadable, find_messages
from insights.messages.texts import is_users
from insights.queries.documents import LARGEST_LIMIT, as_text, iso_time, plain_value
from insights.queries.filters import all_of, standing
from insights.queries.left_out import LeftOut, not_counted, withdrawn
from insights.queries.periods import Period
from insights.queries.scopes import Scope
from insights.settings import Settings
from insights.users.ids import of_user

# The number of entries whose messages are looked up together.
TOGETHER = 100

# The field that names an entry, and the long text of a feedback.
TITLES = {Kind.FEEDBACK: "rating", Kind.EVENTS: "event_type"}
WITHOUT_TITLE = {Kind.FEEDBACK: "(no rating)", Kind.EVENTS: "(no type)"}
NAMED = {"user_id", "rating", "event_type", "details", "comment"}

ORDER = {
    Kind.FEEDBACK: [("timestamp", DESCENDING)],
    # The _id sorts the events of a batch, which often share a millisecond.
    Kind.EVENTS: [("timestamp", DESCENDING), ("_id", DESCENDING)],
}

DATED = {"timestamp": {"$type": "date"}}

# A text that needs no quotes in `key=value`.
PLAIN = re.compile(r'[^\s"=]+')


@dataclass(frozen=True)
class Entry:
    """A feedback or an event, which has a date.

    `message` is the message that it refers to, if that is known and no newer entry has it.
    """

    kind: Kind
    document: Document
    message: Message | None = None

    @property
    def time(self) -> str:
        """The time as `2026-11-01T09:30:00.000Z`."""
        return iso_time(self.document["timestamp"])

    @property
    def day(self) -> str:
        """The day in UTC, as `2026-11-01`."""
        return self.time.partition("T")[0]

    @property
    def time_of_day(self) -> str:
        """The time of day in UTC, as `09:30:00`."""
        return self.time.partition("T")[2][:8]

    @property
    def title(self) -> str:
        """The rating, or the type of the event."""
        return as_text(self.document.get(TITLES[self.kind])) or WITHOUT_TITLE[self.kind]

    @property
    def comment(self) -> str:
        """The comment of a feedback, or an empty text."""
        return as_text(self.document.get("comment")) if self.kind is Kind.FEEDBACK else ""

    @property
    def details(self) -> str:
        """The details of an event and all other fields, as `page=/chat seconds=5`.

        Keys are quoted as `--where` takes them.
        """
        details = self.document.get("details") if self.kind is Kind.EVENTS else None
        fields = details if isinstance(details, dict) else {"details": details}
        others = {each.name: self.document.get(each.name) for each in self.kind.other_fields(NAMED)}
        pairs = [*fields.items(), *others.items()]
        return " ".join(
            f"{field_name('', key)}={compact(value)}" for key, value in pairs if value is not None
        )

    @property
    def message_id(self) -> object:
        """The id of the message that the entry refers to, of any type, or None."""
        fields = self.document if self.kind is Kind.FEEDBACK else self.document.get("details")
        return fields.get("message_id") if isinstance(fields, dict) else None

    @property
    def texts(self) -> list[tuple[str, str]]:
        """The known texts of the message, each with its name: `asked` or `answered`."""
        if self.message is None:
            return []
        own = "asked" if is_users(self.message.record) else "answered"
        named = [("asked", self.message.question), (own, self.message.text)]
        return [(name, text) for name, text in named if text]


@dataclass(frozen=True)
class Timeline:
    """The timeline of a user in a period: at most `limit` entries, read as they are consumed.

    `counts` has all dated documents of the period by kind, `left_out` those without a date and
    withdrawn feedback. If the messages cannot be read, reading the entries adds the reason to
    `notes`.
    """

    user_id: str
    period: Period
    limit: int
    counts: dict[Kind, int]
    left_out: list[LeftOut]
    entries: Iterator[Entry]
    notes: list[str]

    @property
    def is_empty(self) -> bool:
        """Whether the period has no entries."""
        return not any(self.counts.values())

    @property
    def is_cut(self) -> bool:
        """Whether there are older entries than the limit allows."""
        return sum(self.counts.values()) > self.limit


def find_timeline(
    database: Database[Document], settings: Settings, user_id: str, period: Period, limit: int
) -> Timeline:
    """Return the timeline of a user, whose id may be stored with another type."""
    limit = min(limit, LARGEST_LIMIT)
    dates_only = replace(period, dates_only=True)
    notes: list[str] = []
    own = of_user(user_id)
    scopes = [Scope(database, kind, dates_only, all_of(own, standing(kind))) for kind in Kind]
    not_used = [left_out for each in scopes for left_out in not_counted(each, period)]
    not_used += withdrawn(database, all_of(period.condition(), own))
    return Timeline(
        user_id,
        period,
        limit,
        {each.kind: count_dated(each) for each in scopes},
        not_used,
        with_messages(database, settings, islice(entries(scopes, limit), limit), notes),
        notes,
    )


def count_dated(scope: Scope) -> int:
    """Return the number of documents with a date."""
    return scope.database[scope.kind.collection].count_documents(scope.condition(DATED))


def entries(scopes: Sequence[Scope], limit: int) -> Iterator[Entry]:
    """Return the feedback and events, newest first. Of each kind at most `limit` are read."""
    each_kind = (entries_of(scope, limit) for scope in scopes)
    return merge(*each_kind, key=milliseconds, reverse=True)


def entries_of(scope: Scope, limit: int) -> Iterator[Entry]:
    """Yield at most `limit` documents of a kind, newest first."""
    found = scope.database[scope.kind.collection].find(scope.condition(DATED))
    yield from (Entry(scope.kind, each) for each in found.sort(ORDER[scope.kind]).limit(limit))


def milliseconds(entry: Entry) -> int:
    """Return the time of an entry, which may be outside the range of `datetime`."""
    time = entry.document["timestamp"]
    return int(time if isinstance(time, DatetimeMS) else DatetimeMS(time))


def with_messages(
    database: Database[Document], settings: Settings, found: Iterator[Entry], notes: list[str]
) -> Iterator[Entry]:
    """Yield the entries, each message with the first of those that refer to it.

    If the messages cannot be read, the reason is added to `notes`.
    """
    shown: set[str] = set()
    while together := list(islice(found, TOGETHER)):
        ids = [each.message_id for each in together if as_text(each.message_id) not in shown]
        messages: dict[str, Message] = {}
        try:
            messages |= {} if notes else find_messages(database, settings, ids)
        except Unreadable as error:
            notes.append(str(error))
        shown |= messages.keys()
        for each in together:
            yield replace(each, message=messages.pop(as_text(each.message_id), None))


def compact(value: object) -> str:
    """Return a plain text as it is, any other value as JSON."""
    plain = plain_value(value)
    if isinstance(plain, str) and PLAIN.fullmatch(plain):
        return plain
    return json.dumps(plain, ensure_ascii=False)
