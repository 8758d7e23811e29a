"""The dialect proxy: messages that pass, and injected faults."""

import asyncio
import gc
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import bson
import pymongo
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import (
    AsyncMongoClient,
    DeleteOne,
    MongoClient,
    ReplaceOne,
)
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
)

from local_project.addresses import Address, free_address
from tests.support.commands import failure_of, ids
from tests.support.dialect_proxy import READS, Open, Throttle, running_proxy
from tests.support.dialects import Dialect
from tests.support.documents import Document
from tests.support.mongod import RunMongod
from tests.support.processes import suspend

MONGODB = Dialect.MONGODB
AZURE = Dialect.AZURE_DOCUMENTDB
AMAZON = Dialect.AMAZON_DOCUMENTDB
RU = Dialect.COSMOS_RU
E11000 = "E11000 duplicate key error collection"

# `Any`: its document class differs from the client's.
AS_STORED: Any = bson.CodecOptions(document_class=RawBSONDocument)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for an effect of another thread."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def ping(client: MongoClient[Document]) -> None:
    """Check that the server answers promptly."""
    with pymongo.timeout(0.3):
        client.admin.command("ping")


# Connections


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (MONGODB, {"setName": "rs0"}),
        (AZURE, {"msg": "isdbgrid", "maxWriteBatchSize": 25_000}),
        (AMAZON, {"setName": "rs0"}),
        (RU, {"setName": "globaldb", "maxWriteBatchSize": 1000}),
    ],
)
def test_hello_describes_the_server_at_the_proxys_address(
    through: Open, dialect: Dialect, expected: Document
) -> None:
    proxy, collection = through(dialect)

    hello = collection.database.client.admin.command("hello")

    assert expected.items() <= hello.items()
    assert "topologyVersion" not in hello
    assert hello.get("hosts") == (None if dialect == AZURE else [str(proxy.address)])
    assert ("setName" in hello) is (dialect != AZURE)
    assert collection.database.client.nodes == {(proxy.address.ip, proxy.address.port)}


@pytest.mark.parametrize("dialect", Dialect)
async def test_both_clients_read_and_write_in_every_dialect(
    mongodb_address: Address, empty_database: Database[Document], dialect: Dialect
) -> None:
    with running_proxy(mongodb_address, dialect) as proxy:
        async with AsyncMongoClient[Document](proxy.uri, retryWrites=False) as client:
            events = client[empty_database.name]["events"]
            await events.insert_many([{"_id": number} for number in range(300)])
            await events.bulk_write([DeleteOne({"_id": 0}), ReplaceOne({"_id": 1}, {"a": 1})])
            found = await events.find(batch_size=100).to_list()
        with MongoClient[Document](proxy.uri) as client_of_thread:
            count = client_of_thread[empty_database.name]["events"].count_documents({})

    assert [each["_id"] for each in found] == list(range(1, 300))
    assert count == 299


def test_connections_are_counted(mongodb_address: Address) -> None:
    with running_proxy(mongodb_address, MONGODB) as proxy:
        address = (proxy.address.ip, proxy.address.port)
        with socket.create_connection(address), socket.create_connection(address):
            wait_until(lambda: proxy.connections == 2)
        wait_until(lambda: proxy.connections == 0)
        assert proxy.peak_connections == 2


def test_clients_that_connect_while_it_closes_are_closed(mongodb_address: Address) -> None:
    for _ in range(10):
        with ExitStack() as stack:
            with running_proxy(mongodb_address, MONGODB) as proxy:
                address = (proxy.address.ip, proxy.address.port)
                clients = [stack.enter_context(socket.create_connection(address)) for _ in range(9)]
            for client in clients:
                with suppress(ConnectionResetError):
                    assert client.recv(1) == b""
    gc.collect()


