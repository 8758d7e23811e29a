"""`insights doctor` as a whole: output, questions, originals and interruptions."""

import json
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect, BulkWriteError

from tests.support.damage import HOUR, ONE, contents, kept, key, legacy, repaired, rows
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

ORIGINALS = (
    "The originals of changed and removed documents are in the collection `repaired`, "
    "in the field `document`.\n"
)


# All together


@pytest.fixture
def damaged(empty_database: Database[Document]) -> Database[Document]:
    """Return a database without indexes in which every check finds something."""
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, user_id="u1", message_id="m1", rating="old"),
            legacy(NOON + HOUR, rating="new", source="web"),
            legacy("2026-11-01T13:30:00", rating="newest", user_id=1, message_id="m1"),
            legacy(NOON, user_id="1", rating="first"),
            legacy(None, _id=ONE, message_id="m2"),
            legacy("yesterday", message_id="m3"),
            legacy(NOON, user_id=None),
        ]
    )
    empty_database.analytics.insert_many(
        [
            an_event(NOON, user_id="u1"),
            an_event(NOON) | {"user_id": 7.0},
            an_event(NOON) | {"timestamp": 1_712_121_530},
            an_event(NOON) | {"timestamp": "2026-11-01T12:00:00Z", "user_id": ONE},
        ]
    )
    return empty_database


FOUND = """\
Finding                             Collection  Found  Repairable  Not repairable
missing index                       feedback    4      4
missing index                       analytics   3      3
timestamp is a text                 feedback    2      1           1 not ISO 8601
timestamp is missing                feedback    1      1
user_id is not a text               feedback    2      1           1 null
timestamp is a text                 analytics   1      1
timestamp is neither date nor text  analytics   1      0           1 number
user_id is not a text               analytics   2      2
repeated for a user and message     feedback    1      1

"""
REPAIRED = """\
Finding                             Collection  Found  Repaired  Not repaired
missing index                       feedback    4      4
missing index                       analytics   3      3
timestamp is a text                 feedback    2      1         1 not ISO 8601
timestamp is missing                feedback    1      1
user_id is not a text               feedback    2      1         1 null
timestamp is a text                 analytics   1      1
timestamp is neither date nor text  analytics   1      0         1 number
user_id is not a text               analytics   2      2
repeated for a user and message     feedback    2      2

"""


def test_shows_findings_and_changes_nothing(
    insights: Insights, damaged: Database[Document]
) -> None:
    before = contents(damaged)

    result = insights("doctor")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(FOUND)
    assert result.stdout.count("\n") == FOUND.count("\n") + 1
    assert "14 can be repaired: run `" in result.stdout
    assert result.stdout.endswith(" doctor --repair`.\n")
    assert contents(damaged) == before
    assert list(damaged.feedback.index_information()) == ["_id_"]


def test_shows_the_counts_asks_and_repairs(insights: Insights, damaged: Database[Document]) -> None:
    result = insights("doctor", "--repair", answer="y\n")

    assert (result.exit_code, result.stderr) == (0, "Repair 14 of 17 findings? [y/n] (n): ")
    assert result.stdout == FOUND + REPAIRED + ORIGINALS
    assert sorted(each["rating"] for each in damaged.feedback.find({"user_id": {"$ne": None}})) == [
        *("new", "newest", "thumbs_up", "thumbs_up")
    ]
    newest = {"rating": "newest", "timestamp": NOON + 1.5 * HOUR}
    assert damaged.feedback.find_one({"_id": key("1")}) == legacy(None) | newest | {
        **key("1"),
        "_id": key("1"),
    }
    assert damaged.analytics.distinct("user_id") == [str(ONE), "7", "u1"]


def test_repairs_without_a_question(insights: Insights, damaged: Database[Document]) -> None:
    result = insights("doctor", "--repair", "--yes")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == FOUND + REPAIRED + ORIGINALS
    assert damaged.analytics.distinct("user_id") == [str(ONE), "7", "u1"]


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_repairs_nothing_without_a_yes(
    insights: Insights, damaged: Database[Document], answer: str
) -> None:
    before = contents(damaged)

    result = insights("doctor", "--repair", answer=answer)

    assert (result.exit_code, result.stdout) == (1, FOUND)
    assert result.stderr == "Repair 14 of 17 findings? [y/n] (n): insights: nothing was done\n"
    assert contents(damaged) == before


