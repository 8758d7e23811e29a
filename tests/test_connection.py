"""The cached MongoDB client and its options."""

import asyncio
import gc
import threading
from functools import partial
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.database import Database
from pymongo.uri_parser import parse_uri

from shared_code.mongodb import connection
from tests.support.commands import Commands
from tests.support.documents import Document
from tests.support.functions import EVENT, FEEDBACK, Post, UseSettings
from tests.support.odd_options import IGNORED, REFUSED, SECRET

Client = AsyncMongoClient[Document]


def record(opened: list[Client], *args: Any, **options: Any) -> Client:
    """Open a client and record it."""
    client: Client = AsyncMongoClient(*args, **options)
    opened.append(client)
    return client


async def test_the_client_is_cached(fresh_database: Database[Document]) -> None:
    assert connection.get_database().client is connection.get_database().client
    assert connection.get_database().name == fresh_database.name


async def test_a_cached_collection_belongs_to_the_open_client(
    fresh_database: Database[Document],
) -> None:
    first = connection.get_collection("analytics")
    assert connection.get_collection("analytics") is first
    assert first.database.name == fresh_database.name
    await connection.close()

    second = connection.get_collection("analytics")
    assert second.database.client is connection.get_database().client
    assert second.database.client is not first.database.client


async def test_loaded_modules_are_not_garbage_collected(fresh_database: Database[Document]) -> None:
    assert connection.get_database().name == fresh_database.name
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    await connection.close()
    connection.get_database()
    assert gc.get_freeze_count() <= frozen


async def test_concurrent_first_requests_open_one_client(
    fresh_database: Database[Document], post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Client] = []
    monkeypatch.setattr(connection, "AsyncMongoClient", partial(record, opened))
    responses = await asyncio.gather(*(post("analytics", EVENT) for _ in range(100)))

    assert {response.status_code for response in responses} == {202}
    assert len(opened) == 1
    assert fresh_database.analytics.count_documents({}) == 100


async def test_a_closed_client_is_replaced(fresh_database: Database[Document], post: Post) -> None:
    await post("analytics", EVENT)
    client = connection.get_database().client
    await connection.close()
    await connection.close()

    assert connection.get_database().client is not client
    assert (await post("analytics", EVENT)).status_code == 202
    assert fresh_database.analytics.count_documents({}) == 2


def test_each_event_loop_has_its_own_client(
    empty_database: Database[Document], mongodb_uri: str, use_settings: UseSettings
) -> None:
    use_settings(MONGODB_URI=mongodb_uri, MONGODB_DATABASE=empty_database.name)

    async def insert_and_close() -> None:
        await connection.get_database().events.insert_one({})
        await connection.close()

    for _ in range(2):
        asyncio.run(insert_and_close())
    threads = [threading.Thread(target=asyncio.run, args=[insert_and_close()]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert empty_database.events.count_documents({}) == 6


async def test_identifies_itself_to_mongodb(
    fresh_database: Database[Document], post: Post, mongodb_uri: str
) -> None:
    await post("analytics", EVENT)

    with MongoClient[Document](mongodb_uri) as client:
        operations = client.admin.aggregate([{"$currentOp": {"idleConnections": True}}])
        assert "up2d8" in {operation.get("appName") for operation in operations}
    assert fresh_database.analytics.count_documents({}) == 1


async def test_waits_for_a_journaled_majority_regardless_of_the_connection_string(
    mongodb_uri: str, use_settings: UseSettings
) -> None:
    use_settings(MONGODB_URI=f"{mongodb_uri}/?w=0&journal=false")

    assert connection.get_database().client.write_concern.document == {"w": "majority", "j": True}
    await connection.close()


@pytest.mark.parametrize(
    ("options", "size", "idle_seconds"),
    [
        ("", 10, 120),
        ("/?maxPoolSize=50", 50, 120),
        ("/?maxpoolsize=3&maxIdleTimeMS=5000", 3, 5),
        # Azure DocumentDB's own connection string.
        ("/?retrywrites=false&maxIdleTimeMS=120000", 10, 120),
        ("/?retryWrites=true", 10, 120),
        ("/?minPoolSize=20", 20, 120),
        ("/?appName=a;maxPoolSize=50", 50, 120),
    ],
)
async def test_the_pool_is_small_unless_the_connection_string_says_otherwise(
    mongodb_uri: str, use_settings: UseSettings, options: str, size: int, idle_seconds: int
) -> None:
    use_settings(MONGODB_URI=f"{mongodb_uri}{options}")

    client = connection.get_database().client
    assert client.options.pool_options.max_pool_size == size
    assert client.options.pool_options.max_idle_time_seconds == idle_seconds
    assert not client.options.retry_writes
    await connection.close()


async def test_200_concurrent_requests_need_few_connections(
    fresh_database: Database[Document], post: Post, commands: Commands
) -> None:
    admin = fresh_database.client.admin
    for function in ("analytics", "feedback"):
        body = EVENT if function == "analytics" else FEEDBACK
        users = (body | {"user_id": f"user-{number}"} for number in range(200))
        responses = await asyncio.gather(*(post(function, each) for each in users))
        assert {response.status_code for response in responses} <= {201, 202}

    operations = admin.aggregate([{"$currentOp": {"allUsers": True, "idleConnections": True}}])
    opened = [each for each in operations if each.get("appName") == "up2d8"]
    assert len(opened) <= 12
    assert len(commands.names) < 100


@pytest.mark.parametrize("option", IGNORED + REFUSED)
async def test_odd_options_of_the_connection_string_do_not_leak(
    fresh_database: Database[Document],
    mongodb_uri: str,
    post: Post,
    use_settings: UseSettings,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
    option: str,
) -> None:
    caplog.set_level(0)
    uri = f"{mongodb_uri}/?{option}"
    use_settings(MONGODB_URI=uri, MONGODB_DATABASE=fresh_database.name)
    response = await post("analytics", EVENT)

    assert response.status_code == (202 if option in IGNORED else 503)
    ours = [record.message for record in caplog.records if record.name == "up2d8"]
    if option in IGNORED:
        assert ours == ["MONGODB_URI has options that are unknown or wrong, and are ignored"]
    else:
        assert '"cause": "missing or wrong setting: MONGODB_URI"' in ours[0]
    assert SECRET not in str([response.get_body(), caplog.text, *capfd.readouterr()])
    assert [str(warning.message) for warning in recwarn] == []


async def test_warnings_stay_hidden_when_the_connection_string_is_read_again(
    mongodb_uri: str, use_settings: UseSettings, recwarn: pytest.WarningsRecorder
) -> None:
    use_settings(MONGODB_URI=mongodb_uri)
    connection.get_database()
    await connection.close()
    for option in IGNORED:
        # As a client does for an SRV record.
        parse_uri(f"{mongodb_uri}/?{option}", warn=True)

    assert [str(warning.message) for warning in recwarn] == []


async def test_a_valid_connection_string_logs_nothing(
    fresh_database: Database[Document],
    mongodb_uri: str,
    post: Post,
    use_settings: UseSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    uri = f"{mongodb_uri}/?retryWrites=false&maxIdleTimeMS=120000&tls=false&compressors=zlib"
    use_settings(MONGODB_URI=uri, MONGODB_DATABASE=fresh_database.name)

    assert (await post("analytics", EVENT)).status_code == 202
    assert caplog.text == ""
