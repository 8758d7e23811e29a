"""Lookups of users and messages."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from bson import Binary, ObjectId
from bson.datetime_ms import DatetimeMS
from cachetools import TTLCache
from pymongo.database import Database

from shared_code import lookups as module
from tests.support.commands import Commands
from tests.support.documents import Document
from tests.support.functions import EVENT, FEEDBACK, Post, UseSettings, body_of

pytestmark = [pytest.mark.dialects, pytest.mark.crossed]

BOTH = {"USER_LOOKUP": "users._id", "MESSAGE_LOOKUP": "messages.meta.id"}
UNKNOWN_USER = {"pointer": "#/user_id", "detail": "does not exist"}
UNKNOWN_MESSAGE = {"pointer": "#/message_id", "detail": "does not exist"}


@pytest.fixture
def lookups(
    fresh_database: Database[Document], server_uri: str, use_settings: UseSettings
) -> Callable[..., Database[Document]]:
    """Return a function that turns lookups on, in a database with one user and one message."""

    def use(**settings: str) -> Database[Document]:
        use_settings(MONGODB_URI=server_uri, MONGODB_DATABASE=fresh_database.name, **settings)
        fresh_database.users.insert_one({"_id": "u1"})
        fresh_database.messages.insert_one({"meta": {"id": "m1"}})
        return fresh_database

    return use


@pytest.mark.parametrize(
    ("settings", "feedback", "errors"),
    [
        (BOTH, FEEDBACK, []),
        (BOTH, FEEDBACK | {"user_id": "u2"}, [UNKNOWN_USER]),
        (BOTH, FEEDBACK | {"message_id": "m2"}, [UNKNOWN_MESSAGE]),
        (BOTH, FEEDBACK | {"user_id": "m1", "message_id": "u1"}, [UNKNOWN_USER, UNKNOWN_MESSAGE]),
        (BOTH, FEEDBACK | {"user_id": "$_id"}, [UNKNOWN_USER]),
        ({"USER_LOOKUP": "users._id"}, FEEDBACK | {"message_id": "m2"}, []),
        ({"USER_LOOKUP": "users._id"}, FEEDBACK | {"user_id": "u2"}, [UNKNOWN_USER]),
        ({"MESSAGE_LOOKUP": "messages.meta.id"}, FEEDBACK | {"user_id": "u2"}, []),
        ({"MESSAGE_LOOKUP": "messages._id"}, FEEDBACK, [UNKNOWN_MESSAGE]),
        ({"MESSAGE_LOOKUP": "missing._id"}, FEEDBACK, [UNKNOWN_MESSAGE]),
        ({}, FEEDBACK | {"user_id": "u2", "message_id": "m2"}, []),
    ],
)
async def test_feedback_is_stored_if_its_user_and_message_exist(
    lookups: Callable[..., Database[Document]],
    post: Post,
    settings: dict[str, str],
    feedback: Document,
    errors: list[Document],
) -> None:
    stored = lookups(**settings)
    response = await post("feedback", feedback)

    assert response.status_code == (422 if errors else 201)
    assert body_of(response).get("errors", []) == errors
    assert stored.feedback.count_documents({}) == (0 if errors else 1)


async def test_a_system_user_need_not_exist(
    lookups: Callable[..., Database[Document]], post: Post
) -> None:
    stored = lookups(**BOTH, SYSTEM_USERS="system, cron")

    assert (await post("analytics", EVENT | {"user_id": "cron"})).status_code == 202
    assert (await post("analytics", [EVENT | {"user_id": "system"}, EVENT])).status_code == 202
    response = await post("analytics", EVENT | {"user_id": "system2"})
    assert body_of(response)["errors"] == [UNKNOWN_USER]
    response = await post("feedback", FEEDBACK | {"user_id": "cron", "message_id": "cron"})
    assert body_of(response)["errors"] == [UNKNOWN_MESSAGE]
    assert stored.analytics.count_documents({}) == 3


async def test_an_event_of_an_unknown_user_is_refused(
    lookups: Callable[..., Database[Document]], post: Post
) -> None:
    stored = lookups(**BOTH)

    assert (await post("analytics", EVENT)).status_code == 202
    response = await post("analytics", EVENT | {"user_id": "u2"})
    assert response.status_code == 422
    assert body_of(response)["errors"] == [UNKNOWN_USER]
    assert stored.analytics.count_documents({}) == 1


async def test_a_batch_with_known_and_unknown_users_is_stored_in_part(
    lookups: Callable[..., Database[Document]], post: Post
) -> None:
    stored = lookups(**BOTH)
    response = await post("analytics", [EVENT, EVENT | {"user_id": "u2"}, {}, EVENT])

    assert response.status_code == 207
    assert body_of(response)["logged"] == 2
    assert [error["pointer"] for error in body_of(response)["errors"]] == [
        "#/1/user_id",
        "#/2/user_id",
        "#/2/event_type",
        "#/2/details",
    ]
    assert stored.analytics.count_documents({}) == 2


async def test_a_batch_with_only_unknown_users_is_refused(
    lookups: Callable[..., Database[Document]], post: Post
) -> None:
    stored = lookups(**BOTH)

    assert (await post("analytics", [EVENT | {"user_id": "u2"}] * 3)).status_code == 422
    assert stored.analytics.count_documents({}) == 0


async def test_misses_are_not_cached(
    lookups: Callable[..., Database[Document]], post: Post
) -> None:
    stored = lookups(**BOTH)
    feedback = FEEDBACK | {"message_id": "m2"}
    for _ in range(2):
        assert (await post("feedback", feedback)).status_code == 422

    stored.messages.insert_one({"meta": {"id": "m2"}})
    assert (await post("feedback", feedback)).status_code == 201


async def test_hits_are_cached_for_a_minute(
    lookups: Callable[..., Database[Document]], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = lookups(**BOTH)
    now = 0.0
    memory: Any = TTLCache(10, module.MEMORY_SECONDS, timer=lambda: now)
    monkeypatch.setattr(module, "cached_keys", cache(lambda: memory))
    await post("feedback", FEEDBACK)
    stored.users.delete_many({})

    now = 59
    assert (await post("feedback", FEEDBACK)).status_code == 200
    now = 61
    assert (await post("feedback", FEEDBACK)).status_code == 422


async def test_a_lookup_takes_at_most_one_query(
    lookups: Callable[..., Database[Document]],
    commands: Commands,
    post: Post,
) -> None:
    stored = lookups(**BOTH)
    stored.users.insert_many([{"_id": f"v{number}"} for number in range(250)])
    stored.opt_outs.insert_many([{"_id": f"v{number}"} for number in range(125)])

    await post("feedback", FEEDBACK)
    assert commands.names == ["aggregate", "aggregate", "insert"]
    await post("feedback", FEEDBACK)
    # Hits are cached; the stored feedback is replaced.
    assert commands.names == ["aggregate", "aggregate", *["insert"] * 2, "update"]
    commands.names.clear()
    response = await post("analytics", [EVENT | {"user_id": f"v{n}"} for n in range(500)])
    assert body_of(response)["logged"] == 125
    assert commands.names == ["aggregate", "find", "insert"]


async def test_one_query_is_enough_for_a_value_in_many_documents(
    lookups: Callable[..., Database[Document]],
    commands: Commands,
    post: Post,
) -> None:
    stored = lookups(USER_LOOKUP="teams.members")
    members = ["u1", *(f"member{number}" for number in range(100))]
    stored.teams.insert_many([{"members": members} for _ in range(1000)])

    assert (await post("feedback", FEEDBACK)).status_code == 201
    assert commands.names == ["aggregate", "insert"]


async def test_a_lookup_uses_the_index(lookups: Callable[..., Database[Document]]) -> None:
    stored = lookups(**BOTH)
    stored.messages.create_index("meta.id")
    for collection, path in (("users", "_id"), ("messages", "meta.id")):
        pipeline = module.find_values(path, {"a", "b"})
        explained = stored.command(
            "explain", {"aggregate": collection, "pipeline": pipeline, "cursor": {}}
        )
        assert "IXSCAN" in str(explained)
        assert "COLLSCAN" not in str(explained)


async def test_finds_object_ids_and_values_in_arrays(
    lookups: Callable[..., Database[Document]], post: Post
) -> None:
    stored = lookups(USER_LOOKUP="users.ids", MESSAGE_LOOKUP="messages._id")
    message = ObjectId()
    stored.messages.insert_one({"_id": message})
    odd = [None, 5, True, {"b": 1}, DatetimeMS(2**62), Binary(b"b")]
    stored.users.insert_one({"ids": ["a", "b", *odd]})
    stored.users.insert_one({"ids": [["d"]]})

    feedback = {"message_id": str(message), "user_id": "b", "rating": "up"}
    assert (await post("feedback", feedback)).status_code == 201
    assert (await post("feedback", feedback | {"message_id": "0" * 24})).status_code == 422
    for user in ("c", "d", "5", "None", "True", "{'b': 1}", "a" * 24, "z" * 24):
        assert (await post("feedback", feedback | {"user_id": user})).status_code == 422


OID = ObjectId("507f1f77bcf86cd799439011")
IN_ARRAYS: dict[str, Document] = {
    "sessions.messages.message_id": {
        "messages": [{"message_id": "m1"}, {"message_id": OID}, {"message_id": 7}]
    },
    "sessions.threads.messages.message_id": {
        "threads": [
            {"messages": [{"message_id": "m0"}, None]},
            None,
            {"messages": [{"message_id": OID}, {"message_id": "m1"}]},
        ]
    },
    "sessions.threads.chat.messages.ids": {
        "threads": [{"chat": {"messages": [{"ids": ["m1", [["m2"]]]}, {"ids": OID}]}}]
    },
}


@pytest.mark.parametrize("lookup", IN_ARRAYS)
@pytest.mark.parametrize(
    ("message", "status"), [("m1", 201), (str(OID), 201), ("m2", 422), ("0" * 24, 422), ("7", 422)]
)
async def test_finds_values_in_arrays_at_any_level(
    lookups: Callable[..., Database[Document]], post: Post, lookup: str, message: str, status: int
) -> None:
    stored = lookups(MESSAGE_LOOKUP=lookup)
    odd: list[Document] = [{"messages": [[{"message_id": "m2"}]]}, {"messages": "m2"}, {}]
    stored.sessions.insert_many([*odd, {"threads": [[{"messages": odd}]]}])
    stored.sessions.insert_many(IN_ARRAYS[lookup] | {"_id": number} for number in range(3))

    assert (await post("feedback", FEEDBACK | {"message_id": message})).status_code == status


async def test_nothing_is_stored_while_lookups_fail(post: Post, use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI="mongodb://127.0.0.1:1", MONGODB_TIMEOUT_MS="200", **BOTH)

    assert (await post("feedback", FEEDBACK)).status_code == 503
    assert (await post("analytics", EVENT)).status_code == 503