def test_refuses_without_someone_to_ask(insights: Insights, damaged: Database[Document]) -> None:
    before = contents(damaged)

    result = insights.run("doctor", "--repair")

    assert (result.exit_code, result.stdout) == (2, FOUND)
    assert result.stderr.endswith("\ninsights: nothing was done: answer y, or pass --yes\n")
    assert contents(damaged) == before


def test_json_repairs_only_with_yes(insights: Insights, damaged: Database[Document]) -> None:
    before = contents(damaged)

    result = insights("doctor", "--repair", "--json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "insights: --repair --json cannot ask for confirmation: pass --yes, too\n"
    )
    assert contents(damaged) == before


def test_a_second_repair_finds_only_the_rest(
    insights: Insights, damaged: Database[Document]
) -> None:
    insights("doctor", "--repair", "--yes")
    before = contents(damaged)

    result = insights("doctor", "--repair")

    assert (result.exit_code, result.stderr) == (0, "")
    assert rows(result.stdout) == [
        "Finding Collection Found Repairable Not repairable",
        "timestamp is a text feedback 1 0 1 not ISO 8601",
        "user_id is not a text feedback 1 0 1 null",
        "timestamp is neither date nor text analytics 1 0 1 number",
        "",
    ]
    assert contents(damaged) == before


def test_keeps_every_original(insights: Insights, damaged: Database[Document]) -> None:
    before = contents(damaged, "feedback", "analytics")

    insights("doctor", "--repair", "--yes")

    after = contents(damaged, "feedback", "analytics")
    gone = [
        raw for name, documents in before.items() for raw in documents if raw not in after[name]
    ]
    assert len(gone) == 7
    assert set(gone) <= set(kept(damaged))
    for copy in damaged.repaired.find():
        assert list(copy) == ["_id", "document", "repaired_at"]
        assert copy["_id"]["_id"] == copy["document"]["_id"]
        assert copy["_id"]["collection"] in {"feedback", "analytics"}
        assert abs(copy["repaired_at"] - datetime.now(UTC)) < HOUR


def test_reports_nothing_to_repair(indexed: Insights, empty_database: Database[Document]) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))
    empty_database.analytics.insert_many([an_event(NOON), an_event(NOON)])

    for options in ([], ["--repair"], ["--repair", "--yes"]):
        result = indexed("doctor", *options)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == "Nothing to repair in 1 feedback and 2 events.\n"
    assert "repaired" not in empty_database.list_collection_names()


def test_json_has_every_check(indexed: Insights) -> None:
    [printed] = indexed("doctor", "--json").lines

    zero = {
        "found": 0,
        "repairable": 0,
        "not_repairable": {},
        "repaired": 0,
        "changed_meanwhile": 0,
    }
    both = ["missing_index", "timestamp_text", "timestamp_missing", "timestamp_other"]
    assert printed == {
        "feedback": dict.fromkeys(
            [*both, "several_ids", "user_id_not_text", "message_id_not_text", "repeated"], zero
        ),
        "analytics": dict.fromkeys([*both, "user_id_not_text", "event_type_not_text"], zero),
    }


def test_the_help_names_the_collection_of_originals(insights: Insights) -> None:
    shown = " ".join(insights("doctor", "--help").stdout.split())

    assert "first copies each document that it changes or removes to the collection `repaired`" in (
        shown
    )


# Indexes


def test_creates_missing_indexes_like_setup(insights: Insights) -> None:
    assert repaired(insights) == {
        "feedback.missing_index": {"found": 4, "repairable": 4, "repaired": 4},
        "analytics.missing_index": {"found": 3, "repairable": 3, "repaired": 3},
    }
    _, *plan = insights("setup", "--dry-run").stdout.splitlines()
    assert {line.split()[0] for line in plan} == {"kept"}


def test_an_index_has_no_original(insights: Insights) -> None:
    result = insights("doctor", "--repair", "--yes")

    assert rows(result.stdout)[-3:] == [
        "missing index feedback 4 4",
        "missing index analytics 3 3",
        "",
    ]


