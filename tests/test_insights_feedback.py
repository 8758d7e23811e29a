"""`insights feedback`."""

from datetime import UTC, datetime, timedelta

import pytest
from pymongo.database import Database

from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)


def test_prints_a_table_newest_first(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, message_id="m1", rating="up", comment="Just what I needed."),
            a_feedback(NOON + 2 * MINUTE, message_id="m3", user_id="u2", rating="👎"),
            a_feedback(NOON + MINUTE, message_id="m2", rating="4", comment="Out\nof date."),
        ]
    )

    result = insights("feedback")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "Time (UTC)        Rating  User  Message  Comment\n"
        "2026-11-01 12:02  👎      u2    m3\n"
        "2026-11-01 12:01  4       u1    m2       Out of date.\n"
        "2026-11-01 12:00  up      u1    m1       Just what I needed.\n"
    )


def test_reasons_precede_the_comment_in_brackets(
    insights: Insights, empty_database: Database[Document]
) -> None:
    reasons = ["wrong", "out of date"]
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, message_id="m1", rating="down", comment="In [June]?", reasons=reasons),
            a_feedback(NOON + MINUTE, message_id="m2", rating="down", reasons=["wrong"]),
            a_feedback(NOON + 2 * MINUTE, message_id="m3", comment="Good."),
        ]
    )

    assert insights("feedback").stdout == (
        "Time (UTC)        Rating  User  Message  Comment\n"
        "2026-11-01 12:02  up      u1    m3       Good.\n"
        "2026-11-01 12:01  down    u1    m2       [wrong]\n"
        "2026-11-01 12:00  down    u1    m1       [wrong, out of date] In [June]?\n"
    )
    assert [each.get("reasons") for each in insights("feedback", "--json").lines] == [
        None,
        ["wrong"],
        reasons,
    ]


def test_prints_json_lines_of_the_fields_as_stored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    time = NOON + timedelta(milliseconds=7)
    empty_database.feedback.insert_many(
        [
            a_feedback(time, message_id="m1", rating="up", comment="Só so"),
            a_feedback(NOON, message_id="m2"),
        ]
    )

    result = insights("feedback", "--json")

    assert result.stdout == (
        '{"message_id": "m1", "user_id": "u1", "rating": "up", '
        '"timestamp": "2026-11-01T12:00:00.007Z", "comment": "Só so"}\n'
        '{"message_id": "m2", "user_id": "u1", "rating": "up", '
        '"timestamp": "2026-11-01T12:00:00.000Z"}\n'
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], 20), (["--limit", "3"], 3), (["--limit", "100"], 25), (["--limit", "9" * 30], 25)],
)
def test_prints_the_newest_up_to_the_limit(
    insights: Insights, empty_database: Database[Document], options: list[str], expected: int
) -> None:
    empty_database.feedback.insert_many(
        a_feedback(NOON + number * MINUTE, message_id=str(number)) for number in range(25)
    )

    lines = insights("feedback", "--json", *options).lines

    assert [line["message_id"] for line in lines] == [str(24 - each) for each in range(expected)]
    assert len(insights("feedback", *options).stdout.splitlines()) == expected + 1


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5"])
def test_refuses_an_invalid_limit(insights: Insights, limit: str) -> None:
    result = insights("feedback", "--limit", limit)

    assert result.exit_code == 2
    assert result.stderr.startswith("insights: Invalid value for '--limit': ")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reports_that_there_is_no_feedback(insights: Insights, options: list[str]) -> None:
    result = insights("feedback", *options)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "insights: no feedback yet\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reports_that_nothing_matches(
    insights: Insights, empty_database: Database[Document], options: list[str]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    result = insights("feedback", "--user", "nobody", *options)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "insights: nothing matches\n"


@pytest.mark.parametrize(
    ("options", "index"),
    [
        ([], "timestamp: 1"),
        (["--since", "7d"], "timestamp: 1"),
        (["--user", "u1"], "user_id: 1, timestamp: 1"),
        (["--user", "u1", "--since", "7d", "--rating", "negative"], "user_id: 1, timestamp: 1"),
        (["--message", "m1"], "message_id: 1, timestamp: 1"),
        (["--rating", "up"], "rating: 1, timestamp: 1"),
        (["--rating", "negative", "--since", "7d"], "timestamp: 1"),
        (["--where", "user_id=u1"], "user_id: 1, timestamp: 1"),
    ],
)
def test_reads_through_an_index(
    insights: Insights, empty_database: Database[Document], options: list[str], index: str
) -> None:
    now = datetime.now(UTC)
    empty_database.feedback.insert_many(
        a_feedback(
            now - number * MINUTE,
            message_id=f"m{number % 100}",
            user_id=f"u{number // 100}",
            rating=("up", "down", "5", "1")[number % 4],
        )
        for number in range(1000)
    )
    insights("setup")

    with plan_of(empty_database, "feedback") as plan:
        insights("feedback", *options)

    # Another counts what was withdrawn, and with a period, one what has no date.
    assert len(plan) == (3 if "--since" in options else 2)
    assert plan[0].startswith(f"IXSCAN {{ {index}")


# The texts of messages

LOOKUP = {"MESSAGE_LOOKUP": "sessions.messages.message_id"}


