"""POST /api/analytics."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from bson import ObjectId
from pymongo.database import Database

from tests.support.documents import Document, nested
from tests.support.functions import EVENT, Post, body_of

pytestmark = pytest.mark.dialects

EVENT_ID = "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"


async def test_stores_exactly_the_documented_document(
    fresh_database: Database[Document], post: Post
) -> None:
    details = {"page": "/dashboard"}
    response = await post("analytics", EVENT | {"details": details, "event_id": EVENT_ID})

    assert response.status_code == 202
    assert response.mimetype == "application/json"
    assert body_of(response) == {"message": "Event logged."}
    [document] = fresh_database.analytics.find()
    timestamp = document.pop("timestamp")
    assert document == EVENT | {"_id": UUID(EVENT_ID), "details": details}
    assert timestamp.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - timestamp) < timedelta(seconds=5)
    assert fresh_database.analytics.count_documents({"timestamp": {"$type": "date"}}) == 1


@pytest.mark.parametrize("optional", [{}, dict.fromkeys(["event_id", "occurred_at"])])
async def test_stores_defaults_for_absent_fields(
    fresh_database: Database[Document], post: Post, optional: Document
) -> None:
    assert (await post("analytics", EVENT | optional)).status_code == 202

    [document] = fresh_database.analytics.find()
    assert isinstance(document["_id"], ObjectId)
    assert document["details"] == {}
    assert "occurred_at" not in document


@pytest.mark.parametrize(
    ("occurred_at", "expected"),
    [
        ("2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31t09:30:00z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31 09:30:00.5+01:30", datetime(2026, 1, 31, 8, 0, 0, 500000, tzinfo=UTC)),
        ("2026-01-31T09:30:00.123456789-08:00", datetime(2026, 1, 31, 17, 30, 0, 123000, UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
async def test_stores_the_clients_time_besides_the_servers(
    fresh_database: Database[Document], post: Post, occurred_at: str, expected: datetime
) -> None:
    assert (await post("analytics", EVENT | {"occurred_at": occurred_at})).status_code == 202

    [document] = fresh_database.analytics.find()
    assert document["occurred_at"] == expected
    assert abs(datetime.now(UTC) - document["timestamp"]) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "details",
    [
        {"$set": {"$where": 1}, "a.b": {".": 1}, "": "empty key", "_id": 1, "__proto__": {}},
        {},
        {"text": "", "unicode": "é𝒰\u0000\u2028", "true": True, "false": False, "null": None},
        {"zero": 0, "max": 2**63 - 1, "min": -(2**63), "int32": 2**31, "negative": -1},
        {"float": 0.1, "big": 1.7976931348623157e308, "tiny": 5e-324, "whole": 1.0},
        {"array": [], "nested": [[], [1, [2, {"deep": [None]}]]], "objects": [{"a": 1}, {}]},
        {"z": 1, "a": 2, "m": {"z": 1, "a": 2}},
    ],
)
async def test_details_come_back_unchanged(
    fresh_database: Database[Document], post: Post, details: Document
) -> None:
    assert (await post("analytics", EVENT | {"details": details})).status_code == 202

    [document] = fresh_database.analytics.find()
    # As text, 1 differs from 1.0 and from True, and the order of keys counts.
    assert json.dumps(document["details"]) == json.dumps(details)


@pytest.mark.parametrize("levels", [170, 90])
async def test_stores_deep_details(
    fresh_database: Database[Document], post: Post, levels: int
) -> None:
    assert (await post("analytics", EVENT | {"details": nested(levels)})).status_code == 202

    [document] = fresh_database.analytics.find()
    assert document["details"] == nested(levels)


async def test_a_repeated_event_id_is_stored_once(
    fresh_database: Database[Document], post: Post
) -> None:
    event = EVENT | {"event_id": str(uuid4())}
    responses = await asyncio.gather(*(post("analytics", event) for _ in range(200)))

    assert Counter(response.status_code for response in responses) == {202: 200}
    assert body_of(responses[0]) == {"message": "Event logged."}
    assert fresh_database.analytics.count_documents({}) == 1


async def test_events_without_an_id_are_all_stored(
    fresh_database: Database[Document], post: Post
) -> None:
    await asyncio.gather(*(post("analytics", EVENT) for _ in range(50)))

    assert fresh_database.analytics.count_documents({}) == 50


async def test_stores_a_batch(fresh_database: Database[Document], post: Post) -> None:
    response = await post("analytics", [EVENT | {"details": {"n": n}} for n in range(3)])

    assert response.status_code == 202
    assert body_of(response) == {
        "message": "3 events logged.",
        "logged": 3,
        "duplicates": 0,
        "opted_out": 0,
    }
    assert fresh_database.analytics.distinct("details.n") == [0, 1, 2]


@pytest.mark.parametrize("size", [500, 1])
async def test_stores_batches_of_every_allowed_size(
    fresh_database: Database[Document], post: Post, size: int
) -> None:
    response = await post("analytics", [EVENT] * size)

    assert response.status_code == 202
    assert body_of(response)["logged"] == size
    assert fresh_database.analytics.count_documents({}) == size


async def test_counts_duplicates_stored_earlier_and_in_the_batch(
    fresh_database: Database[Document], post: Post
) -> None:
    earlier, twice = (EVENT | {"event_id": str(uuid4())} for _ in range(2))
    await post("analytics", earlier)
    response = await post("analytics", [earlier, twice, twice, EVENT])

    assert response.status_code == 202
    assert body_of(response)["logged"] == 2
    assert body_of(response)["duplicates"] == 2
    assert fresh_database.analytics.count_documents({}) == 3


async def test_a_repeated_batch_is_stored_once(
    fresh_database: Database[Document], post: Post
) -> None:
    batch = [EVENT | {"event_id": str(uuid4())} for _ in range(3)]
    await post("analytics", batch)
    response = await post("analytics", batch)

    assert response.status_code == 202
    assert body_of(response)["duplicates"] == 3
    assert fresh_database.analytics.count_documents({}) == 3


async def test_stores_the_valid_events_of_a_batch(
    fresh_database: Database[Document], post: Post
) -> None:
    response = await post("analytics", [EVENT, {"user_id": "u2", "details": {}}, EVENT])

    assert response.status_code == 207
    assert body_of(response) == {
        "message": "2 of 3 events logged.",
        "logged": 2,
        "duplicates": 0,
        "opted_out": 0,
        "errors": [{"index": 1, "pointer": "#/1/event_type", "detail": "is required"}],
    }
    assert fresh_database.analytics.count_documents({"user_id": "u1"}) == 2
    assert fresh_database.analytics.count_documents({}) == 2


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (None, "#/1"),
        ("text", "#/1"),
        ([EVENT], "#/1"),
        ({"event_type": "x", "details": {}}, "#/1/user_id"),
        (EVENT | {"user_id": 5}, "#/1/user_id"),
        (EVENT | {"unknown": 1}, "#/1/unknown"),
        (EVENT | {"details": {"a": [2**63]}}, "#/1/details/a/0"),
        (EVENT | {"details": {"a/b": {"c\0": 1}}}, "#/1/details/a~1b"),
        (EVENT | {"details": nested(190)}, "#/1/details"),
        (EVENT | {"details": {"text": "x" * 32_768}}, "#/1"),
        (EVENT | {"event_id": "no"}, "#/1/event_id"),
        (EVENT | {"occurred_at": "yesterday"}, "#/1/occurred_at"),
    ],
)
async def test_one_invalid_event_does_not_affect_the_others(
    fresh_database: Database[Document], post: Post, event: Any, pointer: str
) -> None:
    response = await post("analytics", [EVENT, event, EVENT])

    assert response.status_code == 207
    [error] = body_of(response)["errors"]
    assert (error["index"], error["pointer"]) == (1, pointer)
    assert fresh_database.analytics.count_documents({}) == 2


async def test_a_batch_of_differently_invalid_events_stores_nothing(
    fresh_database: Database[Document], post: Post
) -> None:
    batch = [{}, 1, EVENT | {"details": nested(190)}, EVENT | {"details": {"n": 2**64}}]
    response = await post("analytics", batch)

    assert response.status_code == 422
    assert response.mimetype == "application/problem+json"
    assert [(error["index"], error["pointer"]) for error in body_of(response)["errors"]] == [
        (0, "#/0/user_id"),
        (0, "#/0/event_type"),
        (0, "#/0/details"),
        (1, "#/1"),
        (2, "#/2/details"),
        (3, "#/3/details/n"),
    ]
    assert fresh_database.analytics.count_documents({}) == 0


EVENT_WITH_ID = EVENT | {"event_id": EVENT_ID, "details": {"n": 1, "page": "/"}}
OTHER_EVENTS: list[Document] = [
    {"user_id": "u2"},
    {"event_type": "signup"},
    {"details": {"n": 1.0, "page": "/"}},
    {"details": {"n": True, "page": "/"}},
    {"details": {"page": "/", "n": 1}},
    {"details": {}},
    {"occurred_at": "2026-01-31T09:30:00Z"},
]
IS_ANOTHER = "is the id of another event"


def enlarged(event: Document, size: int) -> Document:
    """Return the event with so much more text in its details."""
    return event | {"details": event["details"] | {"text": "x" * size}} if size else event


@pytest.mark.parametrize("size", [0, 600, 3000])
@pytest.mark.parametrize("other", OTHER_EVENTS)
async def test_an_event_id_belongs_to_one_event(
    fresh_database: Database[Document], post: Post, other: Document, size: int
) -> None:
    first, another = (enlarged(EVENT_WITH_ID | each, size) for each in ({}, other))
    assert (await post("analytics", first)).status_code == 202
    response = await post("analytics", another)
    batch = body_of(await post("analytics", [EVENT, another, first]))

    assert response.status_code == 422
    assert body_of(response)["errors"] == [{"pointer": "#/event_id", "detail": IS_ANOTHER}]
    assert (batch["logged"], batch["duplicates"]) == (1, 1)
    assert batch["errors"] == [{"index": 1, "pointer": "#/1/event_id", "detail": IS_ANOTHER}]
    assert fresh_database.analytics.count_documents({}) == 2


@pytest.mark.crossed
@pytest.mark.parametrize("size", [0, 600, 3000])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"occurred_at": "2026-01-31T09:30:00.123999+01:00"},
        {"details": {"r": {"$ref": "c", "$id": 1, "x": 2}, "": [None, -0.0, 2**63 - 1, "é"]}},
        {"details": {"r": {"$id": 1, "$ref": "c"}}},
    ],
)
async def test_the_same_event_is_a_duplicate(
    fresh_database: Database[Document], post: Post, fields: Document, size: int
) -> None:
    event = enlarged(EVENT_WITH_ID | fields, size)
    for _ in range(2):
        assert (await post("analytics", event)).status_code == 202
    counts = body_of(await post("analytics", [event, event]))

    assert (counts["logged"], counts["duplicates"]) == (0, 2)
    assert fresh_database.analytics.count_documents({}) == 1


@pytest.mark.parametrize("size", [0, 501])
async def test_refuses_batches_of_other_sizes(
    fresh_database: Database[Document], post: Post, size: int
) -> None:
    response = await post("analytics", [EVENT] * size)

    assert response.status_code == 422
    assert body_of(response)["errors"] == [{"pointer": "#", "detail": "must have 1 to 500 events"}]
    assert fresh_database.analytics.count_documents({}) == 0


async def test_brackets_in_texts_are_not_counted(
    fresh_database: Database[Document], post: Post
) -> None:
    code = '{"a": [' * 2000 + '\\"'
    event = {"user_id": "u1", "event_type": "code_copied", "details": {"code": code}}

    assert body_of(await post("analytics", [event] * 8))["logged"] == 8
    assert fresh_database.analytics.count_documents({}) == 8
