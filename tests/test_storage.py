"""What MongoDB's replies mean."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError, WriteConcernError

from analytics_function.events import BATCH_LIMIT
from devserver.mongodb import free_address, running_mongod
from shared_code import storage
from shared_code.group_commit import MAXIMUM_BYTES
from shared_code.problems import FieldError, StoreUnavailable
from shared_code.requests import OBJECT_LIMIT
from shared_code.storage import (
    Outcome,
    Reply,
    insert_together,
    refusal,
    replace_together,
    to_outcome,
    to_replies,
)
from shared_code.validation import BEYOND_64_BITS
from shared_code.validation import Document as Valid
from tests.conftest import Commands, Document, Post, UseSettings, body_of

STORED = Reply(upserted=False, error=None)


def refused(code: int, **others: Any) -> Reply:
    """Return the reply to an operation that MongoDB refused."""
    return Reply(upserted=False, error={"code": code} | others)


def pointers(outcome: Outcome) -> list[str]:
    """Return what the errors of a refused document point to."""
    assert isinstance(outcome, list)
    return [error.pointer for error in outcome]


def valid(fields: Document) -> Valid:
    """Return something that was checked, to be stored as these fields."""
    return Valid(fields, size=0, may_hold_infinity=False)


DUPLICATE = refused(11000, keyPattern={"_id": 1})


def test_tells_what_was_stored_from_what_was_there() -> None:
    assert [to_outcome(STORED), to_outcome(DUPLICATE)] == ["stored", "duplicate"]


def test_names_the_field_that_was_refused() -> None:
    assert pointers(to_outcome(refused(15))) == ["#/details"]


def test_another_unique_index_is_no_duplicate() -> None:
    assert pointers(to_outcome(refused(11000, keyPattern={"user_id": 1}))) == ["#"]


# Interrupted at shutdown, stepped down, out of disk space.
@pytest.mark.parametrize("code", [11600, 10107, 14031])
def test_what_may_pass_is_unavailable(code: int) -> None:
    with pytest.raises(StoreUnavailable):
        to_outcome(refused(code))


def test_a_replacement_that_lost_a_race_may_be_sent_again() -> None:
    assert DUPLICATE.error
    with pytest.raises(StoreUnavailable):
        refusal(DUPLICATE.error)


def result(**changes: Any) -> dict[str, Any]:
    """Return the result of a bulk write of three documents, one upserted and one refused."""
    return {
        "nInserted": 1,
        "nMatched": 0,
        "nUpserted": 1,
        "upserted": [{"index": 2, "_id": 1}],
        "writeErrors": [{"index": 0, "code": 15}],
        "writeConcernErrors": [],
    } | changes


def test_replies_are_in_the_order_of_the_documents() -> None:
    assert to_replies(3, result()) == [
        Reply(upserted=False, error={"index": 0, "code": 15}),
        Reply(upserted=False, error=None),
        Reply(upserted=True, error=None),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # MongoDB stopped before the second document, and does not say so.
        ({"nInserted": 0}, AutoReconnect),
        # Stored on the primary, but not on a majority.
        ({"writeConcernErrors": [{"code": 64}]}, WriteConcernError),
    ],
)
def test_what_is_not_confirmed_is_no_success(
    changes: dict[str, Any], expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        to_replies(3, result(**changes))


async def test_one_alone_is_told_what_it_is_told_among_others(
    fresh_database: Database[Document],
) -> None:
    stored, other = valid({"_id": 1}), valid({"_id": 2})
    fresh_database.watched.insert_one({"_id": 1})
    [alone] = await insert_together("watched", [stored])
    [among, _] = await insert_together("watched", [stored, other])

    assert to_outcome(alone) == to_outcome(among) == "duplicate"


async def test_what_bson_cannot_hold_is_found_before_any_of_the_largest_group_is_sent(
    fresh_database: Database[Document], commands: Commands
) -> None:
    # BSON takes the most bytes for a byte of JSON where an array has small numbers.
    zeros = {"zeros": [0] * 16_000}
    size = MAXIMUM_BYTES + BATCH_LIMIT
    fields = [{"_id": n, "details": zeros} for n in range(size // OBJECT_LIMIT)]
    fields.append({"_id": -1, "details": {"big": 2**64}})
    *stored, refused = await insert_together("watched", [valid(each) for each in fields])

    assert stored == [STORED] * (len(fields) - 1)
    assert to_outcome(refused) == [FieldError(("details", "big"), BEYOND_64_BITS)]
    assert commands.names == ["insert"]
    assert fresh_database.watched.count_documents({}) == len(stored)


async def test_what_bson_cannot_hold_costs_no_connection(
    fresh_database: Database[Document], post: Post
) -> None:
    def connections() -> int:
        status = fresh_database.client.admin.command("serverStatus")
        return int(status["connections"]["totalCreated"])

    event: Document = {"user_id": "u1", "event_type": "e"}
    assert (await post("analytics", event)).status_code == 202
    before = connections()
    for _ in range(5):
        response = await post("analytics", event | {"details": {"big": 2**64}})
        assert response.status_code == 422
    assert (await post("analytics", event)).status_code == 202

    assert connections() == before


@pytest.fixture
def no_majority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have MongoDB say that a document is stored or replaced, which no majority confirmed."""
    error = {"index": 0, "code": 11000, "keyPattern": {"_id": 1}}
    unconfirmed = {
        "nInserted": 0,
        "nUpserted": 0,
        "upserted": [],
        "writeConcernErrors": [{"code": 64}],
    }

    async def insert_one(*_: Any) -> NoReturn:
        # PyMongo prefers write errors over write concern errors.
        raise DuplicateKeyError("", 11000, error)

    async def insert_many(*_: Any, **__: Any) -> NoReturn:
        raise BulkWriteError(result(**unconfirmed, nMatched=0, writeErrors=[error]))

    async def bulk_write(*_: Any, **__: Any) -> NoReturn:
        raise BulkWriteError(result(**unconfirmed, nMatched=1, writeErrors=[]))

    collection = SimpleNamespace(
        insert_one=insert_one, insert_many=insert_many, bulk_write=bulk_write
    )
    monkeypatch.setattr(storage, "get_collection", lambda _: collection)


