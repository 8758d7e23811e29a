"""Acknowledged writes are stored exactly once through faults of MongoDB under load."""

import asyncio
import gc
import gzip
import itertools
import json
import logging
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import azure.functions as func
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from local_project.addresses import free_address
from shared_code.mongodb import connection
from tests.support.dialect_proxy import DialectProxy, Throttle
from tests.support.dialects import Dialect
from tests.support.documents import Document
from tests.support.functions import EVENT, FEEDBACK, Post, UseSettings
from tests.support.load import CLIENTS, Load, assert_consistent, assert_recovered
from tests.support.mongod import Mongod, RunMongod
from tests.support.network_proxy import TASK_NAME, NetworkProxy

LONGEST_SECONDS = 3.5

# PyMongo follows a replica set and a router differently. Kills on every server are below.
two_topologies = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB)

# PyMongo's maximum of connections: the pool, and two for monitoring.
POOL = 10 + 2


async def soon(condition: Callable[[], bool]) -> bool:
    """Say whether a condition comes true within five seconds."""
    for _ in range(100):
        if condition():
            return True
        await asyncio.sleep(0.05)
    return False


def connections(client: MongoClient[Document]) -> int:
    """Return the number of MongoDB's connections to the functions, by their application name."""
    operations = client.admin.aggregate(
        [
            {"$currentOp": {"allUsers": True, "idleConnections": True}},
            {"$match": {"appName": "up2d8"}},
        ]
    )
    return len(list(operations))


def tasks() -> int:
    """Return the number of the functions' tasks."""
    return sum(task.get_name() != TASK_NAME for task in asyncio.all_tasks())


async def assert_survives(
    fault: Coroutine[Any, Any, None], mongod: Mongod, post: Post, *, failures: bool = True
) -> None:
    """Fail unless clients that write through a fault get true and timely responses, without leaks.

    With `failures`, the fault lasts long enough that some must fail.
    """
    load = Load(post)
    await post("feedback", FEEDBACK | {"rating": "0"})
    await post("analytics", EVENT | {"details": {"number": -1, "position": 0}})
    tasks_before = tasks()

    await load.run(fault)
    assert not failures or not all(request.stored for request in load.requests)
    assert max(request.seconds for request in load.requests) < LONGEST_SECONDS
    await assert_recovered(load)

    with MongoClient[Document](mongod.direct_uri, directConnection=True) as client:
        assert_consistent(load, client.up2d8)
        await load.retry_failures()
        assert_consistent(load, client.up2d8)

        assert await soon(lambda: tasks() <= tasks_before)
        assert 0 < connections(client) <= POOL
        await connection.close()
        assert await soon(lambda: connections(client) == 0)


@pytest.fixture
def mongod(mongod: Mongod) -> Mongod:
    """Return the test's MongoDB, running."""
    mongod.start()
    return mongod


@pytest.fixture
async def network(mongod: Mongod, use_settings: UseSettings) -> AsyncIterator[NetworkProxy]:
    """Return the network between the functions and MongoDB."""
    network = NetworkProxy(mongod.server, free_address())
    use_settings(MONGODB_URI=network.uri)
    await network.listen()
    yield network
    network.reply_delay = 0.0
    await connection.close()
    await network.close()


@pytest.mark.timed
@two_topologies
async def test_killed(mongod: Mongod, post: Post) -> None:
    async def kill() -> None:
        for seconds in (0.0, 0.0, 3.5):
            mongod.kill()
            await asyncio.sleep(seconds)
            # Linux kills it with the thread that started it, which lives as long as the event loop.
            await asyncio.to_thread(mongod.start)
            await asyncio.sleep(0.5)

    await assert_survives(kill(), mongod, post)


@pytest.mark.timed
@two_topologies
async def test_hung(mongod: Mongod, post: Post) -> None:
    async def hang() -> None:
        for seconds in (0.5, 1.5, 4.0):
            mongod.hang()
            try:
                await asyncio.sleep(seconds)
            finally:
                mongod.resume()
            await asyncio.sleep(0.5)

    await assert_survives(hang(), mongod, post)


