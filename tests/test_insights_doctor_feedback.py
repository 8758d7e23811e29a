"""`insights doctor` on repeated feedback, and on documents with several ids."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import bson
import pytest
from bson import CodecOptions
from bson.binary import UuidRepresentation
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database

from insights.repair import double_ids, repeats
from insights.repair.double_ids import DoubleIds
from insights.repair.findings import Tally
from insights.repair.raw_documents import BATCH_SIZE
from local_project.addresses import Address
from tests.support.damage import (
    HOUR,
    ONE,
    TWO,
    UUID_4,
    contents,
    counts,
    kept,
    key,
    legacy,
    repaired,
    write_before_change,
)
from tests.support.dialect_proxy import DialectProxy, running_proxy
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

UUIDS: CodecOptions[Document] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)


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


def test_keeps_a_newer_feedback_of_the_functions(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    current = a_feedback(NOON, **key(), comment="Good.")
    older = [legacy(NOON - HOUR), legacy(NOON - 2 * HOUR)]
    empty_database.feedback.insert_many([current, *older])

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 2

    assert list(empty_database.feedback.find()) == [current]
    assert kept(empty_database) == sorted(map(bson.encode, older))


def test_replaces_an_older_feedback_of_the_functions(
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


def test_among_equally_new_documents_the_last_id_wins(
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


def test_an_array_does_not_repeat_its_element(
    indexed: Insights, empty_database: Database[Document]
) -> None:
    in_array = legacy(NOON + HOUR, user_id=["u1"])
    empty_database.feedback.insert_many([legacy(NOON), legacy(NOON), in_array])

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 1
    assert empty_database.feedback.find_one({"_id": in_array["_id"]}) == in_array


def test_merges_each_pair_separately(indexed: Insights, empty_database: Database[Document]) -> None:
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


def test_a_rating_stored_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = empty_database.feedback
    feedback.insert_many([legacy(NOON), legacy(NOON + HOUR)])
    rated = a_feedback(NOON + 2 * HOUR, **key(), rating="up")
    write_before_change(monkeypatch, repeats, lambda: feedback.insert_one(rated))

    assert repaired(indexed) == {
        "feedback.repeated": {"found": 1, "repairable": 1, "changed_meanwhile": 1}
    }
    assert feedback.count_documents({}) == 3

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 2
    assert list(feedback.find()) == [rated]


def test_a_rating_replaced_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = empty_database.feedback
    feedback.insert_many([a_feedback(NOON, **key()), legacy(NOON + HOUR)])
    rated = a_feedback(NOON + 2 * HOUR, **key(), rating="down")
    write_before_change(monkeypatch, repeats, lambda: feedback.replace_one({"_id": key()}, rated))

    assert repaired(indexed)["feedback.repeated"]["changed_meanwhile"] == 1
    assert feedback.count_documents({}) == 2

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 1
    assert list(feedback.find()) == [rated]


def test_a_repetition_changed_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = empty_database.feedback
    feedback.insert_many([a_feedback(NOON, **key()), legacy(NOON - HOUR, _id=ONE)])
    change = {"$set": {"rating": "changed"}}
    write_before_change(monkeypatch, repeats, lambda: feedback.update_one({"_id": ONE}, change))

    assert repaired(indexed)["feedback.repeated"]["changed_meanwhile"] == 1
    assert feedback.count_documents({}) == 2

    assert repaired(indexed)["feedback.repeated"]["repaired"] == 1
    ratings = sorted(each["document"]["rating"] for each in empty_database.repaired.find())
    assert ratings == ["changed", "thumbs_up"]


def test_a_newer_repetition_arriving_meanwhile_stays(
    indexed: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = empty_database.feedback
    feedback.insert_many([legacy(NOON), legacy(NOON - HOUR)])
    newest = legacy(NOON + HOUR, rating="newest")
    write_before_change(monkeypatch, repeats, lambda: feedback.insert_one(newest))

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
def azure(mongodb_address: Address) -> Iterator[DialectProxy]:
    """Run a proxy as Azure DocumentDB that reads a stored `_if` as a second `_id`."""
    with running_proxy(mongodb_address, Dialect.AZURE_DOCUMENTDB) as proxy:
        proxy.aliases = {"_if": "_id"}
        yield proxy


def doubled(**given: Any) -> Document:
    """Return a feedback that has two `_id` fields when read through the proxy."""
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


def test_a_document_with_two_ids_replaced_meanwhile_stays(
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


def test_reports_a_second_id_that_remains(
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
