"""`insights doctor`: damaged data is found, and repaired without losing anything."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import bson
import pytest
from bson import CodecOptions, Decimal128, ObjectId, Regex
from bson.binary import UuidRepresentation
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect, BulkWriteError

from insights.repair import double_ids, fields, originals, repeats
from insights.repair.double_ids import DoubleIds
from insights.repair.findings import Tally
from insights.repair.raw_documents import BATCH_SIZE
from local_project.connection_strings import loopback_address
from tests.conftest import Document
from tests.insights_cli import Insights, Result, a_feedback, an_event
from tests.support.dialect_proxy import DialectProxy, running_proxy
from tests.support.dialects import Dialect

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

ORIGINALS = (
    "The originals of changed and removed documents are in the collection `repaired`, "
    "each in its field `document`.\n"
)

UUIDS: CodecOptions[Document] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

ONE, TWO = ObjectId("5f5e10000000000000000001"), ObjectId("5f5e10000000000000000002")
GENERATED = datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
UUID_7 = UUID("019a3f0e-7c00-7abc-8def-0123456789ab")
GENERATED_7 = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=0x019A3F0E7C00)
FUTURE_UUID_7 = UUID("ffffffff-ffff-7abc-8def-0123456789ab")
UUID_4 = UUID("0b9f6a5c-1f0e-4abc-8def-0123456789ab")


@pytest.fixture
def indexed(insights: Insights) -> Insights:
    """Return the tool on a database that has its indexes."""
    assert insights("setup").exit_code == 0
    return insights


def legacy(timestamp: object, **given: Any) -> Document:
    """Return a feedback as an earlier backend stored it."""
    return {
        "_id": ObjectId(),
        "message_id": "m1",
        "user_id": "u1",
        "rating": "thumbs_up",
        "timestamp": timestamp,
    } | given


def key(user_id: str = "u1", message_id: str = "m1") -> Document:
    """Return the `_id` that the functions give a feedback."""
    return {"user_id": user_id, "message_id": message_id}


def contents(database: Database[Document], *names: str) -> dict[str, list[bytes]]:
    """Return the bytes of all documents of some collections, or of all."""
    raw = database.with_options(CodecOptions(RawBSONDocument))
    return {
        name: sorted(bytes(each.raw) for each in raw[name].find())
        for name in names or database.list_collection_names()
    }


def kept(database: Database[Document]) -> list[bytes]:
    """Return the bytes of the originals."""
    raw = database.with_options(CodecOptions(RawBSONDocument))
    return sorted(bytes(each["document"].raw) for each in raw.repaired.find())


def counts(result: Result) -> dict[str, dict[str, Any]]:
    """Return what `--json` says of checks that found something."""
    assert (result.exit_code, result.stderr) == (0, "")
    [printed] = result.lines
    return {
        f"{collection}.{name}": {key: value for key, value in tally.items() if value}
        for collection, tallies in printed.items()
        for name, tally in tallies.items()
        if tally["found"]
    }


def repaired(insights: Insights) -> dict[str, dict[str, Any]]:
    """Repair, and return the counts."""
    return counts(insights("doctor", "--repair", "--yes", "--json"))


def rows(output: str) -> list[str]:
    """Return the lines of an output without padding."""
    return [" ".join(line.split()) for line in output.splitlines()]


def in_between(monkeypatch: pytest.MonkeyPatch, module: Any, write: Callable[[], object]) -> None:
    """Let another writer in, once, after the originals are stored and before the change."""
    writes = [write]

    def keep(*arguments: Any) -> None:
        originals.keep(*arguments)
        while writes:
            writes.pop()()

    monkeypatch.setattr(module, "keep", keep)


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


def test_shows_what_it_finds_and_changes_nothing(
    insights: Insights, damaged: Database[Document]
) -> None:
    before = contents(damaged)

    result = insights("doctor")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(FOUND)
    assert result.stdout.count("\n") == FOUND.count("\n") + 1
    assert "14 can be repaired: `" in result.stdout
    assert result.stdout.endswith(" doctor --repair` does that.\n")
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


def test_refuses_where_nobody_can_answer(insights: Insights, damaged: Database[Document]) -> None:
    before = contents(damaged)

    result = insights.run("doctor", "--repair")

    assert (result.exit_code, result.stdout) == (2, FOUND)
    assert result.stderr.endswith("\ninsights: nothing was done: answer y, or give --yes\n")
    assert contents(damaged) == before


def test_json_shows_no_counts_to_decide_on(insights: Insights, damaged: Database[Document]) -> None:
    before = contents(damaged)

    result = insights("doctor", "--repair", "--json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "insights: --json prints no counts to decide on: give --yes, too\n"
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


def test_says_that_there_is_nothing_to_repair(
    indexed: Insights, empty_database: Database[Document]
) -> None:
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


def test_the_help_says_where_the_originals_are(insights: Insights) -> None:
    shown = " ".join(insights("doctor", "--help").stdout.split())

    assert "its original is stored in the collection `repaired`" in shown


# Indexes


def test_creates_missing_indexes_as_setup_does(insights: Insights) -> None:
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


def test_leaves_to_setup_what_deletes_and_what_replaces(
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


# Timestamps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T12:00:00", NOON),
        ("2026-11-01T12:00:00Z", NOON),
        ("2026-11-01t12:00:00z", NOON),
        (" 2026-11-01 12:00:00 ", NOON),
        ("2026-11-01T12:00:00.123456", NOON.replace(microsecond=123000)),
        ("2026-11-01T14:00:00+02:00", NOON),
        ("2026-11-01T06:30:00-05:30", NOON),
        ("2026-11-01", NOON.replace(hour=0)),
    ],
)
@pytest.mark.parametrize("collection", ["feedback", "analytics"])
def test_parses_a_text(
    indexed: Insights,
    empty_database: Database[Document],
    collection: str,
    text: str,
    expected: datetime,
) -> None:
    document = legacy(text) | {"event_type": "page_view", "details": {"$where": {"a.b": [1]}}}
    empty_database[collection].insert_one(document)
    before = contents(empty_database, collection)[collection]

    assert repaired(indexed) == {
        f"{collection}.timestamp_text": {"found": 1, "repairable": 1, "repaired": 1}
    }

    assert list(empty_database[collection].find()) == [document | {"timestamp": expected}]
    assert kept(empty_database) == before
    assert repaired(indexed) == {}


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "1712121530123", "20261101", "2026-13-01", "2026-11-01T25:00:00"),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "Sun, 01 Nov 2026 12:00:00"),
    ],
)
def test_leaves_a_text_that_is_no_time(
    indexed: Insights, empty_database: Database[Document], text: str
) -> None:
    empty_database.feedback.insert_one(legacy(text))
    before = contents(empty_database)

    assert repaired(indexed) == {
        "feedback.timestamp_text": {"found": 1, "not_repairable": {"not ISO 8601": 1}}
    }
    assert contents(empty_database) == before


@pytest.mark.parametrize(("identifier", "expected"), [(ONE, GENERATED), (UUID_7, GENERATED_7)])
@pytest.mark.parametrize("absent", [{"timestamp": None}, {}])
def test_takes_a_missing_timestamp_from_the_id(
    indexed: Insights,
    empty_database: Database[Document],
    identifier: object,
    expected: datetime,
    absent: Document,
) -> None:
    document = an_event(NOON) | {"_id": identifier}
    del document["timestamp"]
    document |= absent
    empty_database.analytics.insert_one(document)
    before = contents(empty_database, "analytics")["analytics"]

    assert repaired(indexed) == {
        "analytics.timestamp_missing": {"found": 1, "repairable": 1, "repaired": 1}
    }

    assert list(empty_database.analytics.find()) == [document | {"timestamp": expected}]
    assert kept(empty_database) == before


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        (UUID_4, "no date in the _id"),
        (key(), "no date in the _id"),
        ("019a3f0e-7c00-7abc-8def-0123456789ab", "no date in the _id"),
        (42, "no date in the _id"),
        (FUTURE_UUID_7, "future date in the _id"),
        (ObjectId("ffffffff0000000000000000"), "future date in the _id"),
    ],
)
def test_leaves_a_missing_timestamp_that_the_id_does_not_tell(
    indexed: Insights, empty_database: Database[Document], identifier: object, reason: str
) -> None:
    empty_database.feedback.insert_one(legacy(None, _id=identifier))
    before = contents(empty_database)

    assert repaired(indexed) == {
        "feedback.timestamp_missing": {"found": 1, "not_repairable": {reason: 1}}
    }
    assert contents(empty_database) == before


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        (1_712_121_530, "number"),
        (1.5, "number"),
        (Decimal128("1"), "number"),
        (True, "boolean"),
        ({"$date": "2026-11-01T12:00:00Z"}, "object"),
        ([], "array"),
        ([NOON], "array"),
        (["2026-11-01T12:00:00Z"], "array"),
        ([None], "array"),
        (DatetimeMS(253402300800000), "date out of range"),
        (DatetimeMS(-62135596800001), "date out of range"),
        (Regex("x"), "other type"),
    ],
)
def test_counts_timestamps_of_other_types(
    indexed: Insights, empty_database: Database[Document], timestamp: object, reason: str
) -> None:
    empty_database.feedback.insert_one(legacy(timestamp))
    before = contents(empty_database)

    assert repaired(indexed) == {
        "feedback.timestamp_other": {"found": 1, "not_repairable": {reason: 1}}
    }
    assert contents(empty_database) == before


@pytest.mark.parametrize("timestamp", [DatetimeMS(253402300799999), DatetimeMS(-62135596800000)])
def test_takes_the_earliest_and_latest_dates(
    indexed: Insights, empty_database: Database[Document], timestamp: DatetimeMS
) -> None:
    empty_database.feedback.insert_one(legacy(timestamp))

    assert repaired(indexed) == {}


# Ids


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (42, "42"),
        (-7, "-7"),
        (0, "0"),
        (42.0, "42"),
        (4.5, "4.5"),
        (1e21, "1000000000000000000000"),
        (2**63 - 1, "9223372036854775807"),
        (Decimal128("42.00"), "42"),
        (Decimal128("9999999999999999999999999999999999"), "9" * 34),
        (Decimal128("1200"), "1200"),
        (ONE, "5f5e10000000000000000001"),
    ],
)
@pytest.mark.parametrize(
    ("collection", "field"),
    [
        ("feedback", "user_id"),
        ("feedback", "message_id"),
        ("analytics", "user_id"),
        ("analytics", "event_type"),
    ],
)
def test_turns_an_id_into_its_text(
    indexed: Insights,
    empty_database: Database[Document],
    collection: str,
    field: str,
    value: object,
    text: str,
) -> None:
    document = legacy(NOON, event_type="page_view") | {field: value}
    empty_database[collection].insert_one(document)
    before = contents(empty_database, collection)[collection]

    assert repaired(indexed) == {
        f"{collection}.{field}_not_text": {"found": 1, "repairable": 1, "repaired": 1}
    }

    assert list(empty_database[collection].find()) == [document | {field: text}]
    assert kept(empty_database) == before
    assert repaired(indexed) == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null"),
        (..., "missing"),
        ([], "array"),
        (["u1"], "array"),
        ([42], "array"),
        ({"id": 42}, "object"),
        ({}, "object"),
        (True, "boolean"),
        (NOON, "date"),
        (float("nan"), "number"),
        (float("inf"), "number"),
        (1e300, "number"),
        (Decimal128("1E-6000"), "number"),
        (UUID_4, "other type"),
    ],
)
def test_leaves_an_id_that_is_nothing_else(
    indexed: Insights, empty_database: Database[Document], value: object, reason: str
) -> None:
    document = an_event(NOON) | {"user_id": value}
    if value is ...:
        del document["user_id"]
    empty_database.analytics.insert_one(document)
    before = contents(empty_database)

    assert repaired(indexed) == {
        "analytics.user_id_not_text": {"found": 1, "not_repairable": {reason: 1}}
    }
    assert contents(empty_database) == before


def not_utf8(document: Document, text: str) -> RawBSONDocument:
    """Return a document in which a text is not UTF-8."""
    raw = bson.encode(document)
    assert text.encode() in raw
    return RawBSONDocument(raw.replace(text.encode(), b"\xff" * len(text)))


def test_leaves_texts_that_are_not_utf8_as_they_are(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    comment = not_utf8(legacy("2026-11-01T12:00:00", comment="good"), "good")
    users = [not_utf8(legacy(NOON, user_id="anna"), "anna") for _ in range(2)]
    empty_database.feedback.insert_many([comment, *users])

    assert repaired(indexed) == {
        "feedback.timestamp_text": {"found": 1, "repairable": 1, "repaired": 1},
        "feedback.repeated": {"found": 1, "repairable": 1, "changed_meanwhile": 1},
    }
    stored = contents(empty_database, "feedback")["feedback"]
    assert sum(b"\xff" * 4 in raw for raw in stored) == 3
    assert {bytes(each.raw) for each in users} < set(stored)
    assert kept(empty_database) == [bytes(comment.raw)]


def test_repairs_several_fields_of_a_document(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    document = legacy("2026-11-01T12:00:00", user_id=42, message_id=ONE, source="web")
    empty_database.feedback.insert_one(document)
    before = contents(empty_database, "feedback")["feedback"]

    assert set(repaired(indexed)) == {
        "feedback.timestamp_text",
        "feedback.user_id_not_text",
        "feedback.message_id_not_text",
    }

    expected = document | {"timestamp": NOON, "user_id": "42", "message_id": str(ONE)}
    assert list(empty_database.feedback.find()) == [expected]
    assert set(before) < set(kept(empty_database))


def test_repairs_more_than_a_batch(indexed: Insights, empty_database: Database[Document]) -> None:
    many = 2 * BATCH_SIZE + 1
    empty_database.analytics.insert_many(an_event(NOON) | {"user_id": n} for n in range(many))

    assert repaired(indexed) == {
        "analytics.user_id_not_text": {"found": many, "repairable": many, "repaired": many}
    }

    users = {each["user_id"] for each in empty_database.analytics.find()}
    assert users == {str(number) for number in range(many)}
    assert empty_database.repaired.count_documents({}) == many


def test_a_field_that_is_written_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON) | {"_id": _id, "user_id": _id} for _id in (1, 2, 3)
    )
    later = {"$set": {"user_id": "later"}}
    in_between(monkeypatch, fields, lambda: empty_database.analytics.update_one({"_id": 2}, later))

    result = indexed("doctor", "--repair", "--yes")

    assert "user_id is not a text analytics 3 2 1 changed meanwhile" in rows(result.stdout)
    assert "1 changed meanwhile: `" in result.stdout
    assert {each["_id"]: each["user_id"] for each in empty_database.analytics.find()} == {
        1: "1",
        2: "later",
        3: "3",
    }


def test_keeps_both_originals_of_a_document_that_is_damaged_twice(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    for text in ("2026-11-01T12:00:00", "2026-11-01T13:00:00"):
        empty_database.feedback.replace_one({"_id": ONE}, legacy(text, _id=ONE), upsert=True)
        indexed("doctor", "--repair", "--yes")

    texts = [each["document"]["timestamp"] for each in empty_database.repaired.find()]
    assert sorted(texts) == ["2026-11-01T12:00:00", "2026-11-01T13:00:00"]


# Repeated feedback


def test_puts_the_newest_under_the_right_id(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    extra = {"session": {"b": 1, "a": [1, 2.0, None]}, "tags": ["x"], "n": bson.Int64(1)}
    newest = legacy(NOON + HOUR, rating="thumbs_down", **extra)
    empty_database.feedback.insert_many([legacy(NOON), newest, legacy(NOON - HOUR)])
    before = contents(empty_database, "feedback")["feedback"]

    assert repaired(indexed) == {"feedback.repeated": {"found": 2, "repairable": 2, "repaired": 2}}

    [raw] = contents(empty_database, "feedback")["feedback"]
    assert raw == bson.encode(newest | {"_id": key()})
    assert kept(empty_database) == before
    assert repaired(indexed) == {}


def test_a_newer_feedback_of_the_functions_stays(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    current = a_feedback(NOON, **key(), comment="Good.")
    older = [legacy(NOON - HOUR), legacy(NOON - 2 * HOUR)]
    empty_database.feedback.insert_many([current, *older])

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 2

    assert list(empty_database.feedback.find()) == [current]
    assert kept(empty_database) == sorted(map(bson.encode, older))


def test_an_older_feedback_of_the_functions_is_replaced(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    current = a_feedback(NOON, **key(), comment="Good.")
    newer = legacy(NOON + HOUR, source="web")
    empty_database.feedback.insert_many([newer, current])

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 1

    assert list(empty_database.feedback.find()) == [newer | {"_id": key()}]
    assert kept(empty_database) == sorted(map(bson.encode, [current, newer]))


@pytest.mark.parametrize("timestamp", ["yesterday", None, 5, [NOON], DatetimeMS(10**15)])
def test_a_document_without_a_date_counts_as_the_oldest(
    indexed: Insights, empty_database: Database[Document], timestamp: object
) -> None:
    dated = legacy(NOON.replace(year=1000), rating="dated")
    undated = legacy(timestamp, _id="undated", rating="undated")
    empty_database.feedback.insert_many([undated, dated, undated | {"_id": "other"}])

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 2

    assert list(empty_database.feedback.find()) == [dated | {"_id": key()}]


def test_of_equally_new_documents_the_last_id_wins(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    last = legacy(NOON, _id=TWO, rating="last")
    empty_database.feedback.insert_many([last, legacy(NOON, _id=ONE)])

    repaired(indexed)

    assert list(empty_database.feedback.find()) == [last | {"_id": key()}]


def test_leaves_single_documents_and_other_pairs_alone(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    documents = [
        legacy(NOON),
        legacy(NOON, user_id="u2"),
        legacy(NOON, message_id="m2"),
        legacy(NOON, user_id=["u1"], message_id="m1"),
        legacy(NOON, user_id=["u1"], message_id="m1"),
        legacy(NOON, user_id=None, message_id="m1"),
        legacy(NOON, user_id=None, message_id="m1"),
        a_feedback(NOON, user_id="u3", message_id="m3"),
    ]
    empty_database.feedback.insert_many(documents)

    assert set(repaired(indexed)) == {"feedback.user_id_not_text"}
    assert list(empty_database.feedback.find()) == documents


def test_an_array_is_no_repetition_of_its_element(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    in_array = legacy(NOON + HOUR, user_id=["u1"])
    empty_database.feedback.insert_many([legacy(NOON), legacy(NOON), in_array])

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 1
    assert empty_database.feedback.find_one({"_id": in_array["_id"]}) == in_array


def test_merges_each_pair_for_itself(indexed: Insights, empty_database: Database[Document]) -> None:
    pairs = [(f"u{user}", f"m{message}") for user in range(5) for message in range(5)]
    empty_database.feedback.insert_many(
        legacy(NOON + age * HOUR, user_id=user, message_id=message, rating=f"{user}{message}{age}")
        for age in (1, 2, 0)
        for user, message in pairs
    )

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 50

    stored = {tuple(each["_id"].items()): each["rating"] for each in empty_database.feedback.find()}
    assert stored == {tuple(key(*pair).items()): "".join(pair) + "2" for pair in pairs}


def test_merges_more_than_a_batch(indexed: Insights, empty_database: Database[Document]) -> None:
    many = 2 * BATCH_SIZE + 1
    empty_database.feedback.insert_many(
        legacy(NOON + timedelta(seconds=n), rating=str(n)) for n in range(many)
    )

    assert repaired(indexed)["feedback.repeated"]["repaired"] == many - 1

    [document] = empty_database.feedback.find()
    assert (document["_id"], document["rating"]) == (key(), str(many - 1))
    assert empty_database.repaired.count_documents({}) == many


def test_merges_a_document_under_an_id_in_another_order(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    swapped = dict(reversed(key().items()))
    empty_database.feedback.insert_many([legacy(NOON, _id=swapped), legacy(NOON - HOUR)])

    repaired(indexed)

    [document] = empty_database.feedback.find()
    assert list(document["_id"]) == ["user_id", "message_id"]
    assert document["timestamp"] == NOON


def test_a_rating_that_is_stored_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = empty_database.feedback
    feedback.insert_many([legacy(NOON), legacy(NOON + HOUR)])
    rated = a_feedback(NOON + 2 * HOUR, **key(), rating="up")
    in_between(monkeypatch, repeats, lambda: feedback.insert_one(rated))

    assert repaired(indexed) == {
        "feedback.repeated": {"found": 1, "repairable": 1, "changed_meanwhile": 1}
    }
    assert feedback.count_documents({}) == 3

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 2
    assert list(feedback.find()) == [rated]


def test_a_rating_that_is_replaced_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = empty_database.feedback
    feedback.insert_many([a_feedback(NOON, **key()), legacy(NOON + HOUR)])
    rated = a_feedback(NOON + 2 * HOUR, **key(), rating="down")
    in_between(monkeypatch, repeats, lambda: feedback.replace_one({"_id": key()}, rated))

    assert repaired(indexed)["feedback.repeated"]["changed_meanwhile"] == 1
    assert feedback.count_documents({}) == 2

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 1
    assert list(feedback.find()) == [rated]


def test_a_repetition_that_changes_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = empty_database.feedback
    feedback.insert_many([a_feedback(NOON, **key()), legacy(NOON - HOUR, _id=ONE)])
    change = {"$set": {"rating": "changed"}}
    in_between(monkeypatch, repeats, lambda: feedback.update_one({"_id": ONE}, change))

    assert repaired(indexed)["feedback.repeated"]["changed_meanwhile"] == 1
    assert feedback.count_documents({}) == 2

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 1
    ratings = sorted(each["document"]["rating"] for each in empty_database.repaired.find())
    assert ratings == ["changed", "thumbs_up"]


def test_a_newer_repetition_that_arrives_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = empty_database.feedback
    feedback.insert_many([legacy(NOON), legacy(NOON - HOUR)])
    newest = legacy(NOON + HOUR, rating="newest")
    in_between(monkeypatch, repeats, lambda: feedback.insert_one(newest))

    repaired(indexed)
    assert feedback.find_one({"_id": newest["_id"]}) == newest

    repaired(indexed)
    assert list(feedback.find()) == [newest | {"_id": key()}]


# Several _id fields


def with_ids(*ids: object, **given: Any) -> RawBSONDocument:
    """Return a feedback with several `_id` fields."""
    parts = [{"_id": each} for each in ids] + [a_feedback(NOON, **key(), **given)]
    del parts[-1]["_id"]
    elements = b"".join(bson.encode(part, codec_options=UUIDS)[4:-1] for part in parts)
    return RawBSONDocument((len(elements) + 5).to_bytes(4, "little") + elements + b"\0")


@pytest.mark.parametrize(
    ("ids", "found", "repairable"),
    [
        ([key()], 0, 0),
        ([key(), key()], 1, 1),
        ([key()] * 5, 1, 1),
        ([ONE, ONE], 1, 1),
        ([UUID_4, UUID_4], 1, 1),
        ([key(), ONE], 1, 0),
        ([key(), dict(reversed(key().items()))], 1, 0),
        ([{"_id": 1}], 0, 0),
    ],
)
def test_counts_the_ids_of_a_document(ids: list[object], found: int, repairable: int) -> None:
    tally = Tally()

    assert double_ids.judge(with_ids(*ids), tally) is (repairable == 1)
    assert (tally.found, tally.repairable) == (found, repairable)


@pytest.fixture
def azure(mongodb_uri: str) -> Iterator[DialectProxy]:
    """Run Azure DocumentDB, which reads a stored `_if` as a second `_id`."""
    address = loopback_address(mongodb_uri)
    assert address is not None
    with running_proxy(address, Dialect.AZURE_DOCUMENTDB) as proxy:
        proxy.aliases = {"_if": "_id"}
        yield proxy


def doubled(**given: Any) -> Document:
    """Return a feedback that has two `_id` fields once it is read through the proxy."""
    document = a_feedback(NOON, **key(), **given)
    return document | {"_if": document["_id"]}


def test_removes_the_second_id(
    indexed: Insights, empty_database: Database[Document], azure: DialectProxy
) -> None:
    damaged = doubled(comment="Good.")
    whole = a_feedback(NOON, user_id="u2")
    empty_database.feedback.insert_many([damaged, whole])
    indexed.settings["MONGODB_URI"] = azure.uri

    found = {"feedback.several_ids": {"found": 1, "repairable": 1}}
    assert counts(indexed("doctor", "--json")) == found
    assert empty_database.feedback.count_documents({"_if": {"$exists": True}}) == 1

    found["feedback.several_ids"]["repaired"] = 1
    assert repaired(indexed) == found

    del damaged["_if"]
    assert list(empty_database.feedback.find()) == [damaged, whole]
    assert repaired(indexed) == {}


def test_a_document_with_two_ids_that_is_replaced_meanwhile_stays(
    indexed: Insights,
    empty_database: Database[Document],
    azure: DialectProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty_database.feedback.insert_one(doubled(rating="up"))
    rated = a_feedback(NOON + HOUR, **key(), rating="down")
    replace = DoubleIds.replace

    def late(self: DoubleIds, document: RawBSONDocument, tally: Tally) -> None:
        empty_database.feedback.replace_one({"_id": key()}, rated)
        replace(self, document, tally)

    monkeypatch.setattr(DoubleIds, "replace", late)
    indexed.settings["MONGODB_URI"] = azure.uri

    assert repaired(indexed) == {
        "feedback.several_ids": {"found": 1, "repairable": 1, "changed_meanwhile": 1}
    }
    assert list(empty_database.feedback.find()) == [rated]


def test_says_so_if_the_second_id_is_still_there(
    indexed: Insights,
    empty_database: Database[Document],
    azure: DialectProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty_database.feedback.insert_one(doubled())
    before = contents(empty_database)
    matched = type("Result", (), {"matched_count": 1})
    monkeypatch.setattr(Collection, "replace_one", lambda *_: matched)
    indexed.settings["MONGODB_URI"] = azure.uri

    assert repaired(indexed) == {
        "feedback.several_ids": {
            "found": 1,
            "not_repairable": {"still several after the repair": 1},
        }
    }
    assert contents(empty_database) == before


# Interruptions


WRITES = ("insert_many", "insert_one", "bulk_write", "replace_one")


class Interruption:
    """Ends a run at its n-th write to a collection, right before or after it is done."""

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


def test_can_be_killed_and_stopped_again_and_again(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    many = 600
    empty_database.feedback.insert_many(
        legacy((NOON + n % 3 * HOUR).isoformat(), user_id=n // 3, rating=str(n))
        for n in range(many)
    )
    before = set(contents(empty_database, "feedback")["feedback"])

    # There are three originals of each document: by its date, its id and its pair.
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
def test_a_mongodb_that_goes_away_is_told(
    insights: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    Interruption(monkeypatch, 1, after=False)

    result = insights("doctor", "--repair", "--yes")

    assert (result.exit_code, result.stdout) == (3, FOUND)
    assert result.stderr == "insights: MongoDB does not answer any more (AutoReconnect)\n"


def test_a_refused_write_is_told_without_the_document(
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
