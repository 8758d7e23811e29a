"""What MongoDB's replies mean."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from devserver.mongodb import running_mongod
from shared_code.problems import StoreUnavailable
from shared_code.storage import InsertOutcome, mongodb_operation, to_outcome
from tests.conftest import Document, Post, UseSettings, free_address

DUPLICATE = {"index": 0, "code": 11000, "keyPattern": {"_id": 1}}
TOO_DEEP = {"index": 2, "code": 15}


def reply(*write_errors: dict[str, Any], stored: int = 0, **others: Any) -> dict[str, Any]:
    """Return a reply as PyMongo gives it for a bulk write that went wrong in part."""
    return {"nInserted": stored, "writeErrors": [*write_errors], "writeConcernErrors": []} | others


def test_counts_what_was_stored_and_what_was_there() -> None:
    assert to_outcome(reply(DUPLICATE, stored=3), [0]) == InsertOutcome(stored=3, duplicates=1)


def test_names_what_was_refused_by_its_index() -> None:
    outcome = to_outcome(reply(DUPLICATE, TOO_DEEP), [5, 6, 7])

    assert outcome.duplicates == 1
    assert outcome.refused[7][0].pointer == "#/details"


def test_another_unique_index_is_no_duplicate() -> None:
    outcome = to_outcome(reply({"index": 0, "code": 11000, "keyPattern": {"user_id": 1}}), [3])

    assert outcome.duplicates == 0
    assert outcome.refused[3][0].pointer == "#"


@pytest.mark.parametrize(
    "details",
    [
        # Interrupted at shutdown, stepped down, out of disk space.
        *(reply({"index": 0, "code": code}, stored=1) for code in (11600, 10107, 14031)),
        # Stored on the primary, but not on a majority.
        reply(stored=3, writeConcernErrors=[{"code": 64}]),
    ],
)
def test_what_may_pass_is_unavailable(details: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable):
        to_outcome(details, [0])


async def test_an_operation_is_bounded_and_never_cancelled(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="1")
    may_end, ended = asyncio.Event(), []

    @mongodb_operation
    async def operation(number: int) -> None:
        await may_end.wait()
        ended.append(number)

    given_up = asyncio.create_task(operation(1))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(StoreUnavailable, match="not confirmed"):
        await operation(2)
    may_end.set()
    await asyncio.sleep(0.01)

    assert given_up.cancelled()
    assert ended == [1, 2]


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
