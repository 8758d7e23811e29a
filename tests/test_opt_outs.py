"""Users who opted out of analytics."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pymongo.database import Database

from analytics_function import opt_outs
from shared_code.mongodb.group_commit import Failed
from tests.support.commands import Commands
from tests.support.documents import Document
from tests.support.functions import EVENT, Post, UseSettings, body_of

pytestmark = pytest.mark.dialects

OTHERS = EVENT | {"user_id": "u2"}
OPTED_OUT = {"message": "Event not logged: the user opted out of analytics."}


def opt_out(stored: Database[Document], user: str) -> None:
    """Store an opt-out like the operator's tool."""
    stored.opt_outs.insert_one({"_id": user, "timestamp": datetime.now(UTC)})


async def test_before_during_and_after_an_opt_out(
    fresh_database: Database[Document], post: Post
) -> None:
    assert body_of(await post("analytics", EVENT)) == {"message": "Event logged."}

    opt_out(fresh_database, "u1")
    opt_outs.cached_answers.clear()
    response = await post("analytics", EVENT)
    assert response.status_code == 202
    assert body_of(response) == OPTED_OUT

    fresh_database.opt_outs.delete_one({"_id": "u1"})
    opt_outs.cached_answers.clear()
    assert body_of(await post("analytics", EVENT)) == {"message": "Event logged."}
    assert fresh_database.analytics.count_documents({}) == 2


async def test_a_batch_with_some_opted_out_users(
    fresh_database: Database[Document], post: Post
) -> None:
    opt_out(fresh_database, "u1")
    event_id = str(uuid4())
    await post("analytics", OTHERS | {"event_id": event_id})
    wrong = {"user_id": "u1", "details": {}}
    batch = [EVENT, OTHERS, OTHERS | {"event_id": event_id}, EVENT, wrong]
    response = await post("analytics", batch)

    assert response.status_code == 207
    assert body_of(response) == {
        "message": "1 of 5 events logged.",
        "logged": 1,
        "duplicates": 1,
        "opted_out": 2,
        "errors": [{"index": 4, "pointer": "#/4/event_type", "detail": "is required"}],
    }
    assert fresh_database.analytics.distinct("user_id") == ["u2"]


async def test_a_batch_with_only_opted_out_users(
    fresh_database: Database[Document], post: Post
) -> None:
    opt_out(fresh_database, "u1")
    response = await post("analytics", [EVENT, EVENT])

    assert response.status_code == 202
    assert body_of(response) == {
        "message": "0 events logged.",
        "logged": 0,
        "duplicates": 0,
        "opted_out": 2,
    }
    assert fresh_database.analytics.count_documents({}) == 0


async def test_feedback_of_opted_out_users_is_stored(
    fresh_database: Database[Document], post: Post
) -> None:
    opt_out(fresh_database, "u1")
    feedback = {"message_id": "m1", "user_id": "u1", "rating": "up"}

    assert (await post("feedback", feedback)).status_code == 201


async def test_a_request_takes_at_most_one_query(
    fresh_database: Database[Document], commands: Commands, post: Post
) -> None:
    opt_out(fresh_database, "u1")
    batch = [EVENT | {"user_id": f"u{number}"} for number in range(500)]

    assert body_of(await post("analytics", batch))["opted_out"] == 1
    assert commands.names == ["find", "insert"]
    # Both answers are cached.
    assert body_of(await post("analytics", batch))["opted_out"] == 1
    assert commands.names == ["find", "insert", "insert"]


async def test_concurrent_requests_share_a_query(
    fresh_database: Database[Document], commands: Commands, post: Post
) -> None:
    for number in range(0, 100, 2):
        opt_out(fresh_database, f"u{number}")
    events = (EVENT | {"user_id": f"u{number}"} for number in range(100))
    responses = await asyncio.gather(*(post("analytics", event) for event in events))

    assert [body_of(each) == OPTED_OUT for each in responses] == [True, False] * 50
    assert commands.names.count("find") <= 3


async def test_answers_are_cached_for_less_than_a_minute(
    fresh_database: Database[Document], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    longest_request = 10
    assert opt_outs.MEMORY_SECONDS + longest_request <= 60
    monkeypatch.setattr(opt_outs, "monotonic", lambda: now)
    await post("analytics", EVENT)
    opt_out(fresh_database, "u1")

    assert body_of(await post("analytics", EVENT)) == {"message": "Event logged."}
    now = 60
    assert body_of(await post("analytics", EVENT)) == OPTED_OUT
    fresh_database.opt_outs.delete_one({"_id": "u1"})
    now = 120
    assert body_of(await post("analytics", EVENT)) == {"message": "Event logged."}


async def test_a_late_answer_is_cached_from_the_time_of_the_query(
    fresh_database: Database[Document], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    read = opt_outs.have_opted_out

    async def read_late(collection: str, user_ids: Sequence[str]) -> list[bool | Failed]:
        nonlocal now
        found = await read(collection, user_ids)
        now += 10
        return found

    monkeypatch.setattr(opt_outs, "monotonic", lambda: now)
    monkeypatch.setattr(opt_outs, "have_opted_out", read_late)
    await post("analytics", EVENT)
    opt_out(fresh_database, "u1")

    now = opt_outs.MEMORY_SECONDS
    assert body_of(await post("analytics", EVENT)) == OPTED_OUT


async def test_nothing_is_stored_while_the_query_fails(
    post: Post, use_settings: UseSettings
) -> None:
    use_settings(MONGODB_URI="mongodb://127.0.0.1:1", MONGODB_TIMEOUT_MS="200")

    assert (await post("analytics", EVENT)).status_code == 503


async def test_the_cache_is_bounded(
    fresh_database: Database[Document], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opt_outs, "MEMORY_SIZE", 3)
    opt_out(fresh_database, "u4")
    for number in range(10):
        body = body_of(await post("analytics", EVENT | {"user_id": f"u{number}"}))
        assert (body == OPTED_OUT) == (number == 4)
        assert len(opt_outs.cached_answers) <= 3