def test_values_pass_unchanged(through: Open, empty_database: Database[Document]) -> None:
    _, collection = through(AZURE)
    # A date beyond Python's years, and 64-bit integers that would fit into 32.
    date = b"\x09date\x00" + (1 << 60).to_bytes(8, "little")
    long = b"\x12long\x00" + (1).to_bytes(8, "little")
    text = bson.encode({"_id": 1})[4:-1] + date + long
    document = (len(text) + 5).to_bytes(4, "little") + text + b"\x00"

    collection.insert_one(RawBSONDocument(document))
    collection.update_many({"long": bson.Int64(1)}, {"$set": {"other": bson.Int64(2)}})

    [stored] = empty_database["events"].with_options(AS_STORED).find()
    assert stored.raw[4:-1].startswith(document[4:-1])
    assert stored.raw.endswith(b"\x12other\x00" + (2).to_bytes(8, "little") + b"\x00")


def test_statements_of_a_plain_command_are_found(through: Open) -> None:
    proxy, collection = through(AZURE)
    proxy.partial = 1

    documents = [{"_id": 1}, {"_id": 2}]
    code, _ = failure_of(
        lambda: collection.database.command("insert", "events", documents=documents)
    )

    assert code == 112
    assert ids(collection) == [1]


def test_transactions_pass(through: Open) -> None:
    for dialect in (MONGODB, AZURE):
        _, collection = through(dialect)
        collection.drop()
        collection.insert_one({"_id": 0})
        with collection.database.client.start_session() as session:
            with session.start_transaction():
                collection.insert_many([{"_id": 1}, {"_id": 2}], session=session)
                assert ids(collection) == [0]
            assert ids(collection) == [0, 1, 2]


def test_an_unreachable_server_closes_connections() -> None:
    with running_proxy(free_address(), AZURE) as proxy:
        with socket.create_connection((proxy.address.ip, proxy.address.port)) as client:
            client.settimeout(5)
            assert client.recv(1) == b""
        with (
            MongoClient[Document](proxy.uri, serverSelectionTimeoutMS=200) as mongo,
            pytest.raises(ConnectionFailure),
        ):
            mongo.admin.command("ping")


def test_recovers_from_a_killed_and_a_hung_server(run_mongod: RunMongod, tmp_path: Path) -> None:
    address = free_address()
    with running_proxy(address, AZURE) as proxy, MongoClient[Document](proxy.uri) as client:
        events = client["test"]["events"]
        with run_mongod(address, tmp_path) as process:
            events.insert_one({"_id": 1})
            suspend(process)
            with pytest.raises(ConnectionFailure):
                ping(client)
            process.send_signal(signal.SIGCONT)
            events.insert_one({"_id": 2})
            process.kill()
        with pytest.raises(ConnectionFailure):
            ping(client)
        with run_mongod(address, tmp_path):
            assert ids(events) == [1, 2]


def test_a_taken_address_cannot_be_used(mongodb_address: Address) -> None:
    with (
        running_proxy(mongodb_address, AZURE) as proxy,
        pytest.raises(OSError, match="in use"),
        running_proxy(mongodb_address, AZURE, proxy.address),
    ):
        pass


# Bulk writes


def write_at_once(*writes: Callable[[], object]) -> list[OperationFailure]:
    """Write concurrently, and return the failures."""
    gate = threading.Barrier(len(writes))

    def run(write: Callable[[], object]) -> OperationFailure | None:
        gate.wait()
        try:
            write()
        except OperationFailure as failure:
            return failure
        return None

    with ThreadPoolExecutor(len(writes)) as pool:
        return [failure for failure in pool.map(run, writes) if failure]


def replacements(*keys: Any) -> list[ReplaceOne[Document]]:
    return [ReplaceOne({"_id": key, "a": {"$gte": 0}}, {"a": 1}, upsert=True) for key in keys]


def test_azure_deadlocks_on_contradictory_bulk_writes(through: Open) -> None:
    proxy, collection = through(AZURE)
    proxy.hold_seconds = 0.02
    collection.insert_many([{"_id": key, "a": 0} for key in "abcd"])
    failed = []
    for _ in range(5):
        failed += write_at_once(
            lambda: collection.bulk_write(replacements("a", "b", "c"), ordered=False),
            lambda: collection.bulk_write(replacements("d", "c", "b", "a"), ordered=False),
        )
    assert failed
    assert {failure.code for failure in failed} == {112}
    assert proxy.refusals == {"deadlock": len(failed)}
    assert proxy.codes == {112: len(failed)}


