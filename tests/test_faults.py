"""MongoDB absent, killed, hung, without a primary or refusing, and its recovery."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable

import azure.functions as func
import dns.asyncresolver
import pytest
from pymongo import MongoClient

from tests.support.dialects import Dialect
from tests.support.documents import Document
from tests.support.functions import BODIES, NAMES, Post, UseSettings, body_of
from tests.support.mongod import Mongod

pytestmark = [pytest.mark.timed, pytest.mark.dialects]

# About the connection string or MongoDB itself.
on_mongodb_only = pytest.mark.lacking(
    Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB, Dialect.COSMOS_RU
)

PASSWORD = "hunter2"  # noqa: S105


async def assert_unavailable(request: Awaitable[func.HttpResponse]) -> None:
    """Fail unless the response is a 503 with `Retry-After`, within 3 seconds."""
    started = time.monotonic()
    response = await request
    assert time.monotonic() - started < 3
    assert response.status_code == 503
    assert response.mimetype == "application/problem+json"
    assert int(response.headers["Retry-After"]) > 0
    assert body_of(response) == {
        "type": "urn:up2d8:problem:store-unavailable",
        "title": "The store is unavailable",
        "status": 503,
        "detail": "The write was not confirmed. Send the same request again later.",
    }


@pytest.mark.parametrize("function", NAMES)
async def test_absent_at_the_first_request(
    mongod: Mongod, post: Post, caplog: pytest.LogCaptureFixture, function: str
) -> None:
    await assert_unavailable(post(function, BODIES[function]))
    assert "[Errno 111]" in caplog.text or mongod.proxy
    assert "mongodb://" not in caplog.text

    mongod.start()
    assert (await post(function, BODIES[function])).status_code < 300


@pytest.mark.parametrize("function", NAMES)
async def test_killed_between_requests(mongod: Mongod, post: Post, function: str) -> None:
    mongod.start()
    assert (await post(function, BODIES[function])).status_code < 300

    mongod.kill()
    await assert_unavailable(post(function, BODIES[function]))

    mongod.start()
    assert (await post(function, BODIES[function])).status_code < 300
    with MongoClient[Document](mongod.direct_uri) as client:
        stored = client.up2d8[function].count_documents({})
    assert stored == {"feedback": 1, "analytics": 2}[function]


@pytest.mark.parametrize("function", NAMES)
async def test_hung(
    mongod: Mongod, post: Post, caplog: pytest.LogCaptureFixture, function: str
) -> None:
    mongod.start()
    assert (await post(function, BODIES[function])).status_code < 300

    mongod.hang()
    try:
        started = time.monotonic()
        await asyncio.gather(
            *(assert_unavailable(post(function, BODIES[function])) for _ in range(50))
        )
        assert time.monotonic() - started < 3
        assert "timed out" in caplog.text or mongod.proxy
    finally:
        mongod.resume()

    assert (await post(function, BODIES[function])).status_code < 300


async def test_hung_at_the_first_request(mongod: Mongod, post: Post) -> None:
    mongod.start()
    mongod.hang()
    try:
        await assert_unavailable(post("feedback", BODIES["feedback"]))
    finally:
        mongod.resume()

    assert (await post("feedback", BODIES["feedback"])).status_code == 201


@on_mongodb_only
@pytest.mark.parametrize("function", NAMES)
async def test_without_a_primary(mongod: Mongod, post: Post, function: str) -> None:
    mongod.start()
    assert (await post(function, BODIES[function])).status_code < 300

    with MongoClient[Document](mongod.direct_uri, directConnection=True) as client:
        client.admin.command("replSetStepDown", 60, force=True)
        await assert_unavailable(post(function, BODIES[function]))
        client.admin.command("replSetFreeze", 0)

    responses = [await post(function, BODIES[function]) for _ in range(2)]
    assert responses[-1].status_code < 300


async def test_every_acknowledged_event_survives_a_kill(mongod: Mongod, post: Post) -> None:
    mongod.start()

    async def send(number: int) -> tuple[int, int]:
        event = BODIES["analytics"] | {"details": {"number": number}}
        return number, (await post("analytics", event)).status_code

    requests = [asyncio.create_task(send(number)) for number in range(300)]
    await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
    mongod.kill()
    acknowledged = {number for number, status in await asyncio.gather(*requests) if status == 202}

    mongod.start()
    with MongoClient[Document](mongod.direct_uri) as client:
        stored = [event["details"]["number"] for event in client.up2d8.analytics.find()]
    assert acknowledged
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored))


@on_mongodb_only
@pytest.mark.parametrize("function", NAMES)
async def test_wrong_password(
    mongod: Mongod,
    post: Post,
    use_settings: UseSettings,
    caplog: pytest.LogCaptureFixture,
    function: str,
) -> None:
    mongod.start()
    use_settings(MONGODB_URI=f"mongodb://someone:{PASSWORD}@{mongod.address}")

    await assert_unavailable(post(function, BODIES[function]))
    assert '"mongodb_code": 18' in caplog.text
    assert PASSWORD not in caplog.text
    assert "someone" not in caplog.text


async def test_validation_rules_of_the_operator_refuse(mongod: Mongod, post: Post) -> None:
    mongod.start()
    rules = {"$jsonSchema": {"properties": {"rating": {"enum": ["up"]}, "user_id": {"enum": [1]}}}}
    with MongoClient[Document](mongod.direct_uri) as client:
        for function in NAMES:
            client.up2d8.create_collection(function, validator=rules)

    for function in NAMES:
        response = await post(function, BODIES[function])
        assert response.status_code == 422
        assert body_of(response)["errors"] == [
            {"pointer": "#", "detail": "is refused by the validation rules of the collection"}
        ]


async def test_a_unique_index_of_the_operator_is_no_duplicate_event(
    mongod: Mongod, post: Post
) -> None:
    mongod.start()
    with MongoClient[Document](mongod.direct_uri) as client:
        client.up2d8.analytics.create_index("user_id", unique=True)
    assert (await post("analytics", BODIES["analytics"])).status_code == 202

    response = await post("analytics", BODIES["analytics"])
    assert response.status_code == 422
    assert body_of(response)["errors"] == [
        {"pointer": "#", "detail": "is refused by a unique index of the collection"}
    ]


async def test_a_cancelled_request_harms_no_other(mongod: Mongod, post: Post) -> None:
    mongod.start()
    await post("analytics", BODIES["analytics"])
    mongod.kill()

    # Cancelled at every stage of PyMongo's server selection.
    requests = [asyncio.ensure_future(post("analytics", BODIES["analytics"])) for _ in range(300)]
    for request in requests:
        await asyncio.sleep(0.01)
        request.cancel()
    mongod.start()

    assert (await post("analytics", BODIES["analytics"])).status_code == 202


@pytest.mark.parametrize("uri", ["", "not-a-uri", f"mongodb://u:{PASSWORD}@:p@ss", "mongodb://h:x"])
@pytest.mark.parametrize("function", NAMES)
async def test_wrong_setting(
    post: Post,
    use_settings: UseSettings,
    caplog: pytest.LogCaptureFixture,
    function: str,
    uri: str,
) -> None:
    use_settings(MONGODB_URI=uri)

    await assert_unavailable(post(function, BODIES[function]))
    assert "missing or wrong setting: MONGODB_URI" in caplog.text
    assert PASSWORD not in caplog.text


@on_mongodb_only
async def test_a_wrong_replica_set_is_not_shown(
    mongod: Mongod, post: Post, use_settings: UseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    mongod.start()
    use_settings(MONGODB_URI=f"{mongod.uri}/?replicaSet={PASSWORD}", MONGODB_TIMEOUT_MS="500")

    await assert_unavailable(post("feedback", BODIES["feedback"]))
    assert "No replica set members" in caplog.text
    assert PASSWORD not in caplog.text


async def test_unresponsive_name_server(
    post: Post,
    use_settings: UseSettings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = silent.getsockname()[1]
        monkeypatch.setattr(dns.asyncresolver, "default_resolver", resolver)
        use_settings(MONGODB_URI="mongodb+srv://cluster.example.com")

        await assert_unavailable(post("feedback", BODIES["feedback"]))
        assert "The resolution lifetime expired" in caplog.text


async def test_a_defect_is_a_logged_500(
    post: Post,
    use_settings: UseSettings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    use_settings(MONGODB_URI="mongodb://localhost")
    monkeypatch.setattr("feedback_function.validate", lambda *_: 1 / 0)

    response = await post("feedback", BODIES["feedback"])

    assert response.status_code == 500
    assert response.mimetype == "application/problem+json"
    assert body_of(response)["type"] == "urn:up2d8:problem:internal-error"
    assert b"division" not in response.get_body()
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError
