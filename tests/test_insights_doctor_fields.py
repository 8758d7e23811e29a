"""`insights doctor` on dates and ids that are missing or of another type."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import bson
import pytest
from bson import Decimal128, ObjectId, Regex
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from insights.repair import fields
from insights.repair.raw_documents import BATCH_SIZE
from tests.support.damage import (
    ONE,
    UUID_4,
    contents,
    kept,
    key,
    legacy,
    repaired,
    rows,
    write_before_change,
)
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

GENERATED = datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
UUID_7 = UUID("019a3f0e-7c00-7abc-8def-0123456789ab")
GENERATED_7 = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=0x019A3F0E7C00)
FUTURE_UUID_7 = UUID("ffffffff-ffff-7abc-8def-0123456789ab")


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
def test_leaves_a_text_that_is_not_a_time(
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
def test_leaves_a_missing_timestamp_if_the_id_has_no_date(
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
def test_accepts_the_earliest_and_latest_dates(
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
def test_converts_an_id_to_text(
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
def test_leaves_an_id_that_cannot_be_converted(
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
    """Return a document with a text that is not UTF-8."""
    raw = bson.encode(document)
    assert text.encode() in raw
    return RawBSONDocument(raw.replace(text.encode(), b"\xff" * len(text)))


def test_leaves_texts_that_are_not_utf8(
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


def test_a_field_written_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON) | {"_id": _id, "user_id": _id} for _id in (1, 2, 3)
    )
    later = {"$set": {"user_id": "later"}}
    write_before_change(
        monkeypatch, fields, lambda: empty_database.analytics.update_one({"_id": 2}, later)
    )

    result = indexed("doctor", "--repair", "--yes")

    assert "user_id is not a text analytics 3 2 1 changed meanwhile" in rows(result.stdout)
    assert "1 changed meanwhile: run `" in result.stdout
    assert {each["_id"]: each["user_id"] for each in empty_database.analytics.find()} == {
        1: "1",
        2: "later",
        3: "3",
    }


def test_keeps_both_originals_of_a_doubly_damaged_document(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    for text in ("2026-11-01T12:00:00", "2026-11-01T13:00:00"):
        empty_database.feedback.replace_one({"_id": ONE}, legacy(text, _id=ONE), upsert=True)
        indexed("doctor", "--repair", "--yes")

    texts = [each["document"]["timestamp"] for each in empty_database.repaired.find()]
    assert sorted(texts) == ["2026-11-01T12:00:00", "2026-11-01T13:00:00"]
