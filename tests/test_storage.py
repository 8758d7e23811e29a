"""What MongoDB's replies mean."""

from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from devserver.mongodb import free_address, running_mongod
from shared_code.group_commit import Reply
from shared_code.problems import StoreUnavailable
from shared_code.storage import Outcome, refusal, to_outcome
from tests.conftest import Document, Post, UseSettings

STORED = Reply(upserted=False, error=None)


def refused(code: int, **others: Any) -> Reply:
    """Return the reply to an operation that MongoDB refused."""
    return Reply(upserted=False, error={"code": code} | others)


def pointers(outcome: Outcome) -> list[str]:
    """Return what the errors of a refused document point to."""
    assert isinstance(outcome, list)
    return [error.pointer for error in outcome]


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