@pytest.mark.timed
async def test_primary_steps_down(mongod: Mongod, post: Post) -> None:
    async def step_down() -> None:
        with MongoClient[Document](mongod.direct_uri, directConnection=True) as client:
            for seconds in (0.0, 0.5, 3.5):
                await asyncio.to_thread(client.admin.command, "replSetStepDown", 60, force=True)
                await asyncio.sleep(seconds)
                await asyncio.to_thread(client.admin.command, "replSetFreeze", 0)
                await asyncio.sleep(0.5)

    await assert_survives(step_down(), mongod, post)


@pytest.mark.timed
@two_topologies
async def test_network_cut_in_the_middle_of_a_reply(
    mongod: Mongod, network: NetworkProxy, post: Post
) -> None:
    async def cut() -> None:
        # Before the reply, within its header of 16 bytes, after that, and within the rest.
        for size in (0, 1, 15, 16, 17, 40) * 3:
            network.cut_after(size)
            await asyncio.sleep(0.2)

    await assert_survives(cut(), mongod, post, failures=False)


@pytest.mark.timed
@two_topologies
async def test_network_gone(mongod: Mongod, network: NetworkProxy, post: Post) -> None:
    async def cut_and_refuse() -> None:
        for seconds in (0.5, 3.5):
            network.refuse()
            network.cut()
            await asyncio.sleep(seconds)
            await network.listen()
            await asyncio.sleep(0.5)

    await assert_survives(cut_and_refuse(), mongod, post)


@pytest.mark.timed
async def test_slow_network_delays_no_response_beyond_the_deadline(
    network: NetworkProxy, post: Post
) -> None:
    await post("analytics", EVENT)
    network.reply_delay = 2.0
    started = time.monotonic()

    # The opt-out of this user is not cached: two queries.
    await post("analytics", EVENT | {"user_id": "u2"})

    assert time.monotonic() - started < LONGEST_SECONDS


# Where PyMongo polls the server, its heartbeat would be late too, and it would wait for the server.
@pytest.mark.timed
async def test_feedback_that_arrives_late_does_not_replace_a_later_one(
    mongod: Mongod, network: NetworkProxy, post: Post
) -> None:
    await post("feedback", FEEDBACK)
    network.request_delay = 3.5
    late = await post("feedback", FEEDBACK | {"rating": "late"})
    network.request_delay = 0.0
    later = await post("feedback", FEEDBACK | {"rating": "later"})
    assert (late.status_code, later.status_code) == (503, 200)

    with MongoClient[Document](mongod.direct_uri, directConnection=True) as client:
        assert await soon(lambda: not network.delayed)
        [stored] = client.up2d8.feedback.find()
    assert stored["rating"] == "later"


@pytest.fixture
def proxied(
    run_mongod: RunMongod, tmp_path: Path, use_settings: UseSettings, dialect: Dialect
) -> Iterator[Mongod]:
    """Return a running MongoDB behind a proxy that makes writes fail."""
    mongod = Mongod(run_mongod, free_address(), tmp_path, dialect, proxied=True)
    use_settings(MONGODB_URI=mongod.uri)
    with mongod.resources:
        mongod.start()
        yield mongod


def proxy_of(mongod: Mongod) -> DialectProxy:
    """Return the proxy in front of a MongoDB."""
    assert mongod.proxy
    return mongod.proxy


async def acknowledged(load: Load, documents: int) -> None:
    """Wait until `documents` are acknowledged."""
    while load.acknowledged() < documents:  # noqa: ASYNC110 (polled)
        await asyncio.sleep(0.05)


