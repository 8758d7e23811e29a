"""The records of messages in the application's collection, which MESSAGE_LOOKUP names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.errors import Refused
from insights.kinds import Document
from insights.messages.questions import find_questions
from insights.messages.texts import is_users, text_fields, text_in, users_before
from insights.mongodb.servers import ACCESS_DENIED
from insights.queries.documents import as_text
from insights.settings import Settings
from insights.users.ids import LONGEST, of_user, text_of

T = TypeVar("T")

# The ids of one query.
BATCH_SIZE = 1000

# A session may be large, so few are in memory at a time.
SESSIONS = 100


class Unreadable(Refused):
    """The MongoDB user may not read the collection of a lookup."""


@dataclass(frozen=True)
class Message:
    """A message of the application.

    `record` is the innermost object of an array that holds the id, or else the whole document.
    `question` is the text of the user's message before it; a message of the user has none.
    """

    message_id: str
    text: str | None
    question: str | None
    record: Document


class Array:
    """The elements of an array of messages."""

    def __init__(self, elements: list[Any]) -> None:
        self.elements = elements

    @cached_property
    def users_before(self) -> list[object]:
        """The user's message before each element."""
        return users_before(self.elements)


@dataclass(frozen=True)
class Holder:
    """The object that holds an id, and its place in an array, if it is in one."""

    record: Document
    array: Array | None = None
    index: int = 0


Wanted = Mapping[str, Iterable[str]]
"""The ids that were asked for, by the text of a stored id that equals them."""


def find_messages(
    database: Database[Document], settings: Settings, message_ids: Iterable[object]
) -> dict[str, Message]:
    """Return the messages with these ids that exist, by the id as text (`as_text`).

    An id matches as text, number and ObjectId. Ids too long for any feedback match nothing; without
    MESSAGE_LOOKUP, no id does. Each 1,000 ids take one query, and up to three more for the
    questions if every message is a document of its own.

    Raises:
        Unreadable: the MongoDB user may not read the application's collection.
    """
    found: dict[str, Message] = {}
    if settings.message_lookup:
        with naming_the_lookup(settings.message_lookup):
            for batch in batches(message_ids, BATCH_SIZE):
                found |= find_batch(database, settings, settings.message_lookup, batch)
    return found


@contextmanager
def naming_the_lookup(lookup: str, setting: str = "MESSAGE_LOOKUP") -> Iterator[None]:
    """Name the setting of a lookup in the error of a user who may not read its collection.

    Raises:
        Unreadable: the user may not.
    """
    try:
        yield
    except OperationFailure as error:
        if error.code not in ACCESS_DENIED:
            raise
        raise Unreadable(
            f"the MongoDB user may not read the collection {lookup.partition('.')[0]!r} "
            f"of {setting}: give it the role read there"
        ) from None


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most this size."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def find_batch(
    database: Database[Document], settings: Settings, lookup: str, message_ids: Sequence[object]
) -> dict[str, Message]:
    """Return the messages with at most `BATCH_SIZE` ids."""
    name, _, path = lookup.partition(".")
    fields = text_fields(settings)
    found: dict[str, Message] = {}
    alone: dict[str, Document] = {}
    for asked, holder in find_holders(database[name], path, message_ids):
        if asked in found:
            continue
        question = None
        if not is_users(holder.record):
            if holder.array is None:
                alone[asked] = holder.record
            else:
                question = text_in(holder.array.users_before[holder.index], fields)
        found[asked] = Message(asked, text_in(holder.record, fields), question, holder.record)
    for asked, text in find_questions(database[name], path, alone, fields).items():
        found[asked] = replace(found[asked], question=text)
    return found


def find_holders(
    collection: Collection[Document], path: str, message_ids: Iterable[object]
) -> Iterator[tuple[str, Holder]]:
    """Yield each id that was asked for, as text, with the object that holds it."""
    values = {as_text(each): id_values(each) for each in message_ids}
    wanted = by_text(values)
    condition = {path: {"$in": [each for equal in values.values() for each in equal]}}
    stages = [{"$match": condition}, *without_other_fields(path)]
    for document in collection.aggregate(stages, batchSize=SESSIONS):
        for value, holder in held_ids(document, path.split("."), Holder(document)):
            for asked in wanted.get(text_of(value), ()):
                yield asked, holder


def id_values(message_id: object) -> list[Any]:
    """Return the values that equal an id: text, numbers and an ObjectId."""
    texts = {as_text(message_id), text_of(message_id)}
    return [
        value
        for text in sorted(texts)
        if 0 < len(text) <= LONGEST
        for value in of_user(text, "_id")["_id"]["$in"]
    ]


def by_text(values: Mapping[str, Iterable[object]]) -> Wanted:
    """Return the ids that were asked for by the texts of their values."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for asked, equal in values.items():
        for value in equal:
            wanted[text_of(value)].add(asked)
    wanted.pop("", None)
    return wanted


def without_other_fields(path: str) -> list[Document]:
    """Return the stage that leaves nothing of a document but the array that its messages are in.

    A document without an array is a message itself, and stays whole.
    """
    parent, _, _ = path.rpartition(".")
    if not parent:
        return []
    top = parent.partition(".")[0]
    record = {"$cond": [{"$isArray": f"${parent}"}, {top: f"${top}"}, "$$ROOT"]}
    return [{"$replaceRoot": {"newRoot": record}}]


def held_ids(value: object, keys: Sequence[str], holder: Holder) -> Iterator[tuple[object, Holder]]:
    """Yield the ids at a path, each with its holder. Arrays directly in arrays hold none."""
    if isinstance(value, list):
        array = Array(value)
        for index, each in enumerate(value):
            if isinstance(each, dict):
                yield from held_ids(each, keys, Holder(each, array, index))
    elif isinstance(value, dict) and keys[0] in value:
        inner = value[keys[0]]
        if len(keys) > 1:
            yield from held_ids(inner, keys[1:], holder)
        else:
            yield from ((each, holder) for each in (inner if isinstance(inner, list) else [inner]))