def test_azure_commits_half_of_a_deadlocked_write(through: Open) -> None:
    proxy, collection = through(AZURE)
    proxy.hold_seconds = 0.1
    first, second = [[{"_id": n} for n in numbers] for numbers in ([1, 2, 3], [4, 5, 3, 2])]

    with ThreadPoolExecutor(1) as pool:
        insertion = pool.submit(collection.insert_many, first)
        wait_until(lambda: any(proxy.bulk_writes.in_flight.values()))
        began = time.monotonic()
        failure = failure_of(lambda: collection.insert_many(second))
        insertion.result()

    assert failure == (112, "Could not acquire lock for operation due to deadlock")
    assert time.monotonic() - began > proxy.deadlock_seconds
    assert ids(collection) == [1, 2, 3, 4, 5]


def test_azure_accepts_consistently_ordered_bulk_writes(through: Open) -> None:
    proxy, collection = through(AZURE)
    proxy.hold_seconds = 0.02
    collection.insert_many([{"_id": key, "a": 0} for key in "abcdxyz"])
    writes = [replacements(*keys) for keys in ("abcd", "bcd", "ad", "d", "acd", "xyz", "zb")]
    assert not write_at_once(*[partial(collection.bulk_write, write) for write in writes])
    assert not proxy.codes


@pytest.mark.parametrize(("dialect", "code"), [(AZURE, 112), (RU, 16500)])
def test_a_bulk_write_fails_halfway(through: Open, dialect: Dialect, code: int) -> None:
    proxy, collection = through(dialect)
    proxy.partial = 2
    collection.insert_many([{"_id": 1}, {"_id": 2}])
    collection.insert_one({"_id": 3})
    found, _ = failure_of(lambda: collection.insert_many([{"_id": n} for n in (4, 5, 6, 7)]))
    assert found == code
    assert ids(collection) == [1, 2, 3, 4, 5]
    assert proxy.refusals == {"partial": 1}
    proxy.partial = None
    collection.delete_many({})
    collection.insert_many([{"_id": 1}, {"_id": 2}])


@pytest.mark.parametrize("dialect", [AMAZON, MONGODB])
def test_a_connection_closes_halfway(
    through: Open, empty_database: Database[Document], dialect: Dialect
) -> None:
    proxy, collection = through(dialect, retryWrites=False)
    proxy.partial = 1
    with pytest.raises(AutoReconnect):
        collection.insert_many([{"_id": 1}, {"_id": 2}])
    assert ids(empty_database["events"]) == [1]
    assert proxy.refusals == {"partial": 1}


# Throttling


@pytest.mark.parametrize("dialect", Dialect)
def test_commands_are_throttled(through: Open, dialect: Dialect) -> None:
    proxy, collection = through(dialect, retryWrites=False)
    proxy.throttle = Throttle(every=2, part="command", retry_after_ms=21)

    collection.insert_many([{"_id": 1}, {"_id": 2}])
    code, text = failure_of(lambda: collection.insert_many([{"_id": 3}, {"_id": 4}]))

    assert code == 16500
    assert text.startswith("Error=16500, RetryAfterMs=21, Details='Response status code")
    assert "TooManyRequests (429)" in text
    assert ids(collection) == [1, 2]
    assert failure_of(collection.find_one)[0] == 16500
    assert proxy.codes == {16500: 2}


def test_some_commands_are_throttled_without_a_retry_time(through: Open) -> None:
    proxy, collection = through(RU)
    proxy.throttle = Throttle(every=1, part="command", retry_after_ms=None, commands=READS)
    collection.insert_one({})
    assert failure_of(collection.find_one) == (16500, "Error=16500, Details='Insert error.'")


