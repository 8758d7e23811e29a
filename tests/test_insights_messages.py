"""Messages of the application: their records, texts and questions, in the shapes that exist."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from bson import Code, DBRef, Decimal128, Int64, ObjectId, Regex
from bson.datetime_ms import DatetimeMS
from pymongo import MongoClient
from pymongo.database import Database

from insights.kinds import Document as Record
from insights.messages import records
from insights.messages.records import Message, find_messages
from insights.settings import Settings
from tests.support.commands import Commands
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

OID = ObjectId("507f1f77bcf86cd799439011")
IN_ARRAYS = "sessions.messages.message_id"
ALONE = "messages._id"


class Application:
    """The application's database, read as the operator's tool reads it."""

    def __init__(self, stored: Database[Document], read: Database[Record]) -> None:
        self.stored = stored
        self.read = read

    def find(self, lookup: str, *message_ids: object, text: str = "") -> dict[str, Message]:
        """Return the messages with these ids."""
        given = {"MONGODB_URI": "mongodb://unused", "MESSAGE_LOOKUP": lookup, "MESSAGE_TEXT": text}
        settings = Settings.model_validate({name: value for name, value in given.items() if value})
        return find_messages(self.read, settings, message_ids)

    def texts(self, lookup: str, *message_ids: object) -> dict[str, str | None]:
        """Return the texts of the messages with these ids."""
        return {key: each.text for key, each in self.find(lookup, *message_ids).items()}

    def question(self, lookup: str, message_id: object) -> str | None:
        """Return the question of one message."""
        [message] = self.find(lookup, message_id).values()
        return message.question


@pytest.fixture
def commands() -> Commands:
    """Return the commands that the tool sends."""
    return Commands()


@pytest.fixture
def application(
    empty_database: Database[Document], server_uri: str, commands: Commands
) -> Iterator[Application]:
    """Return the empty database of an application."""
    options: dict[str, Any] = {
        "tz_aware": True,
        "uuidRepresentation": "standard",
        "datetime_conversion": "DATETIME_AUTO",
        "event_listeners": [commands],
    }
    with MongoClient[Document](server_uri, **options) as client:
        client.admin.command("ping")
        commands.names.clear()
        yield Application(empty_database, client[empty_database.name])


def chat(*messages: Any, **fields: Any) -> Document:
    """Return a session."""
    return {"session_id": "s1", "user_id": "u1", "messages": [*messages], **fields}


def said(role: str, text: object, message_id: object = None, **fields: Any) -> Document:
    """Return a message in a session."""
    return {"message_id": message_id, "role": role, "content": text, **fields}


# Records


def test_the_record_of_a_message_is_the_element_of_the_array(application: Application) -> None:
    question, answer = said("user", "How?", "q1"), said("model", "So.", "m1", model="gpt-4o")
    application.stored.sessions.insert_one(chat(question, answer, title="Help"))

    found = application.find(IN_ARRAYS, "m1", "m2")

    assert found == {"m1": Message("m1", "So.", "How?", answer)}


@pytest.mark.crossed
@pytest.mark.parametrize(
    ("lookup", "document"),
    [
        ("sessions.chat.messages.id", {"chat": {"messages": [{"id": "m1", "text": "So."}]}}),
        (
            "sessions.threads.messages.id",
            {"threads": [{}, {"messages": [{"id": "m1", "text": "So."}]}]},
        ),
        ("sessions.messages.meta.id", {"messages": [{"meta": {"id": "m1"}, "text": "So."}]}),
        ("sessions.messages.ids", {"messages": [{"ids": ["m0", "m1"], "text": "So."}]}),
        ("sessions.messages.id", {"messages": {"id": "m1"}, "text": "So."}),
        ("sessions.meta.id", {"meta": {"id": "m1"}, "text": "So."}),
        ("sessions.id", {"id": "m1", "text": "So."}),
        ("sessions.ids", {"ids": ["m1"], "text": "So."}),
        ("sessions._id", {"_id": "m1", "text": "So."}),
    ],
)
def test_the_path_may_lead_anywhere(
    application: Application, lookup: str, document: Document
) -> None:
    application.stored.sessions.insert_one(document | {"other": 1})

    assert application.texts(lookup, "m1") == {"m1": "So."}


def test_a_document_without_an_array_is_the_record(application: Application) -> None:
    document = {"_id": OID, "meta": {"id": "m1"}, "body": "So.", "model": "gpt-4o"}
    application.stored.messages.insert_one(document)

    assert application.find("messages.meta.id", "m1")["m1"].record == document
    assert application.find(ALONE, OID)[str(OID)].record == document


def test_of_a_session_only_the_array_is_read(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.stored.sessions.insert_one(chat(said("model", "So.", "m1"), log="x" * 10_000))
    read: list[Document] = []
    held_ids = records.held_ids

    def watched(value: Any, keys: Any, holder: Any) -> Any:
        read.append(value)
        return held_ids(value, keys, holder)

    monkeypatch.setattr(records, "held_ids", watched)
    application.find(IN_ARRAYS, "m1")

    assert list(read[0]) == ["messages"]


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("m1", "m1"),
        (OID, str(OID)),
        (OID, OID),
        (str(OID), OID),
        (7, "7"),
        ("7", 7),
        (7, 7.0),
        (7.0, "7"),
        ("7", 7.0),
        (Int64(7), 7),
        (4.5, "4.5"),
        (Decimal128("4.5"), "4.5"),
        ("4.5", Decimal128("4.5")),
    ],
)
@pytest.mark.parametrize("lookup", [IN_ARRAYS, ALONE])
def test_ids_match_across_types(
    application: Application, lookup: str, stored: object, asked: object
) -> None:
    application.stored.sessions.insert_one(chat(said("model", "So.", stored)))
    application.stored.messages.insert_one({"_id": stored, "content": "So."})

    [text] = application.texts(lookup, asked).values()
    assert text == "So."


@pytest.mark.parametrize(
    "asked",
    [
        *(None, True, "", [], ["m1"], {}, {"$gt": ""}, "x" * 201, "x" * 10_000, b"m1"),
        *(
            UUID(int=1),
            Code("m"),
            Code("m", {}),
            NOON,
            DatetimeMS(2**62),
            DBRef("m", 1),
            Regex("m"),
            float("nan"),
            "m\0",
        ),
    ],
)
def test_ids_of_other_types_match_nothing(application: Application, asked: object) -> None:
    application.stored.sessions.insert_one(chat(said("model", "So.", "m1"), said("model", "So.")))

    assert application.find(IN_ARRAYS, asked) == {}
    assert application.texts(IN_ARRAYS, asked, "m1") == {"m1": "So."}


def test_foreign_shapes_are_passed_over(application: Application) -> None:
    odd: list[Any] = [None, 7, "text", [], [said("model", "No.", "m1")], {}, {"role": ["user"]}]
    odd += [said("model", "No."), {"message_id": {"message_id": "m1"}}, DBRef("a", "m1")]
    application.stored.sessions.insert_many(
        [
            chat(*odd),
            chat(*odd, said("model", None, "m1"), *odd),
            chat(said("model", "No."), messages=None),
            chat(messages={"message_id": "m2", "content": {}}),
            chat(messages="m1"),
            {},
        ]
    )

    assert application.texts(IN_ARRAYS, "m1", "m2") == {"m1": None, "m2": None}


def test_there_may_be_no_collection_and_no_lookup(application: Application) -> None:
    assert application.find(IN_ARRAYS, "m1") == {}
    assert application.find("", "m1") == {}


def test_the_collection_may_be_a_view(application: Application) -> None:
    application.stored.chats.insert_one(chat(said("user", "How?"), said("model", "So.", "m1")))
    application.stored.command("create", "sessions", viewOn="chats", pipeline=[])

    assert application.question(IN_ARRAYS, "m1") == "How?"


def test_a_session_with_many_messages_is_read_once(
    application: Application, commands: Commands
) -> None:
    messages = [said("model", f"So {number}.", f"m{number}") for number in range(1500)]
    application.stored.sessions.insert_one(chat(*messages))
    commands.names.clear()

    texts = application.texts(IN_ARRAYS, *(f"m{number}" for number in range(1000)))

    assert texts == {f"m{number}": f"So {number}." for number in range(1000)}
    assert commands.names == ["aggregate"]
    assert len(application.find(IN_ARRAYS, *(f"m{number}" for number in range(1500)))) == 1500
    assert commands.names == ["aggregate"] * 3


@pytest.mark.crossed
@pytest.mark.parametrize(("lookup", "collection"), [(IN_ARRAYS, "sessions"), (ALONE, "messages")])
def test_reads_through_the_index(application: Application, lookup: str, collection: str) -> None:
    path = lookup.partition(".")[2]
    application.stored[collection].create_index(path)
    stages = [{"$match": {path: {"$in": ["m1", OID, 7]}}}, *records.without_other_fields(path)]
    command = {"aggregate": collection, "pipeline": stages, "cursor": {}}
    plan = str(application.stored.command("explain", command))

    assert "IXSCAN" in plan
    assert "COLLSCAN" not in plan


# Texts


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"content": "a", "text": "b", "body": "c"}, "a"),
        ({"content": "", "text": " ", "body": "c"}, "c"),
        ({"content": None, "text": 7}, None),
        ({"content": {"text": "a"}}, None),
        ({"content": []}, None),
        ({"content": ["a", "b", ""]}, "a\n\nb"),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "a\n\nb"),
        ({"content": [{"type": "output_text", "text": "a"}]}, "a"),
        ({"content": [{"type": "text", "text": {"value": "a", "annotations": []}}]}, "a"),
        ({"content": [{"text": "a"}]}, "a"),
        ({"content": [{"type": "thinking", "text": "a"}, {"type": "tool_use", "id": "t"}]}, None),
        ({"content": [None, 7, [], ["a"], {"type": []}, {"type": "text"}, {"text": []}]}, None),
        ({}, None),
    ],
)
def test_texts(application: Application, record: Document, expected: str | None) -> None:
    application.stored.messages.insert_one({"_id": "m1", **record})

    assert application.texts(ALONE, "m1") == {"m1": expected}


@pytest.mark.crossed
@pytest.mark.parametrize(
    ("field", "record"),
    [
        ("answer", {"answer": "a", "content": "b"}),
        ("data.content", {"data": {"content": "a"}, "content": "b"}),
        ("content.parts", {"content": {"parts": ["a"]}}),
        ("parts.text", {"parts": [{"text": "a"}, None, {"other": "b"}]}),
    ],
)
def test_a_setting_names_the_field_of_the_text(
    application: Application, field: str, record: Document
) -> None:
    application.stored.messages.insert_many([{"_id": "m1", **record}, {"_id": "m2", "text": "b"}])

    found = application.find(ALONE, "m1", "m2", text=field)

    assert {key: each.text for key, each in found.items()} == {"m1": "a", "m2": None}


# Questions


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([said("user", "a"), said("model", "b"), said("tool", "c"), None], "a"),
        ([], None),
        ([said("user", "a"), said("user", "b")], "b"),
        ([said("Human", [{"type": "text", "text": "a"}])], "a"),
        ([{"sender": "USER", "content": "a"}, {"sender": "bot", "content": "b"}], "a"),
        ([{"author": {"role": "user"}, "content": "a"}, {"author": {"role": "tool"}}], "a"),
        ([{"author": "human", "content": "a"}, {"author": "ai", "content": "b"}], "a"),
        ([{"type": "human", "content": "a"}, {"type": "ai", "content": "b"}], "a"),
        ([said("customer", "a")], None),
        ([{"content": "a"}, {"content": "b", "role": 7}], None),
        ([said("user", None)], None),
    ],
)
def test_the_question_is_the_last_message_of_the_user(
    application: Application, before: list[Any], expected: str | None
) -> None:
    later = said("user", "later")
    application.stored.sessions.insert_one(chat(*before, said("model", "So.", "m1"), later))

    assert application.question(IN_ARRAYS, "m1") == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [([{"text": "a"}, {"text": "b"}], "b"), ([], None), ([{"text": "a"}, None], None)],
)
def test_without_senders_the_question_is_the_element_before(
    application: Application, before: list[Any], expected: str | None
) -> None:
    application.stored.sessions.insert_one(chat(*before, {"message_id": "m1", "text": "So."}))

    assert application.question(IN_ARRAYS, "m1") == expected


def test_questions_are_of_the_same_inner_array(application: Application) -> None:
    threads = [
        {"messages": [said("user", "a"), said("model", "b", "m1")]},
        {"messages": [said("model", "c", "m2"), said("user", "d"), said("model", "e", "m3")]},
    ]
    application.stored.sessions.insert_one({"threads": threads})

    found = application.find("sessions.threads.messages.message_id", "m1", "m2", "m3")

    assert {key: each.question for key, each in found.items()} == {"m1": "a", "m2": None, "m3": "d"}


def test_a_message_of_the_user_has_no_question(application: Application) -> None:
    application.stored.sessions.insert_one(chat(said("user", "a"), said("user", "b", "m1")))
    application.stored.messages.insert_many(
        {"_id": f"m{number}", "role": "user", "text": "a", "chat_id": 1, "timestamp": number}
        for number in range(2)
    )

    assert application.question(IN_ARRAYS, "m1") is None
    assert application.question(ALONE, "m1") is None


@pytest.mark.crossed
@pytest.mark.parametrize("field", ["parent_id", "parent_message_id", "parentId"])
@pytest.mark.parametrize("parent", [{"role": "user"}, {}])
def test_the_question_of_a_document_is_its_parent(
    application: Application, field: str, parent: Document
) -> None:
    application.stored.messages.insert_many(
        [
            {"_id": OID, "text": "a", **parent},
            {"_id": "m1", "role": "assistant", "text": "b", field: str(OID)},
            {"_id": "m2", "role": "assistant", "text": "c", field: OID},
            {"_id": "m3", "role": "assistant", "text": "d", field: "m2"},
            {"_id": "m4", "role": "assistant", "text": "e", field: {"$gt": 1}},
        ]
    )

    found = application.find(ALONE, "m1", "m2", "m3", "m4")

    assert [each.question for each in found.values()].count("a") == 2
    assert (found["m3"].question, found["m4"].question) == (None, None)


def in_chat(message_id: str, role: str, time: object, chat_id: object = "c1") -> Document:
    """Return a message that is a document of its own."""
    fields = {"_id": message_id, "role": role, "content": f"text of {message_id}"}
    return fields | {"conversation_id": chat_id, "created_at": time}


@pytest.mark.parametrize(
    "time",
    [
        lambda minute: NOON.replace(minute=minute),
        lambda minute: f"2026-11-01T12:{minute:02}",
        lambda minute: minute,
        lambda minute: minute + 0.5,
    ],
)
@pytest.mark.parametrize("chat_id", ["c1", 7, OID, UUID(int=1)])
def test_the_question_of_a_document_is_the_newest_of_the_user_in_the_chat(
    application: Application, commands: Commands, time: Any, chat_id: object
) -> None:
    application.stored.messages.insert_many(
        [
            in_chat("early", "assistant", time(0), chat_id),
            in_chat("q2", "user", time(2), chat_id),
            in_chat("q1", "user", time(1), chat_id),
            in_chat("m3", "assistant", time(3), chat_id),
            in_chat("m4", "assistant", time(4), chat_id),
            in_chat("q5", "user", time(5), chat_id),
            in_chat("m5", "assistant", time(5), chat_id),
            in_chat("q6", "user", time(6), chat_id),
            in_chat("other", "user", time(3), "another chat"),
            in_chat("odd", "user", None, chat_id),
        ]
    )

    found = application.find(ALONE, "m5", "m3", "early", "m4")

    assert {key: each.question for key, each in found.items()} == {
        "early": None,
        "m3": "text of q2",
        "m4": "text of q2",
        "m5": "text of q5",
    }
    assert commands.names == ["aggregate", "find", "find"]


def test_a_chat_may_be_an_integer_in_one_document_and_a_double_in_another(
    application: Application,
) -> None:
    application.stored.messages.insert_many(
        [in_chat("q1", "user", NOON, 7.0), in_chat("m1", "ai", NOON, 7)]
    )

    assert application.question(ALONE, "m1") == "text of q1"


def test_foreign_chats_and_times_have_no_question(application: Application) -> None:
    odd: list[object] = [{"$gt": 1}, {}, [1], [{"$gt": 1}], Regex("c"), None, DatetimeMS(2**62)]
    odd += [float("nan"), float("inf"), True, DBRef("a", 1), Decimal128("1"), b"c1"]
    documents = [in_chat(f"time {place}", "ai", time) for place, time in enumerate(odd)]
    documents += [in_chat(f"chat {place}", "ai", NOON, each) for place, each in enumerate(odd)]
    questions = [in_chat(f"q{place}", "user", time) for place, time in enumerate(odd)]
    questions += [in_chat(f"r{place}", "user", NOON, each) for place, each in enumerate(odd)]
    application.stored.messages.insert_many([*documents, *questions])

    found = application.find(ALONE, *(each["_id"] for each in documents))

    assert len(found) == len(documents)
    assert {each.question for key, each in found.items() if key.startswith("time ")} == {None}