@pytest.mark.usefixtures("no_majority")
async def test_a_duplicate_that_no_majority_confirmed_is_no_success() -> None:
    with pytest.raises(WriteConcernError):
        await insert_together("watched", [valid({"_id": 1})])


@pytest.mark.usefixtures("fresh_database", "no_majority")
async def test_a_feedback_that_no_majority_confirmed_is_no_success(post: Post) -> None:
    body = {"message_id": "m1", "user_id": "u1", "rating": "up"}
    assert (await post("feedback", body)).status_code == 503


async def test_a_feedback_that_replaces_another_takes_two_writes(
    fresh_database: Database[Document], commands: Commands, post: Post
) -> None:
    body = {"message_id": "m1", "user_id": "u1", "rating": "up"}
    assert (await post("feedback", body)).status_code == 201
    assert commands.names == ["insert"]
    assert (await post("feedback", body | {"rating": "down"})).status_code == 200

    assert commands.names == ["insert", "insert", "update"]
    assert [each["rating"] for each in fresh_database.feedback.find()] == ["down"]


async def test_an_earlier_feedback_does_not_replace_a_later_one(
    fresh_database: Database[Document],
) -> None:
    later, earlier = ({"_id": 1, "timestamp": datetime(2026, 1, day, tzinfo=UTC)} for day in (2, 1))
    fresh_database.feedback.insert_one(later)

    assert await replace_together("feedback", [valid(earlier)]) == [STORED]
    assert list(fresh_database.feedback.find()) == [later]


async def test_what_becomes_of_each_event_is_told_in_order(
    post: Post, fresh_database: Database[Document]
) -> None:
    batch: list[Any] = [
        {"user_id": "u1", "event_type": "e", "details": {"number": number}} for number in range(500)
    ]
    batch[1] |= {"event_id": "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"}
    batch[301] |= {"event_id": "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"}
    batch[3] = {"user_id": "u1"}
    batch[303] |= {"details": {"big": 2**64}}
    response = await post("analytics", batch)

    assert response.status_code == 207
    answer = body_of(response)
    assert (answer["logged"], answer["duplicates"]) == (497, 1)
    assert [each["pointer"] for each in answer["errors"]] == ["#/3/event_type", "#/303/details/big"]
    stored = [each["details"]["number"] for each in fresh_database.analytics.find()]
    assert sorted(stored) == sorted(set(range(500)) - {3, 301, 303})


async def test_needs_no_other_privileges_than_the_readme_gives(
    tmp_path: Path, post: Post, use_settings: UseSettings
) -> None:
    address, key = free_address(), tmp_path / "key"
    key.write_text("sharedsecret")
    key.chmod(0o400)
    privileges = [
        {"resource": {"db": "up2d8", "collection": "feedback"}, "actions": ["insert", "update"]},
        {"resource": {"db": "up2d8", "collection": "analytics"}, "actions": ["insert"]},
        {"resource": {"db": "up2d8", "collection": "opt_outs"}, "actions": ["find"]},
    ]
    with running_mongod(address, tmp_path / "data", "--auth", "--keyFile", str(key)):
        with MongoClient[Document](f"mongodb://{address}") as client:
            client.admin.command("createUser", "root", pwd="root", roles=["root"])
        with MongoClient[Document](f"mongodb://root:root@{address}") as client:
            client.up2d8.command("createRole", "collect", privileges=privileges, roles=[])
            client.up2d8.command("createUser", "collect", pwd="collect", roles=["collect"])
        use_settings(MONGODB_URI=f"mongodb://collect:collect@{address}/?authSource=up2d8")

        feedback = {"message_id": "m1", "user_id": "u1", "rating": "up"}
        event = {"user_id": "u1", "event_type": "e"}
        assert (await post("feedback", feedback)).status_code == 201
        assert (await post("feedback", feedback)).status_code == 200
        assert (await post("analytics", event)).status_code == 202
