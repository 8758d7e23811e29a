"""`insights export feedback --messages`: the texts of the rated messages."""

from datetime import timedelta
from typing import Any

import pytest
from bson import Decimal128, ObjectId
from pyarrow import parquet
from pymongo.database import Database

from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback
from tests.support.exports import READERS
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)
OID = ObjectId("507f1f77bcf86cd799439011")
LOOKUP = {"MESSAGE_LOOKUP": "sessions.messages.message_id"}
NAMES = ("message_id", "message_text", "question")


def exported(insights: Insights, file_format: str) -> list[Document]:
    """Export all feedback with the texts; return the rows."""
    out = f"a.{file_format}"
    result = insights("export", "feedback", "--messages", "--out", out, **LOOKUP)
    assert result.exit_code == 0, result.stderr
    return READERS[file_format](insights.folder / out)


def add_session(database: Database[Document], message_id: object, text: object) -> None:
    """Store a session with a question and an answer."""
    question = {"message_id": "q", "role": "user", "content": f"Question of {message_id}"}
    answer = {"message_id": message_id, "role": "model", "content": text}
    database.sessions.insert_one({"messages": [question, answer]})


def test_texts_are_whole(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    long = 'So,\r\n"so".\u2028\x1b👍🏽' * 5_000
    for number, (message_id, text) in enumerate([("m1", long), (OID, "b"), (7, "c"), (4.5, [])]):
        add_session(empty_database, message_id, text)
        rated = a_feedback(NOON + number * MINUTE) | {"message_id": message_id}
        empty_database.feedback.insert_one(rated)
    later = NOON + 9 * MINUTE
    empty_database.feedback.insert_one(a_feedback(later) | {"message_id": Decimal128("7")})
    empty_database.feedback.insert_one(a_feedback(later + MINUTE, message_id="m9"))

    found = exported(insights, file_format)

    assert [
        {name: each[name] for name in NAMES if name in each}
        | {"message_id": str(each["message_id"])}
        for each in found
    ] == [
        {"message_id": "m1", "message_text": long, "question": "Question of m1"},
        {"message_id": str(OID), "message_text": "b", "question": f"Question of {OID}"},
        {"message_id": "7", "message_text": "c", "question": "Question of 7"},
        {"message_id": "4.5", "question": "Question of 4.5"},
        {"message_id": "7", "message_text": "c", "question": "Question of 7"},
        {"message_id": "m9"},
    ]


def test_says_how_many_have_no_text(insights: Insights, empty_database: Database[Document]) -> None:
    add_session(empty_database, "m1", None)
    empty_database.feedback.insert_many(a_feedback(NOON, message_id=f"m{n}") for n in range(4))

    settings = LOOKUP | {"MESSAGE_TEXT": "answer"}
    result = insights("export", "feedback", "--messages", "--out", "a.csv", **settings)

    assert result.stderr == (
        "insights: 3 feedback without a text: "
        "no message with the id in sessions.messages.message_id\n"
        "insights: 1 feedback without a text: "
        "the message has none in answer (MESSAGE_TEXT names another field)\n"
        "4 feedback exported to a.csv\n"
    )


def test_the_columns_come_after_the_known_ones(
    insights: Insights, empty_database: Database[Document]
) -> None:
    add_session(empty_database, "m1", "=1+1")
    own: Document = {"model": "gpt-4o", "question": 7, "message_text": "own"}
    empty_database.feedback.insert_one(a_feedback(NOON, message_id="m1") | own)

    exported(insights, "csv")

    assert (insights.folder / "a.csv").read_text() == (
        "message_id,user_id,rating,comment,reasons,timestamp,message_text,question,"
        "model,stored_message_text,stored_question\n"
        "m1,u1,up,,,2026-11-01T12:00:00.000Z,'=1+1,Question of m1,gpt-4o,own,7\n"
    )


def test_parquet_has_both_columns_as_texts(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    exported(insights, "parquet")

    schema = parquet.read_schema(insights.folder / "a.parquet")
    assert [str(schema.field(name).type) for name in NAMES] == ["string"] * 3


def test_reads_the_messages_in_batches(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    ids = [f"m{number:04}" for number in range(2500)]
    messages = [{"message_id": each, "content": f"text of {each}"} for each in ids]
    empty_database.sessions.insert_many(
        {"messages": messages[start : start + 10]} for start in range(0, 2500, 10)
    )
    empty_database.sessions.create_index("messages.message_id")
    empty_database.feedback.insert_many(
        a_feedback(NOON + number * MINUTE, message_id=each) for number, each in enumerate(ids)
    )

    with plan_of(empty_database, "sessions") as plan:
        found = exported(insights, file_format)

    assert [each["message_text"] for each in found] == [f"text of {each}" for each in ids]
    assert found[-1]["question"] == "text of m2498"
    assert set(plan) == {"IXSCAN { messages.message_id: 1 }"}


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("events", LOOKUP, "--messages cannot be used with events, which rate no messages"),
        ("feedback", {}, "--messages needs the setting MESSAGE_LOOKUP, "),
    ],
)
def test_refuses_where_there_are_no_messages(
    insights: Insights, kind: str, settings: dict[str, Any], expected: str
) -> None:
    result = insights("export", kind, "--messages", "--out", "a.csv", **settings)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"insights: {expected}")
    assert not (insights.folder / "a.csv").exists()