@pytest.mark.timed
@pytest.mark.dialects
async def test_10_000_writes_through_kills_partial_failures_and_throttling(
    proxied: Mongod, post: Post
) -> None:
    load, proxy = Load(post), proxy_of(proxied)
    throttles = proxy.dialect is Dialect.COSMOS_RU
    # After a closed connection, PyMongo waits for half a second.
    closes = proxy.dialect in {Dialect.MONGODB, Dialect.AMAZON_DOCUMENTDB}

    async def fail() -> None:
        proxy.partial = 50 if closes else 5
        proxy.throttle = Throttle(every=7, part="writes") if throttles else None
        await acknowledged(load, 5_000)
        proxied.kill()
        await asyncio.to_thread(proxied.start)
        proxy.throttle = Throttle(every=5, part="command") if throttles else None
        await acknowledged(load, 10_000)
        proxy.partial = proxy.throttle = None

    async with asyncio.timeout(60):
        await load.run(fail())
    await assert_recovered(load)

    assert proxy.refusals["partial"] >= 5
    with MongoClient[Document](proxied.direct_uri, directConnection=True) as client:
        assert_consistent(load, client.up2d8)
        await load.retry_failures()
        assert_consistent(load, client.up2d8)


@dataclass
class Vote:
    """A feedback on a hot key, with the times of its request and its response."""

    user: str
    rating: str
    sent: float
    acknowledged: float


@pytest.mark.timed
@pytest.mark.dialects
async def test_960_feedbacks_on_two_hot_keys_are_all_stored_and_the_newest_stays(
    proxied: Mongod, post: Post
) -> None:
    votes: list[Vote] = []

    async def client(number: int) -> None:
        for step in range(30):
            user, rating = f"user-{(number + step) % 2}", f"{number}-{step}"
            sent = time.monotonic()
            response = await post("feedback", FEEDBACK | {"user_id": user, "rating": rating})
            assert response.status_code in {200, 201}
            votes.append(Vote(user, rating, sent, time.monotonic()))

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))

    with MongoClient[Document](proxied.direct_uri, directConnection=True) as mongodb:
        stored = list(mongodb.up2d8.feedback.find())
    assert len(votes) == 960
    assert sorted(each["user_id"] for each in stored) == ["user-0", "user-1"]
    for each in stored:
        own = [vote for vote in votes if vote.user == each["user_id"]]
        [kept] = [vote for vote in own if vote.rating == each["rating"]]
        # The clock has milliseconds: within one, either counts as the newest.
        assert not [vote for vote in own if vote.sent > kept.acknowledged + 0.001]
    assert proxy_of(proxied).codes[112] == 0


def blocks_in_use() -> int:
    """Return the number of Python's memory blocks in use."""
    gc.collect()
    return sys.getallocatedblocks()


def resident_bytes() -> int:
    """Return the resident memory of this process (proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.linux
async def test_100_000_requests_leak_nothing(
    fresh_database: Database[Document], post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    # Pytest would keep every line.
    caplog.set_level(logging.CRITICAL, "up2d8")
    numbers = itertools.count()
    statuses: Counter[int] = Counter()
    compressed = gzip.compress(json.dumps(EVENT).encode())

    def send_one(number: int) -> Awaitable[func.HttpResponse]:
        match number % 8:
            case 0 | 1 | 2:
                return post("feedback", FEEDBACK | {"message_id": f"m{number % 1000}"})
            case 3 | 4:
                return post("analytics", EVENT)
            case 5:
                # A repetition.
                return post("analytics", EVENT | {"event_id": str(UUID(int=number % 1000))})
            case 6:
                return post("analytics", compressed, {"Content-Encoding": "gzip"})
            case _:
                return post("analytics", {"user_id": number})

    async def client(requests: int) -> None:
        for number in itertools.islice(numbers, requests):
            statuses[(await send_one(number)).status_code] += 1

    async def send(requests: int) -> None:
        await asyncio.gather(*(client(requests // 200) for _ in range(200)))

    # Pools, caches and the interpreter's own free lists fill first.
    await send(20_000)
    tasks_before, blocks_before, bytes_before = tasks(), blocks_in_use(), resident_bytes()
    await send(80_000)

    assert await soon(lambda: tasks() <= tasks_before)
    # If one request in forty leaked one object, there would be 2,000.
    assert blocks_in_use() - blocks_before < 2_000
    assert resident_bytes() - bytes_before < 8 * 2**20
    assert set(statuses) == {200, 201, 202, 422}
    assert fresh_database.analytics.count_documents({}) > 30_000