def test_unordered_writes_are_throttled_one_by_one(through: Open) -> None:
    proxy, collection = through(RU, retryWrites=False)
    collection.insert_one({"_id": 5})
    proxy.throttle = Throttle(every=3, part="writes")

    with pytest.raises(BulkWriteError) as caught:
        collection.insert_many([{"_id": number} for number in range(1, 8)], ordered=False)

    errors = [(each["index"], each["code"]) for each in caught.value.details["writeErrors"]]
    assert errors == [(2, 16500), (4, 11000), (5, 16500)]
    assert caught.value.details["nInserted"] == 4
    assert ids(collection) == [1, 2, 4, 5, 7]
    assert proxy.codes == {16500: 2}


def test_ordered_writes_stop_at_a_throttled_one(through: Open) -> None:
    proxy, collection = through(RU)
    proxy.throttle = Throttle(every=3, part="writes")

    with pytest.raises(BulkWriteError) as caught:
        collection.bulk_write(replacements(*range(5)))

    [error] = caught.value.details["writeErrors"]
    assert (error["index"], error["code"]) == (2, 16500)
    assert [each["_id"] for each in caught.value.details["upserted"]] == [0, 1]
    assert ids(collection) == [0, 1]


def test_ordered_writes_stop_at_an_earlier_failure(through: Open) -> None:
    proxy, collection = through(RU)
    collection.insert_one({"_id": 1})
    proxy.throttle = Throttle(every=3, part="writes")

    with pytest.raises(BulkWriteError) as caught:
        collection.insert_many([{"_id": 1}, {"_id": 2}, {"_id": 3}])

    [error] = caught.value.details["writeErrors"]
    assert (error["index"], error["code"]) == (0, 11000)
    assert not proxy.codes


def test_upserts_have_the_positions_of_the_request(through: Open) -> None:
    proxy, collection = through(RU, retryWrites=False)
    proxy.throttle = Throttle(every=2, part="writes")

    with pytest.raises(BulkWriteError) as caught:
        collection.bulk_write(replacements(*range(4)), ordered=False)

    upserted = [(each["index"], each["_id"]) for each in caught.value.details["upserted"]]
    assert upserted == [(0, 0), (2, 2)]


def test_all_writes_of_a_command_may_be_throttled(through: Open) -> None:
    proxy, collection = through(RU)
    proxy.throttle = Throttle(every=1, part="writes")
    code, _ = failure_of(lambda: collection.delete_one({"_id": 1}))
    assert code == 16500
    proxy.throttle = None
    collection.delete_one({"_id": 1})


async def test_an_asynchronous_client_meets_all_faults(
    mongodb_address: Address, empty_database: Database[Document]
) -> None:
    with running_proxy(mongodb_address, AZURE) as proxy:
        proxy.throttle = Throttle(every=10, part="writes")
        proxy.partial = 3
        async with AsyncMongoClient[Document](proxy.uri) as client:
            events = client[empty_database.name]["events"]
            results = await asyncio.gather(
                *(
                    events.insert_many([{"_id": n * 10 + m} for m in range(3)], ordered=False)
                    for n in range(20)
                ),
                return_exceptions=True,
            )
            count = await events.count_documents({})
    # A write that failed halfway stores one of two or three; a throttled one may be among them.
    assert len([each for each in results if isinstance(each, BulkWriteError)]) <= 6
    assert proxy.codes == {112: 6, 16500: proxy.refusals["throttle"]}
    assert 42 <= count <= 60 - 6


# Documents with two `_id` fields


def test_aliases_make_a_second_id(through: Open, empty_database: Database[Document]) -> None:
    proxy, collection = through(AZURE)
    empty_database["events"].insert_many([{"_id": n, "a": {"_if": 1}, "_if": n} for n in range(3)])
    proxy.aliases = {"_if": "_id"}
    found = list(collection.with_options(AS_STORED).find(batch_size=2))

    assert [each.raw.count(b"\x10_id\x00") for each in found] == [2, 2, 2]
    assert [each.raw.count(b"\x10_if\x00") for each in found] == [1, 1, 1]
    second = b"\x10_id\x00\x01\x00\x00\x00\x00"
    assert found[1].raw == bson.encode({"_id": 1, "a": {"_if": 1}, "_if": 1})[:-10] + second
