"""`insights user`: the timeline of one user."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.messages.records import Unreadable
from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
OID = ObjectId("5f5e10000000000000000001")
SESSIONS = {"MESSAGE_LOOKUP": "sessions.messages.message_id"}


def store_a_complaint(database: Database[Document]) -> None:
    """Store a negative rating, the events before it on two days, and another user's documents."""
    database.feedback.insert_many(
        [
            a_feedback(NOON, message_id="m1", rating="down", comment="Wrong\ncity."),
            a_feedback(NOON, user_id="u2"),
        ]
    )
    database.analytics.insert_many(
        [
            an_event(NOON - DAY, event_type="signup"),
            an_event(NOON - MINUTE, event_type="answer_shown", details={"message_id": "m1"}),
            an_event(NOON - 2 * MINUTE, details={"page": "/chat", "seconds": 4.5}),
            an_event(NOON, user_id="u2"),
        ]
    )


def store_a_session(database: Database[Document]) -> None:
    """Store a session of the application with two questions and their answers."""
    texts = {"q1": "Capital of Germany?", "m1": "Bonn.", "q2": "Sure?", "m2": "Yes. " * 60}
    messages = [
        {"message_id": key, "role": "user" if key[0] == "q" else "model", "content": text}
        for key, text in texts.items()
    ]
    database.sessions.insert_one({"session_id": "s1", "messages": messages})


def test_shows_feedback_and_events_together_newest_first(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_a_complaint(empty_database)

    result = insights("user", "u1")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "1 feedback and 3 events of u1\n"
        "\n"
        "2026-11-01\n"
        '12:00:00  feedback  down message_id=m1 "Wrong city."\n'
        "11:59:00  event     answer_shown message_id=m1\n"
        "11:58:00  event     page_view page=/chat seconds=4.5\n"
        "\n"
        "2026-10-31\n"
        "12:00:00  event     signup\n"
    )


def test_prints_json_lines_with_their_kinds(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_a_complaint(empty_database)

    feedback, event, *others = insights("user", "u1", "--json").lines

    assert feedback == {
        "kind": "feedback",
        "user_id": "u1",
        "message_id": "m1",
        "rating": "down",
        "comment": "Wrong\ncity.",
        "timestamp": "2026-11-01T12:00:00.000Z",
    }
    assert (event["kind"], event["event_type"]) == ("events", "answer_shown")
    assert event["details"] == {"message_id": "m1"}
    assert [each["event_type"] for each in others] == ["page_view", "signup"]


@pytest.mark.parametrize(("limit", "is_cut"), [("2", True), ("4", False), ("9" * 30, False)])
def test_shows_the_newest_up_to_the_limit(
    insights: Insights, empty_database: Database[Document], limit: str, *, is_cut: bool
) -> None:
    store_a_complaint(empty_database)

    result = insights("user", "u1", "--limit", limit, "--json")

    times = [each["timestamp"] for each in result.lines]
    assert times == sorted(times, reverse=True)
    assert len(times) == (2 if is_cut else 4)
    assert result.stderr == (
        "insights: only the newest 2 are shown: older ones need --until or --limit\n"
        if is_cut
        else ""
    )


def test_shows_at_most_fifty_by_default(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(a_feedback(NOON + 2 * n * MINUTE) for n in range(40))
    empty_database.analytics.insert_many(an_event(NOON + (2 * n + 1) * MINUTE) for n in range(40))

    result = insights("user", "u1", "--json")

    assert [each["kind"] for each in result.lines] == ["events", "feedback"] * 25
    assert insights("user", "u1").stdout.startswith("40 feedback and 40 events of u1\n")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--since", "2026-11-01T11:59:00Z"], ["feedback", "answer_shown"]),
        (["--until", "2026-11-01T12:00:00Z"], ["answer_shown", "page_view", "signup"]),
        (["--since", "2026-11-01", "--until", "2026-11-01T11:59:00Z"], ["page_view"]),
    ],
)
def test_shows_only_the_period(
    insights: Insights,
    empty_database: Database[Document],
    options: list[str],
    expected: list[str],
) -> None:
    store_a_complaint(empty_database)

    lines = insights("user", "u1", *options, "--json").lines

    assert [each.get("event_type", each["kind"]) for each in lines] == expected


