"""POST /api/feedback."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.database import Database

import feedback_function
from tests.support.documents import Document
from tests.support.functions import FEEDBACK, Post, UseSettings, body_of

pytestmark = pytest.mark.dialects

WITHDRAWAL: Document = FEEDBACK | {"rating": None}


@pytest.fixture
def send_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Return a function that sets the clock of the next requests."""

    def set_clock(now: datetime) -> None:
        clock = SimpleNamespace(now=lambda _zone: now)
        monkeypatch.setattr(feedback_function, "datetime", clock)

    return set_clock


async def test_stores_exactly_the_documented_document(
    fresh_database: Database[Document], post: Post
) -> None:
    optional = {"comment": "Thanks! 👍", "reasons": ["to the point"]}
    response = await post("feedback", FEEDBACK | optional)

    assert response.status_code == 201
    assert response.mimetype == "application/json"
    assert body_of(response) == {"message": "Feedback received."}
    [document] = fresh_database.feedback.find()
    timestamp = document.pop("timestamp")
    assert document == {
        "_id": {"user_id": "u1", "message_id": "m1"},
        "message_id": "m1",
        "user_id": "u1",
        "rating": "up",
        **optional,
    }
    assert timestamp.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - timestamp) < timedelta(seconds=5)


async def test_stores_the_timestamp_as_a_bson_date(
    fresh_database: Database[Document], post: Post
) -> None:
    await post("feedback", FEEDBACK)

    assert fresh_database.feedback.count_documents({"timestamp": {"$type": "date"}}) == 1


@pytest.mark.parametrize("absent", [{}, {"comment": None, "reasons": None}, {"reasons": []}])
async def test_stores_no_comment_and_no_reasons_by_default(
    fresh_database: Database[Document], post: Post, absent: Document
) -> None:
    response = await post("feedback", FEEDBACK | absent)

    assert response.status_code == 201
    [document] = fresh_database.feedback.find()
    assert document.keys() == {"_id", *FEEDBACK, "timestamp"}


async def test_stores_a_repeated_reason_once(
    fresh_database: Database[Document], post: Post
) -> None:
    reasons = ["wrong", "outdated", "wrong", "Wrong", " wrong", "outdated"]
    await post("feedback", FEEDBACK | {"reasons": reasons})

    [document] = fresh_database.feedback.find()
    assert document["reasons"] == ["wrong", "outdated", "Wrong", " wrong"]


async def test_replaces_earlier_feedback_of_the_user_on_the_message(
    fresh_database: Database[Document], post: Post
) -> None:
    await post("feedback", FEEDBACK | {"comment": "Good.", "reasons": ["clear"]})
    response = await post("feedback", FEEDBACK | {"rating": "down"})

    assert response.status_code == 200
    assert body_of(response) == {"message": "Feedback updated."}
    [document] = fresh_database.feedback.find()
    assert document["rating"] == "down"
    assert not {"comment", "reasons"} & document.keys()


async def test_keeps_feedback_of_other_users_and_on_other_messages(
    fresh_database: Database[Document], post: Post
) -> None:
    others = [FEEDBACK, FEEDBACK | {"user_id": "u2"}, FEEDBACK | {"message_id": "m2"}]
    for feedback in others:
        assert (await post("feedback", feedback)).status_code == 201

    assert fresh_database.feedback.count_documents({}) == 3


async def test_one_of_many_identical_concurrent_feedbacks_is_the_first(
    fresh_database: Database[Document], post: Post
) -> None:
    responses = await asyncio.gather(*(post("feedback", FEEDBACK) for _ in range(200)))

    assert Counter(response.status_code for response in responses) == {201: 1, 200: 199}
    assert fresh_database.feedback.count_documents({}) == 1