@pytest.fixture
def rated(empty_database: Database[Document]) -> Database[Document]:
    """Return a database with three feedback, of which two are of messages in a session."""
    answer = [
        {"type": "text", "text": "Open\tSettings.\x1b[31m"},
        {"type": "text", "text": "Then 1"},
    ]
    messages = [
        {"message_id": "q1", "role": "user", "content": "How do I\nlog out?"},
        {"message_id": "m1", "role": "model", "content": answer},
        {"message_id": "q2", "role": "user", "content": "Why?" * 100},
        {"message_id": "m2", "role": "model", "content": ""},
    ]
    empty_database.sessions.insert_one({"_id": "s1", "messages": messages})
    empty_database.feedback.insert_many(
        [
            a_feedback(
                NOON, message_id="m1", rating="down", comment="No\nway", reasons=["wrong", "old"]
            ),
            a_feedback(NOON + MINUTE, message_id="m2", rating="thumbs_up"),
            a_feedback(NOON + 2 * MINUTE, message_id="m3"),
        ]
    )
    return empty_database


NOTES = (
    "insights: 1 feedback without a text: "
    "no message with the id in sessions.messages.message_id\n"
    "insights: 1 feedback without a text: "
    "the message has none in content, text, body (MESSAGE_TEXT names another field)\n"
)


@pytest.mark.usefixtures("rated")
def test_prints_whole_texts_of_messages_into_a_pipe(insights: Insights) -> None:
    result = insights("feedback", "--messages", **LOOKUP)

    assert (result.exit_code, result.stderr) == (0, NOTES)
    assert result.stdout == (
        "2026-11-01 12:02  up  user u1  message m3\n"
        "\n"
        "2026-11-01 12:01  thumbs_up  user u1  message m2\n"
        f"  asked     {'Why?' * 100}\n"
        "\n"
        "2026-11-01 12:00  down  user u1  message m1\n"
        "  asked     How do I log out?\n"
        "  answered  Open Settings.\ufffd[31m  Then 1\n"
        "  comment   [wrong, old] No way\n"
    )


@pytest.mark.usefixtures("rated")
def test_shortens_texts_of_messages_on_a_terminal(insights: Insights) -> None:
    result = insights("feedback", "--messages", "--message", "m2", COLUMNS="60", **LOOKUP)

    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[0] == "2026-11-01 12:01  thumbs_up  user u1  message m2"
    assert lines[1:] == ["  asked", f"  {'Why?' * 49}Why…"]


@pytest.mark.usefixtures("rated")
def test_prints_whole_texts_of_messages_as_json(insights: Insights) -> None:
    texts = [
        {name: line[name] for name in ("message_text", "question") if name in line}
        for line in insights("feedback", "--messages", "--json", **LOOKUP).lines
    ]

    assert texts == [
        {},
        {"question": "Why?" * 100},
        {
            "message_text": "Open\tSettings.\x1b[31m\n\nThen 1",
            "question": "How do I\nlog out?",
        },
    ]


def test_the_texts_of_more_than_one_batch_of_messages(
    insights: Insights, empty_database: Database[Document]
) -> None:
    ids = [f"m{number:04}" for number in range(1200)]
    empty_database.messages.insert_many({"_id": each, "text": f"text of {each}"} for each in ids)
    empty_database.feedback.insert_many(a_feedback(NOON, message_id=each) for each in ids)

    options = ("--messages", "--json", "--limit", "5000")
    lines = insights("feedback", *options, MESSAGE_LOOKUP="messages._id").lines

    assert len(lines) == 1200
    assert all(line["message_text"] == f"text of {line['message_id']}" for line in lines)


def test_a_setting_names_the_field_of_the_texts(
    insights: Insights, rated: Database[Document]
) -> None:
    rated.sessions.update_one({}, {"$set": {"messages.1.answer": {"en": "Open Settings."}}})

    options = ("--messages", "--json", "--message", "m1")
    [line] = insights("feedback", *options, MESSAGE_TEXT="answer.en", **LOOKUP).lines

    assert line["message_text"] == "Open Settings."
    assert "question" not in line


def test_fields_with_the_names_of_the_texts_are_kept(
    insights: Insights, rated: Database[Document]
) -> None:
    own = {"question": "own", "message_text": 7, "stored_question": "older"}
    rated.feedback.update_one({"message_id": "m1"}, {"$set": own})

    [line] = insights("feedback", "--messages", "--json", "--message", "m1", **LOOKUP).lines

    assert line["question"] == "How do I\nlog out?"
    assert line["stored_message_text"] == 7
    assert (line["stored_question"], line["stored_stored_question"]) == ("older", "own")


@pytest.mark.parametrize("message_id", [None, [], {"a": 1}, ["m1"], True, 1.5, float("nan")])
def test_feedback_without_a_usual_message_id_has_no_texts(
    insights: Insights, empty_database: Database[Document], message_id: object
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON) | {"message_id": message_id})
    empty_database.sessions.insert_one({"messages": [{"message_id": message_id, "text": "a"}]})

    result = insights("feedback", "--messages", **LOOKUP)

    assert result.exit_code == 0
    assert ("answered" in result.stdout) == (message_id == 1.5)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_texts_of_messages_need_the_setting(insights: Insights, options: list[str]) -> None:
    result = insights("feedback", "--messages", *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "insights: --messages needs the setting MESSAGE_LOOKUP, the collection and the field of "
        "the messages' ids, such as sessions.messages.message_id (see docs/deployment.md)\n"
    )


def test_long_ids_are_whole_beside_texts_of_messages(
    insights: Insights, empty_database: Database[Document]
) -> None:
    user, message = "u" * 36, "漢" * 20
    empty_database.feedback.insert_one(a_feedback(NOON, user_id=user, message_id=message))

    result = insights("feedback", "--messages", COLUMNS="60", **LOOKUP)

    assert result.stdout.splitlines() == [
        "2026-11-01 12:00  up",
        f"  user {user}",
        f"  message {message}",
    ]