@pytest.mark.parametrize("options", [["--since", "soon"], ["--limit", "0"], ["--user", "u1"]])
def test_refuses_wrong_options(command_line: Insights, options: list[str]) -> None:
    result = command_line("user", "u1", *options)

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("user_id", ["", "x" * 201])
def test_refuses_an_invalid_user_id(command_line: Insights, user_id: str) -> None:
    result = command_line("user", user_id)

    assert result.exit_code == 2
    assert result.stderr == "insights: USER_ID must have 1 to 200 characters\n"


@pytest.mark.parametrize(("user_id", "stored"), [("42", 42), ("42", 42.0), (str(OID), OID)])
def test_finds_ids_of_other_types(
    insights: Insights, empty_database: Database[Document], user_id: str, stored: Any
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON) | {"user_id": stored})
    empty_database.analytics.insert_many(
        [an_event(NOON, user_id=user_id), an_event(NOON) | {"user_id": stored}]
    )

    result = insights("user", user_id)

    assert result.stdout.startswith(f"1 feedback and 2 events of {user_id}\n")


@pytest.mark.parametrize("user_id", ["u'1", "$where", "{}", "-u1", "ü" * 200, "u1\x1b[31m\n"])
def test_accepts_any_user_id_literally(
    insights: Insights, empty_database: Database[Document], user_id: str
) -> None:
    empty_database.analytics.insert_one(an_event(NOON, user_id=user_id))

    result = insights("user", "--", user_id)

    assert (result.exit_code, result.stdout.count("\n")) == (0, 4)
    assert "\x1b" not in result.stdout


def test_names_similar_ids_if_nothing_is_stored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_a_complaint(empty_database)

    result = insights("user", " U1")

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == (
        'insights: similar ids are stored: "u1"\ninsights: nothing is stored for  U1\n'
    )
    in_period = insights("user", "u1", "--since", "2026-11-02")
    assert (in_period.exit_code, in_period.stdout) == (5, "")
    assert in_period.stderr == "insights: nothing is stored for u1 in this period\n"


