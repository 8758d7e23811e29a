"""Suggestions for the form of the dashboard's server, from the newest documents."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.exports.details import DETAILS, field_name
from insights.exports.tables import to_parts
from insights.kinds import Document, Kind
from insights.messages.records import Unreadable, find_messages
from insights.messages.texts import text_fields
from insights.queries.attributes import Root
from insights.queries.documents import as_text, newest
from insights.queries.filters import Filter
from insights.queries.sentiment import Sentiment
from insights.settings import Settings
from insights.wording import LONG_NAME

# The newest documents that are looked at, of each kind and of the application's.
SAMPLE = 200
FEW = 20

SHOWN = 40

DATED: Filter = {"timestamp": {"$type": "date"}}


@dataclass(frozen=True)
class Suggestions:
    """Values for the fields of the form, the most frequent first."""

    ratings: Sequence[str] = tuple(Sentiment)
    event_types: Sequence[str] = ()
    fields: Sequence[str] = ()
    conditions: Sequence[str] = ()


def suggest(database: Database[Document], settings: Settings) -> Suggestions:
    """Return suggestions from the newest documents."""
    feedback, events = ([*newest(database, kind, DATED, SAMPLE)] for kind in Kind)
    details = [{DETAILS: each[DETAILS]} for each in events if isinstance(each.get(DETAILS), dict)]
    values = [
        (part.name, as_text(value))
        for part in to_parts(details, flattened=True)
        for value in part.values
        if is_short(value)
    ]
    values += message_values(database, settings, feedback[:FEW])
    fields = [*(name for name, _ in values), *user_fields(database, settings)]
    return Suggestions(
        (*Sentiment, *frequent(texts_of("rating", feedback), tuple(Sentiment))),
        frequent(texts_of("event_type", events)),
        frequent(fields),
        frequent(f"{name}={value}" for name, value in repeated(values)),
    )


def texts_of(field: str, documents: Iterable[Document]) -> Iterator[str]:
    """Yield the texts of a field."""
    yield from (each[field] for each in documents if isinstance(each.get(field), str))


def frequent(values: Iterable[str], without: Sequence[str] = ()) -> list[str]:
    """Return the most frequent values."""
    counted = Counter(each for each in values if len(each) > 0 and each not in without)
    return [value for value, _ in counted.most_common(SHOWN)]


def repeated(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the pairs that occur again, unlike ids."""
    counts = Counter(pairs)
    yield from (each for each in pairs if counts[each] > 1)


def is_short(value: object) -> bool:
    """Say whether a value is a short text, or a number."""
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) <= LONG_NAME)


def message_values(
    database: Database[Document], settings: Settings, feedback: Sequence[Document]
) -> Iterator[tuple[str, str]]:
    """Yield the fields of rated messages with their values, except their texts."""
    with suppress(Unreadable):
        ids = [each.get("message_id") for each in feedback]
        for each in find_messages(database, settings, ids).values():
            yield from values_of(Root.MESSAGE, each.record, text_fields(settings))


def user_fields(database: Database[Document], settings: Settings) -> Iterator[str]:
    """Yield the fields of some users."""
    collection, _, path = (settings.user_lookup or "").partition(".")
    with suppress(OperationFailure):
        for each in database[collection].find(limit=FEW) if collection else ():
            yield from (name for name, _ in values_of(Root.USER, each, [path]))


def values_of(root: Root, record: Document, but: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the names of a record's short fields, and their values."""
    for key, value in record.items():
        if key not in but and is_short(value):
            yield field_name(root, key), as_text(value)