async def test_a_withdrawal_leaves_only_the_ids_and_its_time(
    fresh_database: Database[Document], post: Post
) -> None:
    await post("feedback", FEEDBACK | {"comment": "Good.", "reasons": ["clear"]})
    [voted] = fresh_database.feedback.find()
    responses = [await post("feedback", WITHDRAWAL | {"comment": None, "reasons": []})]
    [withdrawn] = fresh_database.feedback.find()
    responses += [await post("feedback", each) for each in (WITHDRAWAL, FEEDBACK)]

    assert [(each.status_code, body_of(each)["message"]) for each in responses] == [
        (200, "Feedback withdrawn."),
        (200, "Feedback withdrawn."),
        (200, "Feedback updated."),
    ]
    assert withdrawn.keys() == {"_id", "message_id", "user_id", "timestamp"}
    assert withdrawn["_id"] == voted["_id"]
    assert withdrawn["timestamp"] >= voted["timestamp"]
    [again] = fresh_database.feedback.find()
    assert again["rating"] == "up"


async def test_a_vote_that_arrives_after_its_withdrawal_stays_out(
    fresh_database: Database[Document], post: Post, send_at: Callable[[datetime], None]
) -> None:
    now = datetime.now(UTC)
    response = await post("feedback", WITHDRAWAL)
    send_at(now - timedelta(seconds=2))
    late = await post("feedback", FEEDBACK)

    assert (response.status_code, late.status_code) == (200, 200)
    [document] = fresh_database.feedback.find()
    assert "rating" not in document


@pytest.mark.parametrize(("newest", "other"), [(FEEDBACK, WITHDRAWAL), (WITHDRAWAL, FEEDBACK)])
async def test_the_newest_of_many_concurrent_votes_and_withdrawals_stays(
    fresh_database: Database[Document],
    post: Post,
    send_at: Callable[[datetime], None],
    newest: Document,
    other: Document,
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    async def send(age: int) -> None:
        send_at(now - timedelta(milliseconds=age))
        await post("feedback", other if age % 2 else newest)

    # In the order of arrival, and so within the groups, the times are mixed.
    await asyncio.gather(*(send((number * 11 + 6) % 32) for number in range(32)))

    [document] = fresh_database.feedback.find()
    assert (document["timestamp"], document.get("rating")) == (now, newest["rating"])


@pytest.mark.parametrize(
    "feedback",
    [
        FEEDBACK | {"rating": "👎"},
        FEEDBACK | {"rating": "x" * 64},
        FEEDBACK | {"rating": " 5 "},
        FEEDBACK | {"user_id": "u" * 200, "message_id": "m" * 200},
        FEEDBACK | {"user_id": "😀" * 200},
        FEEDBACK | {"user_id": "$where", "message_id": "a.b c"},
        FEEDBACK | {"comment": ""},
        FEEDBACK | {"comment": "a\0b"},
        FEEDBACK | {"comment": "é" * 4000},
        FEEDBACK | {"reasons": ["😀" * 64, " $a.b ", "é", "e\u0301", "4", "5", "6", "7", "8", "9"]},
    ],
)
async def test_stores_texts_unchanged(
    fresh_database: Database[Document], post: Post, feedback: Document
) -> None:
    assert (await post("feedback", feedback)).status_code == 201
    [document] = fresh_database.feedback.find({}, {"_id": 0, "timestamp": 0})
    assert document == feedback


@pytest.fixture
def two_ratings(
    fresh_database: Database[Document], server_uri: str, use_settings: UseSettings
) -> Any:
    """Limit the vocabulary to two ratings; return the database."""
    use_settings(
        MONGODB_URI=server_uri,
        MONGODB_DATABASE=fresh_database.name,
        FEEDBACK_RATINGS="up, 👎",
    )
    return fresh_database


@pytest.mark.parametrize("rating", ["up", "👎", None])
async def test_accepts_withdrawals_and_the_ratings_of_the_vocabulary(
    two_ratings: Database[Document], post: Post, rating: str | None
) -> None:
    response = await post("feedback", FEEDBACK | {"rating": rating})

    assert response.status_code == (201 if rating else 200)
    assert two_ratings.feedback.count_documents({"rating": rating}) == 1


@pytest.mark.parametrize("rating", ["down", "Up", " up", "up, 👎", "up,"])
async def test_refuses_other_ratings_and_lists_the_vocabulary(
    two_ratings: Database[Document], post: Post, rating: str
) -> None:
    response = await post("feedback", FEEDBACK | {"rating": rating})

    assert response.status_code == 422
    assert body_of(response)["errors"] == [
        {"pointer": "#/rating", "detail": "must be one of: up, 👎"}
    ]
    assert two_ratings.feedback.count_documents({}) == 0