def test_does_not_need_the_search_for_similar_ids(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def similar_ids(*_: object) -> list[str]:
        raise OperationFailure("too much", 292, {"errmsg": "Exceeded memory limit"})

    monkeypatch.setattr("insights.terminal.users.similar_ids", similar_ids)
    store_a_complaint(empty_database)

    result = insights("user", "u3")

    assert (insights("user", "u1").exit_code, result.exit_code) == (0, 5)
    assert result.stderr == (
        "insights: warning: the search for similar ids failed: Exceeded memory limit\n"
        "insights: nothing is stored for u3\n"
    )


@pytest.mark.parametrize("options", [[], ["--json"], ["--since", "2026-10-01"]])
def test_counts_documents_without_a_date(
    insights: Insights, empty_database: Database[Document], options: list[str]
) -> None:
    undated: list[Any] = ["2026-11-01", 5, None, {"day": 1}]
    empty_database.analytics.insert_many(
        an_event(NOON) | {"timestamp": each} for each in [*undated, [NOON]]
    )
    empty_database.feedback.insert_many(
        {"user_id": each, "rating": "up", "timestamp": "x"} for each in ("u1", "u2")
    )

    only = insights("user", "u1", *options)
    empty_database.analytics.insert_one(an_event(NOON))
    beside = insights("user", "u1", *options)

    left_out = (
        "insights: 1 feedback has no date and is left out\n"
        "insights: 5 events have no date and are left out\n"
    )
    where = " in this period" if "--since" in options else ""
    assert (only.exit_code, only.stdout) == (5, "")
    assert only.stderr == f"{left_out}insights: nothing else is stored for u1{where}\n"
    assert (beside.exit_code, beside.stderr) == (0, left_out)
    assert "page_view" in beside.stdout


def test_shows_dates_beyond_python_in_order(
    insights: Insights, empty_database: Database[Document]
) -> None:
    far, before_christ = DatetimeMS(1_712_121_530_123_000), DatetimeMS(-62_198_755_200_001)
    empty_database.analytics.insert_many(
        an_event(NOON) | {"timestamp": each} for each in (before_christ, far)
    )
    empty_database.feedback.insert_many(
        [a_feedback(NOON), a_feedback(datetime(1969, 7, 20, tzinfo=NOON.tzinfo))]
    )

    printed = insights("user", "u1").stdout.splitlines()

    assert [line for line in printed if line.count("-") >= 2 and " " not in line] == [
        *("+056224-12-21", "2026-11-01", "1969-07-20", "-000002-12-31")
    ]
    assert "09:55:23  event     page_view" in printed
    assert "23:59:59  event     page_view" in printed


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "event     (no type)"),
        ({"event_type": None, "details": None}, "event     (no type)"),
        ({"event_type": 7, "details": [1, "a"]}, 'event     7 details=[1, "a"]'),
        ({"event_type": ["a"], "details": "no object"}, 'event     ["a"] details="no object"'),
        (
            {"event_type": "x", "details": {"a": {"b": [None, True]}}},
            'event     x a={"b": [null, true]}',
        ),
        (
            {"event_type": "x", "details": {"a": "", "b": 'q"', "c": "d=e"}},
            'event     x a="" b="q\\"" c="d=e"',
        ),
        (
            {"event_type": "x", "details": {"gen_ai.model": "gpt-4o", "a=b": 1}},
            'event     x "gen_ai.model"=gpt-4o "a=b"=1',
        ),
        ({"event_type": "x", "details": {"message_id": ["m"]}}, 'event     x message_id=["m"]'),
    ],
)
def test_shows_events_that_other_programs_stored(
    insights: Insights, empty_database: Database[Document], fields: Document, shown: str
) -> None:
    empty_database.analytics.insert_one({"user_id": "u1", "timestamp": NOON} | fields)

    result = insights("user", "u1", **SESSIONS)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == f"12:00:00  {shown}"


def test_shows_feedback_that_other_programs_stored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [
            {"user_id": "u1", "timestamp": NOON, "rating": ""},
            {"user_id": "u1", "timestamp": NOON, "rating": 5, "message_id": OID, "comment": ["a"]},
        ]
    )

    result = insights("user", "u1", **SESSIONS)

    assert sorted(result.stdout.splitlines()[3:]) == [
        "12:00:00  feedback  (no rating)",
        f'12:00:00  feedback  5 message_id={OID} "["a"]"',
    ]


def test_shows_the_events_of_a_batch_in_their_order(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON, event_type=f"step{number}") | {"_id": f"id{number}"} for number in (3, 1, 2)
    )

    lines = insights("user", "u1", "--json").lines

    assert [each["event_type"] for each in lines] == ["step3", "step2", "step1"]