def test_leaves_deleting_and_replaced_indexes_to_setup(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.drop_index("insights_by_user")
    empty_database.feedback.create_index("comment", name="insights_by_user")
    before = empty_database.feedback.index_information()
    settings = {"FEEDBACK_RETENTION_DAYS": "30"}

    result = indexed("doctor", "--repair", "--yes", **settings)

    assert result.exit_code == 0
    [_, row, *_] = rows(result.stdout)
    assert row == (
        "missing index feedback 2 0 1 name in use: run setup, 1 deletes old data: run setup"
    )
    assert empty_database.feedback.index_information() == before


# Interruptions


WRITES = ("insert_many", "insert_one", "bulk_write", "replace_one")


class Interruption:
    """Ends a run at its n-th write to a collection, just before or after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, *, after: bool) -> None:
        self.left = number
        self.after = after
        for name in WRITES:
            original = getattr(Collection, name)
            monkeypatch.setattr(Collection, name, self.wrap(original))

    def wrap(self, original: Callable[..., object]) -> Callable[..., object]:
        """Return a method that counts its calls."""

        def write(collection: Collection[Any], *arguments: Any, **options: Any) -> object:
            self.left -= 1
            if self.left:
                return original(collection, *arguments, **options)
            if self.after:
                with suppress(BulkWriteError):
                    original(collection, *arguments, **options)
            raise AutoReconnect("interrupted")

        return write


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_interruption_anywhere_loses_nothing(
    insights: Insights,
    damaged: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    before = contents(damaged, "feedback", "analytics")

    def restore() -> None:
        for name in ("feedback", "analytics", "repaired"):
            damaged[name].delete_many({})
            if documents := before.get(name):
                damaged[name].insert_many(RawBSONDocument(each) for each in documents)

    insights("doctor", "--repair", "--yes")
    expected = contents(damaged, "feedback", "analytics")
    interrupted = 0
    for number in range(1, 100):
        restore()
        with monkeypatch.context() as patch:
            Interruption(patch, number, after=moment == "after")
            exit_code = insights("doctor", "--repair", "--yes").exit_code
        now = contents(damaged, "feedback", "analytics")
        safe = set(kept(damaged))
        for name, documents in before.items():
            assert set(documents) <= set(now[name]) | safe
        if exit_code == 0:
            break
        assert exit_code == 3
        interrupted = number

        assert insights("doctor", "--repair", "--yes").exit_code == 0
        assert contents(damaged, "feedback", "analytics") == expected
    assert interrupted == 18


@pytest.mark.lacking(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)
def test_survives_repeated_kills_and_stops(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    many = 600
    empty_database.feedback.insert_many(
        legacy((NOON + n % 3 * HOUR).isoformat(), user_id=n // 3, rating=str(n))
        for n in range(many)
    )
    before = set(contents(empty_database, "feedback")["feedback"])

    # Each document has three originals: for its date, its id and its pair.
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGINT):
        progress = empty_database.repaired.estimated_document_count()
        with indexed.start("doctor", "--repair", "--yes") as process:
            deadline = time.monotonic() + 60
            while empty_database.repaired.estimated_document_count() == progress:
                assert time.monotonic() < deadline
                assert process.poll() is None
            process.send_signal(how)
            assert process.wait() in {-how, 130}
        safe = set(kept(empty_database))
        assert before <= safe | set(contents(empty_database, "feedback")["feedback"])

    result = indexed("doctor", "--repair", "--yes", "--json")

    assert json.loads(result.stdout)["feedback"]["repeated"]["changed_meanwhile"] == 0
    stored = {each["_id"]["user_id"]: each["rating"] for each in empty_database.feedback.find()}
    assert stored == {str(n): str(3 * n + 2) for n in range(many // 3)}
    assert before <= set(kept(empty_database))


@pytest.mark.usefixtures("damaged")
def test_reports_a_lost_mongodb(insights: Insights, monkeypatch: pytest.MonkeyPatch) -> None:
    Interruption(monkeypatch, 1, after=False)

    result = insights("doctor", "--repair", "--yes")

    assert (result.exit_code, result.stdout) == (3, FOUND)
    assert result.stderr == "insights: MongoDB stopped answering (AutoReconnect)\n"


def test_reports_a_refused_write_without_the_document(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_one(an_event(NOON) | {"user_id": 42})
    rule = {"user_id": {"$type": "int"}}
    empty_database.command("collMod", "analytics", validator=rule)
    before = contents(empty_database, "analytics")

    result = indexed("doctor", "--repair", "--yes")

    assert result.exit_code == 1
    assert result.stderr == (
        "insights: MongoDB refused the operation: Document failed validation\n"
    )
    assert contents(empty_database, "analytics") == before
