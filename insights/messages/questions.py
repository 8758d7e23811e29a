"""The user's message before a message, in a collection with a document for each message."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any
from uuid import UUID

from bson import Decimal128, ObjectId
from pymongo.collection import Collection

from insights.kinds import Document
from insights.messages.texts import is_users, roles_of, text_in, users_condition, values_at
from insights.queries.documents import as_text
from insights.users.ids import of_user, text_of

PARENTS = ("parent_id", "parent_message_id", "parentId", "parentMessageId")
CHATS = (
    *("session_id", "conversation_id", "chat_id", "thread_id"),
    *("sessionId", "conversationId", "chatId", "threadId"),
)
TIMES = ("timestamp", "created_at", "createdAt")

# The types of a chat's id. Values of other types might be operators in a query.
IDS = (str, int, float, Decimal128, ObjectId, UUID)

Messages = Collection[Document]


def find_questions(
    messages: Messages, path: str, records: Mapping[str, Document], fields: Sequence[str]
) -> dict[str, str]:
    """Return the texts of the questions that these messages answer, by the keys of `records`.

    The question is the message's parent, or else the user's newest message before it in the same
    chat. Takes one query for the parents, one for the chats, and one for the texts of the latter.
    """
    found = parents_of(messages, path, records, fields)
    others = {key: record for key, record in records.items() if key not in found}
    return found | newest_before(messages, others, fields)


def first_of(record: Document, fields: Iterable[str]) -> str | None:
    """Return the first of these fields that a record has."""
    return next((field for field in fields if record.get(field) is not None), None)


def parents_of(
    messages: Messages, path: str, records: Mapping[str, Document], fields: Sequence[str]
) -> dict[str, str]:
    """Return the texts of the parents that are the user's or do not name their sender."""
    named = {key: first_of(record, PARENTS) for key, record in records.items()}
    parents = {key: text_of(records[key][field]) for key, field in named.items() if field}
    values = [value for parent in parents.values() for value in equal_ids(parent)]
    if not values:
        return {}
    texts: dict[str, str] = {}
    for document in messages.find({path: {"$in": values}}):
        text = text_in(document, fields)
        if text and (is_users(document) or not roles_of(document)):
            ids = values_at(document, path.split("."))
            texts |= {text_of(each): text for each in ids}
    return {key: texts[parent] for key, parent in parents.items() if texts.get(parent)}


def equal_ids(text: str) -> list[Any]:
    """Return the values that equal an id, none for an empty one."""
    return of_user(text, "_id")["_id"]["$in"] if text else []


class Chat:
    """The answers of a chat whose questions are wanted, by time.

    Between two answers only the user's newest message is kept, so that memory is bounded.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[Any, str]] = []
        self.newest: dict[int, tuple[Any, object]] = {}

    def add_answer(self, time: object, key: str) -> None:
        """Add an answer."""
        insort(self.answers, (time, key))

    def add_question(self, time: Any, message_id: object) -> None:  # noqa: ANN401 (any that compares)
        """Keep a message of the user if no newer one comes before the same answer."""
        place = bisect_left(self.answers, time, key=lambda answer: answer[0])
        if place not in self.newest or self.newest[place][0] <= time:
            self.newest[place] = (time, message_id)

    def questions(self) -> dict[str, object]:
        """Return the `_id` of the question of each answer that has one."""
        found: dict[str, object] = {}
        last: tuple[Any, object] | None = None
        for place, (_, key) in enumerate(self.answers):
            last = self.newest.get(place, last)
            if last:
                found[key] = last[1]
        return found


def newest_before(
    messages: Messages, records: Mapping[str, Document], fields: Sequence[str]
) -> dict[str, str]:
    """Return the texts of the user's newest messages before these in the same chats."""
    groups: defaultdict[tuple[str, str], dict[str, Document]] = defaultdict(dict)
    for key, record in records.items():
        chat, time = first_of(record, CHATS), first_of(record, TIMES)
        if chat and time and isinstance(record[chat], IDS):
            groups[chat, time][key] = record
    found: dict[str, object] = {}
    for (chat, time), group in groups.items():
        found |= newest_in_chats(messages, group, chat, time)
    return texts_of(messages, found, fields)


def newest_in_chats(
    messages: Messages, records: Mapping[str, Document], chat: str, time: str
) -> dict[str, object]:
    """Return the `_id`s of the user's newest messages before these.

    `chat` and `time` are the fields that name the chat and the time.
    """
    chats: defaultdict[tuple[str, str], Chat] = defaultdict(Chat)
    for key, record in records.items():
        if sort_of := comparable(record[time]):
            chats[chat_key(record[chat]), sort_of].add_answer(record[time], key)
    condition = {chat: {"$in": [each[chat] for each in records.values()]}} | users_condition()
    for document in messages.find(condition, {chat: True, time: True}):
        place = (chat_key(document.get(chat)), comparable(document.get(time)))
        if place in chats:
            chats[place].add_question(document[time], document["_id"])
    return {key: each for chat in chats.values() for key, each in chat.questions().items()}


def chat_key(value: object) -> str:
    """Return a chat's id as text. 7 and 7.0 are the same."""
    return text_of(value) or as_text(value)


def comparable(time: object) -> str:
    """Return the class of values that a time is compared with; empty for other types."""
    match time:
        case datetime():
            return "date"
        case str():
            return "text"
        case int() | float() if not isinstance(time, bool) and isfinite(time):
            return "number"
        case _:
            return ""


def texts_of(
    messages: Messages, ids: Mapping[str, object], fields: Sequence[str]
) -> dict[str, str]:
    """Return the texts of the messages with these `_id`s, by the same keys."""
    if not ids:
        return {}
    documents = messages.find({"_id": {"$in": list(ids.values())}})
    texts = {as_text(each["_id"]): text_in(each, fields) for each in documents}
    found = {key: texts.get(as_text(each)) for key, each in ids.items()}
    return {key: text for key, text in found.items() if text}