def test_shows_each_known_message_once_and_shortened(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_a_complaint(empty_database)
    store_a_session(empty_database)
    empty_database.feedback.insert_one(a_feedback(NOON - DAY - MINUTE, message_id="m2"))

    printed = insights("user", "u1", **SESSIONS).stdout.splitlines()

    assert printed[3:7] == [
        '12:00:00  feedback  down message_id=m1 "Wrong city."',
        "          asked     Capital of Germany?",
        "          answered  Bonn.",
        "11:59:00  event     answer_shown message_id=m1",
    ]
    assert printed[-2] == "          asked     Sure?"
    assert printed[-1] == f"          answered  {'Yes. ' * 39}…"
    assert "asked" not in insights("user", "u1").stdout


def test_json_has_the_messages_in_full(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_a_session(empty_database)
    empty_database.feedback.insert_one(a_feedback(NOON, message_id="m2"))

    [feedback] = insights("user", "u1", "--json", **SESSIONS).lines

    assert (feedback["question"], feedback["message_text"]) == ("Sure?", "Yes. " * 60)


def test_json_renames_fields_of_other_programs_beside_those_of_messages(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_a_session(empty_database)
    stored = {"question": "theirs", "message_text": 5}
    empty_database.feedback.insert_one(a_feedback(NOON, message_id="m1") | stored)
    renamed = {"stored_question": "theirs", "stored_message_text": 5}
    known = {"question": "Capital of Germany?", "message_text": "Bonn."}

    [plain] = insights("user", "u1", "--json").lines
    [feedback] = insights("user", "u1", "--json", **SESSIONS).lines

    assert plain.items() >= stored.items()
    assert feedback.items() >= (renamed | known).items()


def test_a_message_of_the_user_is_a_question(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_a_session(empty_database)
    empty_database.analytics.insert_one(an_event(NOON, details={"message_id": "q2"}))

    assert insights("user", "u1", **SESSIONS).stdout.splitlines()[-1] == (
        "          asked     Sure?"
    )


def test_warns_of_messages_that_may_not_be_read(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_messages(*_: object) -> dict[str, Any]:
        raise Unreadable("the MongoDB user may not read the messages")

    monkeypatch.setattr("insights.users.timelines.find_messages", find_messages)
    empty_database.feedback.insert_many(a_feedback(NOON) for _ in range(120))

    result = insights("user", "u1", "--limit", "120", "--json", **SESSIONS)

    assert (result.exit_code, len(result.lines)) == (0, 120)
    assert result.stderr == ("insights: warning: the MongoDB user may not read the messages\n")


def test_looks_up_the_messages_of_long_time_lines(
    insights: Insights, empty_database: Database[Document]
) -> None:
    messages = [
        {"message_id": f"m{number}", "role": "model", "content": f"Answer {number}."}
        for number in range(250)
    ]
    empty_database.sessions.insert_one({"messages": messages})
    empty_database.analytics.insert_many(
        an_event(NOON - number * MINUTE, details={"message_id": f"m{number % 240}"})
        for number in range(250)
    )

    lines = insights("user", "u1", "--limit", "250", "--json", **SESSIONS).lines

    assert [each["message_text"] for each in lines[:240]] == [
        f"Answer {number}." for number in range(240)
    ]
    assert not any("message_text" in each for each in lines[240:])


@pytest.mark.parametrize("width", [60, 120])
def test_fits_the_terminal(
    insights: Insights, empty_database: Database[Document], width: int
) -> None:
    for text in ("word " * 300, "\x1b[31m\u202eevil\n"):
        empty_database.feedback.insert_one(a_feedback(NOON, rating=text[:64], comment=text))
        empty_database.analytics.insert_one(
            an_event(NOON, event_type=text[:200], details={text[:100]: text})
        )

    printed = insights("user", "u1", COLUMNS=str(width)).stdout

    assert max(map(len, printed.splitlines())) <= width
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert printed.count("…") == 2
    assert "word " * 300 in insights("user", "u1").stdout


def test_reads_through_the_index(insights: Insights, empty_database: Database[Document]) -> None:
    for number in range(100):
        user = f"u{number % 10}"
        empty_database.feedback.insert_one(a_feedback(NOON + number * MINUTE, user_id=user))
        empty_database.analytics.insert_one(an_event(NOON + number * MINUTE, user_id=user))
    insights("setup")

    with (
        plan_of(empty_database, "analytics") as events,
        plan_of(empty_database, "feedback") as feedback,
    ):
        insights("user", "u1", "--until", "2026-11-02")

    assert len(events) >= 3
    assert len(feedback) >= 3
    assert {plan.split(",")[0] for plan in events + feedback} <= {
        "IXSCAN { user_id: 1",
        "COUNT_SCAN { user_id: 1",
        # The count of withdrawn feedback, of which there is none.
        "IXSCAN { rating: 1",
    }
