"""`insights forget`."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.kinds import Kind
from insights.terminal.counts import show_count
from insights.terminal.program import program_anywhere
from insights.users import erasure
from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

# In an empty folder, the program is given by its full path.
PROGRAM = program_anywhere()


QUESTION = "Erase 1 feedback and 2 events of u1? [y/n] (n): "
ERASED = "Erased 1 feedback and 2 events of u1.\n"
MAY_ARRIVE = (
    "New events are still stored, because the user has not opted out: "
    f"run `{PROGRAM} opt-out u1`.\n"
)


@pytest.fixture
def stored(empty_database: Database[Document]) -> Database[Document]:
    """Return a database with one feedback and two events of u1, and the same of another user."""
    for user in ("u1", "u2"):
        empty_database.feedback.insert_one(a_feedback(NOON, user_id=user))
        empty_database.analytics.insert_many(an_event(NOON, user_id=user) for _ in range(2))
    return empty_database


def users_of(database: Database[Document]) -> dict[str, list[str]]:
    """Return the users of the stored documents."""
    return {kind: database[kind.collection].distinct("user_id") for kind in Kind}


def test_asks_and_erases_everything_of_one_user(
    insights: Insights, stored: Database[Document]
) -> None:
    result = insights("forget", "u1", answer="y\n")

    assert (result.exit_code, result.stderr) == (0, QUESTION)
    assert result.stdout == ERASED + MAY_ARRIVE
    assert users_of(stored) == {"feedback": ["u2"], "events": ["u2"]}
    assert stored.feedback.count_documents({}) == 1
    assert stored.analytics.count_documents({}) == 2


def test_also_erases_originals_of_repaired_documents(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        a_feedback(NOON) | {"_id": number, "user_id": user, "message_id": f"m{number}"}
        for number, user in enumerate([42, 42.0, "42", 43])
    )
    assert insights("doctor", "--repair", "--yes").exit_code == 0
    assert empty_database.repaired.count_documents({}) == 3

    result = insights("forget", "42", "--yes")

    assert result.stdout.startswith("Erased 3 feedback and 0 events and 2 originals of 42.\n")
    assert empty_database.feedback.distinct("user_id") == ["43"]
    assert empty_database.repaired.distinct("document.user_id") == [43]


def test_does_not_ask_with_yes(insights: Insights, stored: Database[Document]) -> None:
    result = insights("forget", "u1", "--yes")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == ERASED + MAY_ARRIVE
    assert users_of(stored) == {"feedback": ["u2"], "events": ["u2"]}


@pytest.mark.parametrize("answer", ["n\n", "\n", "no\nn\n"])
def test_erases_nothing_without_a_yes(
    insights: Insights, stored: Database[Document], answer: str
) -> None:
    result = insights("forget", "u1", answer=answer)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("insights: nothing was done\n")
    assert users_of(stored) == {"feedback": ["u1", "u2"], "events": ["u1", "u2"]}


def test_refuses_without_someone_to_ask(insights: Insights, stored: Database[Document]) -> None:
    result = insights.run("forget", "u1")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (f"{QUESTION}\ninsights: nothing was done: answer y, or pass --yes\n")
    assert users_of(stored) == {"feedback": ["u1", "u2"], "events": ["u1", "u2"]}


LEFT_ALONE = (
    "The texts of messages belong to the application and are left alone: "
    "they are in the collection sessions, beside messages.message_id.\n"
)


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (["forget", "u1"], ERASED + LEFT_ALONE + MAY_ARRIVE),
        (["forget", "u3"], f"Nothing is stored for u3.\n{LEFT_ALONE}"),
    ],
)
def test_says_where_the_texts_of_messages_are(
    insights: Insights, stored: Database[Document], command: list[str], output: str
) -> None:
    session = {"_id": "s1", "user_id": "u1", "messages": [{"message_id": "m1", "content": "So."}]}
    stored.sessions.insert_one(session)

    result = insights(*command, "--yes", MESSAGE_LOOKUP="sessions.messages.message_id")

    assert (result.exit_code, result.stdout) == (0, output)
    assert list(stored.sessions.find()) == [session]


def test_an_opt_out_that_erases_says_so_too(insights: Insights, stored: Database[Document]) -> None:
    del stored
    lookup = {"MESSAGE_LOOKUP": "sessions.messages.message_id"}

    assert LEFT_ALONE in insights("opt-out", "u1", "--erase", "--yes", **lookup).stdout
    assert LEFT_ALONE not in insights("opt-out", "u2", **lookup).stdout


def test_can_be_repeated(insights: Insights, stored: Database[Document]) -> None:
    insights("forget", "u1", "--yes")

    result = insights("forget", "u1")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Nothing is stored for u1.\n"
    assert users_of(stored) == {"feedback": ["u2"], "events": ["u2"]}


def test_warns_of_late_events_after_a_recent_opt_out(
    insights: Insights, stored: Database[Document]
) -> None:
    stored.opt_outs.insert_one({"_id": "u1", "timestamp": datetime.now(UTC)})

    assert insights("forget", "u1", "--yes").stdout == ERASED + (
        "Events may still be stored for a minute after the opt-out: "
        f"run `{PROGRAM} forget u1` again after that.\n"
    )


def test_gives_no_warning_after_an_earlier_opt_out_and_keeps_it(
    insights: Insights, stored: Database[Document]
) -> None:
    opt_out = {"_id": "u1", "timestamp": NOON.replace(year=2020)}
    stored.opt_outs.insert_one(opt_out)

    assert insights("forget", "u1", "--yes").stdout == ERASED
    assert list(stored.opt_outs.find()) == [opt_out]


def test_erases_documents_that_arrive_meanwhile(
    insights: Insights, stored: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    arriving = [an_event(NOON, user_id="u1") for _ in range(3)]
    once = erasure.erase_once

    def erase_once(database: Database[Document], user_id: str) -> erasure.Counts:
        """Erase, and let another event arrive while there are any."""
        counts = once(database, user_id)
        if arriving:
            stored.analytics.insert_one(arriving.pop())
        return counts

    monkeypatch.setattr(erasure, "erase_once", erase_once)

    result = insights("forget", "u1", "--yes")

    assert result.stdout.startswith("Erased 1 feedback and 5 events of u1.\n")
    assert users_of(stored) == {"feedback": ["u2"], "events": ["u2"]}


def test_ends_even_if_events_keep_arriving(
    insights: Insights, stored: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = erasure.erase_once

    def erase_once(database: Database[Document], user_id: str) -> erasure.Counts:
        """Erase, and let another event arrive."""
        counts = once(database, user_id)
        stored.analytics.insert_one(an_event(NOON, user_id="u1"))
        return counts

    monkeypatch.setattr(erasure, "erase_once", erase_once)

    assert insights("forget", "u1", "--yes").exit_code == 0


@pytest.mark.parametrize("user_id", ["u1", "42", "507f1f77bcf86cd799439011"])
def test_finds_the_user_through_the_index(
    insights: Insights, stored: Database[Document], user_id: str
) -> None:
    insights("setup")
    stored.analytics.insert_one(an_event(NOON, user_id=user_id))
    stored.feedback.insert_one(a_feedback(NOON, user_id=user_id))

    with plan_of(stored, "analytics") as events, plan_of(stored, "feedback") as feedback:
        insights("forget", user_id, "--yes")

    assert {plan.split(",")[0] for plan in events + feedback} <= {
        "IXSCAN { user_id: 1",
        "COUNT_SCAN { user_id: 1",
        "DISTINCT_SCAN { user_id: 1",
    }
    assert len(events) > 1
    assert len(feedback) > 1


@pytest.mark.parametrize(
    ("user_id", "others", "said"),
    [
        ("42", [42], "1 event is stored under the number 42.\n"),
        ("42", [42, Int64(42), 42.0], "3 events are stored under the number 42.\n"),
        ("4.5", [4.5, Decimal128("4.5")], "2 events are stored under the number 4.5.\n"),
        (
            "507f1f77bcf86cd799439011",
            [ObjectId("507f1f77bcf86cd799439011")],
            "1 event is stored under the ObjectId 507f1f77bcf86cd799439011.\n",
        ),
        ("042", [], ""),
    ],
)
def test_erases_and_reports_documents_under_a_number_or_an_object_id(
    insights: Insights,
    empty_database: Database[Document],
    user_id: str,
    others: list[Any],
    said: str,
) -> None:
    users = [user_id, *others, 43, "43", ObjectId()]
    empty_database.analytics.insert_many({"user_id": user} for user in users)

    result = insights("forget", user_id, answer="y\n")

    count = show_count(1 + len(others), "events")
    assert result.stdout.startswith(f"{said}Erased 0 feedback and {count} of {user_id}.\n")
    assert empty_database.analytics.count_documents({}) == 3


def test_reports_feedback_and_events_under_a_number_together(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one({"user_id": 42})
    empty_database.analytics.insert_many([{"user_id": 42}, {"user_id": 42.0}])

    assert insights("forget", "42", "--yes").stdout.startswith(
        "1 feedback and 2 events are stored under the number 42.\n"
        "Erased 1 feedback and 2 events of 42.\n"
    )


SIMILAR = [
    ("u1", ["U1", " u1", "u 1\t", "u\u200b1", "\uff55\uff11"], ["u2", "u11", "ü1"]),
    ("Jos\u00e9", ["Jose\u0301", "JOS\u00c9", "jose\u0301 "], ["Jose"]),
    ("straße", ["STRASSE", "strasse"], ["strase"]),
    ("ﬁn", ["fin", "FIN"], ["f", "in"]),
    ("42 ", ["42"], ["4 3"]),
]


@pytest.mark.parametrize(("user_id", "similar", "others"), SIMILAR)
@pytest.mark.parametrize("kind", Kind)
def test_names_similar_ids_without_erasing_them(
    insights: Insights,
    empty_database: Database[Document],
    kind: Kind,
    user_id: str,
    similar: list[str],
    others: list[str],
) -> None:
    collection = empty_database[kind.collection]
    collection.insert_many({"user_id": user} for user in [user_id, *similar, *similar, *others])

    result = insights("forget", "--yes", "--", user_id)

    line = result.stdout.splitlines()[0]
    assert line == f"Similar ids are stored but not erased: {shown(similar)}."
    assert sorted(collection.distinct("user_id")) == sorted(similar + others)


def shown(user_ids: list[str]) -> str:
    """Return similar ids as the command names them, with invisible characters escaped as well."""
    return ", ".join(
        f'"{each.replace(chr(9), " ")}"'
        + ("" if each.isascii() and each.isprintable() else f" ({each!a})")
        for each in sorted(user_ids)
    )


def test_names_similar_ids_even_if_the_id_is_not_stored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many({"user_id": user} for user in ["U1", 42])

    assert insights("forget", "u1").stdout == (
        'Similar ids are stored but not erased: "U1".\nNothing is stored for u1.\n'
    )
    assert insights("forget", "42 ").stdout == (
        'Similar ids are stored but not erased: "42".\nNothing is stored for 42 .\n'
    )
    assert empty_database.feedback.count_documents({}) == 2


def test_names_at_most_ten_similar_ids_without_control_characters(
    insights: Insights, empty_database: Database[Document]
) -> None:
    similar = [" " * number + "u1" for number in range(1, 1300)]
    empty_database.analytics.insert_many({"user_id": user} for user in similar)
    empty_database.analytics.insert_one({"user_id": "\u202eu1"})

    named = insights("forget", "u1").stdout.splitlines()[0]
    assert named.count('"') == 20
    assert named.endswith(" and 1,290 more.")

    empty_database.analytics.delete_many({"user_id": {"$in": similar}})
    assert insights("forget", "u1").stdout.splitlines()[0] == (
        "Similar ids are stored but not erased: \"\ufffdu1\" ('\\u202eu1')."
    )


@pytest.mark.usefixtures("stored")
def test_erases_even_if_the_search_for_similar_ids_fails(
    insights: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def similar_ids(*_: object) -> list[str]:
        raise OperationFailure("too much", 292, {"errmsg": "Exceeded memory limit"})

    monkeypatch.setattr("insights.terminal.users.similar_ids", similar_ids)

    result = insights("forget", "u1", "--yes")

    assert result.stdout == ERASED + MAY_ARRIVE
    assert result.stderr == (
        "insights: warning: the search for similar ids failed: Exceeded memory limit\n"
    )


@pytest.mark.parametrize("user_id", ["u1\x1b[31m\n", "$where", "{}", "--yes", "ü" * 200, "u'1"])
def test_accepts_any_user_id_literally(
    insights: Insights, empty_database: Database[Document], user_id: str
) -> None:
    empty_database.analytics.insert_one(an_event(NOON, user_id=user_id))

    result = insights("forget", "--yes", "--", user_id)

    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert result.stdout.count("\n") == 2
    assert empty_database.analytics.count_documents({}) == 0


@pytest.mark.parametrize("command", ["forget", "opt-out", "opt-in"])
@pytest.mark.parametrize("user_id", ["", "x" * 201])
def test_refuses_an_invalid_user_id(insights: Insights, command: str, user_id: str) -> None:
    result = insights(command, user_id)

    assert (result.exit_code, result.stderr) == (
        2,
        "insights: USER_ID must have 1 to 200 characters\n",
    )
