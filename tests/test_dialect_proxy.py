"""Tests of the dialect proxy: what each server answers where MongoDB answers otherwise."""

import asyncio
import gc
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import bson
import pymongo
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import (
    AsyncMongoClient,
    DeleteOne,
    IndexModel,
    InsertOne,
    MongoClient,
    ReplaceOne,
    UpdateOne,
    WriteConcern,
)
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
)

from local_project.addresses import Address, free_address
from local_project.connection_strings import loopback_address
from local_project.mongod import running_mongod
from tests.support.dialect_proxy import READS, DialectProxy, Throttle, running_proxy
from tests.support.dialects import Dialect
from tests.support.processes import suspend

MONGODB = Dialect.MONGODB
AZURE = Dialect.AZURE_DOCUMENTDB
AMAZON = Dialect.AMAZON_DOCUMENTDB
RU = Dialect.COSMOS_RU

Document = dict[str, Any]

E11000 = "E11000 duplicate key error collection"
# `Any`, since documents are of another class than the client's.
AS_STORED: Any = bson.CodecOptions(document_class=RawBSONDocument)

WORD = {"$toLower": {"$trim": {"input": "$rating"}}}
LET_OF_TWO = {"$let": {"vars": {"one": 1, "two": 2}, "in": "$$two"}}
GUARDED = {"$cond": [{"$eq": ["$rating", "5"]}, {"$toDouble": "$rating"}, None]}
JOIN = {"from": "other", "localField": "a", "foreignField": "a", "as": "others"}


class Opened(NamedTuple):
    """A proxy, and a collection through it."""

    proxy: DialectProxy
    collection: Collection[Document]


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def server(mongodb_uri: str) -> Address:
    """Return the address of the `mongod`."""
    address = loopback_address(mongodb_uri)
    assert address is not None
    return address


@pytest.fixture
def through(server: Address, empty_database: Database[Document]) -> Iterator[Open]:
    """Return a function that opens an empty collection through a proxy."""
    with ExitStack() as stack:

        def open_collection(dialect: Dialect, **options: Any) -> Opened:
            proxy = stack.enter_context(running_proxy(server, dialect))
            client = stack.enter_context(MongoClient[Document](proxy.uri, **options))
            return Opened(proxy, client[empty_database.name]["events"])

        yield open_collection


def ids(collection: Collection[Document]) -> list[Any]:
    return [each["_id"] for each in collection.find(sort={"_id": 1})]


def failure_of(call: Callable[[], object]) -> tuple[int | None, str]:
    """Return the code and the text that a call fails with."""
    with pytest.raises(OperationFailure) as caught:
        call()
    assert caught.value.details is not None
    return caught.value.code, caught.value.details["errmsg"]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in another thread."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def ping(client: MongoClient[Document]) -> None:
    """Ask whether the server answers soon."""
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
def test_hello_introduces_the_server_at_the_proxys_address(
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
async def test_both_clients_read_and_write_in_all_dialects(
    server: Address, empty_database: Database[Document], dialect: Dialect
) -> None:
    with running_proxy(server, dialect) as proxy:
        async with AsyncMongoClient[Document](proxy.uri, retryWrites=False) as client:
            events = client[empty_database.name]["events"]
            await events.insert_many([{"_id": number} for number in range(300)])
            await events.bulk_write([DeleteOne({"_id": 0}), ReplaceOne({"_id": 1}, {"a": 1})])
            found = await events.find(batch_size=100).to_list()
        with MongoClient[Document](proxy.uri) as client_of_thread:
            count = client_of_thread[empty_database.name]["events"].count_documents({})

    assert [each["_id"] for each in found] == list(range(1, 300))
    assert count == 299


def test_connections_are_counted(server: Address) -> None:
    with running_proxy(server, MONGODB) as proxy:
        address = (proxy.address.ip, proxy.address.port)
        with socket.create_connection(address), socket.create_connection(address):
            wait_until(lambda: proxy.connections == 2)
        wait_until(lambda: proxy.connections == 0)
        assert proxy.peak_connections == 2


def test_clients_that_connect_while_it_closes_are_closed(server: Address) -> None:
    for _ in range(10):
        with ExitStack() as stack:
            with running_proxy(server, MONGODB) as proxy:
                address = (proxy.address.ip, proxy.address.port)
                clients = [stack.enter_context(socket.create_connection(address)) for _ in range(9)]
            for client in clients:
                with suppress(ConnectionResetError):
                    assert client.recv(1) == b""
    gc.collect()


def test_values_pass_unchanged(through: Open, empty_database: Database[Document]) -> None:
    _, collection = through(AZURE)
    # A date beyond Python's years, and integers of 64 bits that would fit into 32.
    date = b"\x09date\x00" + (1 << 60).to_bytes(8, "little")
    long = b"\x12long\x00" + (1).to_bytes(8, "little")
    text = bson.encode({"_id": 1})[4:-1] + date + long
    document = (len(text) + 5).to_bytes(4, "little") + text + b"\x00"

    collection.insert_one(RawBSONDocument(document))
    collection.update_many({"long": bson.Int64(1)}, {"$set": {"other": bson.Int64(2)}})

    [stored] = empty_database["events"].with_options(AS_STORED).find()
    assert stored.raw[4:-1].startswith(document[4:-1])
    assert stored.raw.endswith(b"\x12other\x00" + (2).to_bytes(8, "little") + b"\x00")


def test_statements_of_a_plain_command_are_statements(through: Open) -> None:
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


def test_a_server_that_cannot_be_reached_closes_connections() -> None:
    with running_proxy(free_address(), AZURE) as proxy:
        with socket.create_connection((proxy.address.ip, proxy.address.port)) as client:
            client.settimeout(5)
            assert client.recv(1) == b""
        with (
            MongoClient[Document](proxy.uri, serverSelectionTimeoutMS=200) as mongo,
            pytest.raises(ConnectionFailure),
        ):
            mongo.admin.command("ping")


def test_a_server_that_is_killed_or_hangs_comes_back(tmp_path: Path) -> None:
    address = free_address()
    with running_proxy(address, AZURE) as proxy, MongoClient[Document](proxy.uri) as client:
        events = client["test"]["events"]
        with running_mongod(address, tmp_path) as process:
            events.insert_one({"_id": 1})
            suspend(process)
            with pytest.raises(ConnectionFailure):
                ping(client)
            process.send_signal(signal.SIGCONT)
            events.insert_one({"_id": 2})
            process.kill()
        with pytest.raises(ConnectionFailure):
            ping(client)
        with running_mongod(address, tmp_path):
            assert ids(events) == [1, 2]


def test_a_taken_address_cannot_be_used(server: Address) -> None:
    with (
        running_proxy(server, AZURE) as proxy,
        pytest.raises(OSError, match="in use"),
        running_proxy(server, AZURE, proxy.address),
    ):
        pass


# Duplicates


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (AZURE, "Duplicate key violation on the requested collection: Index '{index}'"),
        (AMAZON, f"{E11000}: {{namespace}} index: {{index}}"),
        (
            RU,
            f"{E11000}: {{namespace}}. Failed _id or unique key constraint",
        ),
    ],
)
def test_duplicates_do_not_tell_the_key(through: Open, dialect: Dialect, text: str) -> None:
    _, collection = through(dialect, retryWrites=False)
    collection.create_index("user_id", unique=True, name="one per user")
    collection.insert_one({"_id": 1, "user_id": 1})

    with pytest.raises(DuplicateKeyError) as by_id:
        collection.insert_one({"_id": 1})
    with pytest.raises(BulkWriteError) as by_user:
        collection.bulk_write([InsertOne({"_id": 2}), InsertOne({"_id": 3, "user_id": 1})])
    with pytest.raises(DuplicateKeyError) as by_command:
        collection.find_one_and_update({"_id": 2}, {"$set": {"user_id": 1}})

    def expected(index: str) -> str:
        return text.format(index=index, namespace=collection.full_name)

    assert by_id.value.details is not None
    assert by_id.value.details == {"index": 0, "code": 11000, "errmsg": expected("_id_")}
    [error] = by_user.value.details["writeErrors"]
    assert (error["index"], error["errmsg"]) == (1, expected("one per user"))
    assert "keyPattern" not in error
    assert by_command.value.details is not None
    assert by_command.value.details["errmsg"] == expected("one per user")
    assert "keyValue" not in by_command.value.details


def test_mongodb_tells_the_key(through: Open) -> None:
    _, collection = through(MONGODB)
    collection.insert_one({"_id": 1})
    with pytest.raises(DuplicateKeyError) as caught:
        collection.insert_one({"_id": 1})
    assert caught.value.details is not None
    assert caught.value.details["keyValue"] == {"_id": 1}


# Retryable writes and write concerns


def retry(collection: Collection[Document], **fields: Any) -> Document:
    """Send the same insert again, as a driver retries it."""
    command = {"insert": "events", "documents": [{"_id": 1}], **fields}
    lsid = {"id": bson.Binary(bytes(16), 4)}
    number = {"lsid": lsid, "txnNumber": bson.Int64(1)}
    collection.database.command(command | number)
    return collection.database.command(command | number)


def test_azure_takes_a_retried_write_for_a_new_one(through: Open) -> None:
    _, collection = through(AZURE)
    assert retry(collection)["writeErrors"][0]["code"] == 11000
    collection.drop()
    assert retry(through(MONGODB).collection)["n"] == 1


def test_amazon_refuses_retryable_writes(through: Open) -> None:
    proxy, collection = through(AMAZON)
    refused = (301, "Retryable writes are not supported")
    assert failure_of(lambda: collection.insert_one({})) == refused
    assert failure_of(lambda: collection.find_one_and_delete({})) == refused
    assert proxy.refusals == {"txnNumber": 2}
    assert proxy.codes == {301: 2}


def test_ru_refuses_retryable_unordered_writes(through: Open) -> None:
    _, collection = through(RU)
    collection.insert_many([{"_id": 1}, {"_id": 2}])
    code, text = failure_of(lambda: collection.insert_many([{"_id": 3}], ordered=False))
    assert code == 2
    assert text.startswith("Retryable writes are not supported.")
    assert ids(collection) == [1, 2]


@pytest.mark.parametrize("dialect", [AZURE, RU])
def test_write_concerns_are_ignored(through: Open, dialect: Dialect) -> None:
    _, collection = through(dialect)
    of_seven = collection.with_options(write_concern=WriteConcern(w=7, wtimeout=100))
    assert of_seven.insert_one({}).acknowledged


def test_amazon_refuses_causal_consistency(through: Open) -> None:
    _, collection = through(AMAZON, retryWrites=False)
    with collection.database.client.start_session(causal_consistency=True) as session:
        collection.insert_one({}, session=session)
        code, text = failure_of(lambda: collection.find_one(session=session))
    assert (code, text) == (303, "Feature not supported: 'causal consistency'")


# Expressions, stages and commands


@pytest.mark.parametrize(
    ("dialect", "stage", "code", "text"),
    [
        (AZURE, {"$project": {"a": LET_OF_TWO}}, 17276, "undefined variable: two"),
        (AZURE, {"$match": {"$expr": LET_OF_TWO}}, 17276, "undefined variable: two"),
        (AZURE, {"$facet": {"a": [{"$project": {"a": GUARDED}}]}}, 241, "interpret number"),
        (AZURE, {"$changeStream": {}}, 115, "Stage $changeStream is not supported yet"),
        (AMAZON, {"$facet": {"a": []}}, 304, "Aggregation stage not supported: '$facet'"),
        (AMAZON, {"$unionWith": "other"}, 304, "'$unionWith'"),
        (AMAZON, {"$set": {"a": 1}}, 304, "'$set'"),
        (AMAZON, {"$project": {"a": {"$isNumber": "$a"}}}, 305, "not supported: '$isNumber'"),
        (AMAZON, {"$project": {"a": "$$REMOVE"}}, 303, "Feature not supported: $$REMOVE"),
        (AMAZON, {"$group": {"_id": 1, "n": {"$count": {}}}}, 305, "'$count'"),
        (AMAZON, {"$match": {"a": {"$type": ["int", "long"]}}}, 303, "array for $type"),
        (AMAZON, {"$lookup": JOIN | {"let": {"b": "$b"}, "pipeline": []}}, 9, "concise"),
        (AMAZON, {"$lookup": {"from": "o", "pipeline": [], "as": "o"}}, 304, "'$lookup on"),
        (AMAZON, {"$changeStream": {}}, 136, "modifyChangeStreams has not been run"),
        (RU, {"$lookup": JOIN | {"let": {}, "pipeline": []}}, 115, "let not supported"),
        (RU, {"$setWindowFields": {"output": {}}}, 40324, "stage name: $setWindowFields"),
        (RU, {"$project": {"a": {"$dateTrunc": {}}}}, 168, "'$dateTrunc'"),
    ],
)
def test_what_pipelines_may_not_contain(
    through: Open, dialect: Dialect, stage: Document, code: int, text: str
) -> None:
    proxy, collection = through(dialect)
    found, errmsg = failure_of(lambda: collection.aggregate([stage]))
    assert found == code
    assert text in errmsg
    assert proxy.codes == {code: 1}


@pytest.mark.parametrize(
    ("dialect", "stage"),
    [
        (AZURE, {"$project": {"a": {"$let": {"vars": {"one": 1}, "in": "$$one"}}}}),
        (AZURE, {"$project": {"a": {"$literal": LET_OF_TWO}}}),
        (AZURE, {"$project": {"a": {"$cond": [{"$toDouble": "$n"}, 1, 2]}}}),
        (AZURE, {"$lookup": JOIN | {"let": {"b": "$b"}, "pipeline": []}}),
        (AMAZON, {"$count": "n"}),
        (AMAZON, {"$match": {"$expr": {"$gt": ["$a", {"$let": {"vars": {}, "in": 1}}]}}}),
        (AMAZON, {"$lookup": JOIN}),
        (RU, {"$facet": {"a": [{"$count": "n"}]}}),
    ],
)
def test_what_pipelines_may_contain(through: Open, dialect: Dialect, stage: Document) -> None:
    proxy, collection = through(dialect)
    collection.aggregate([stage]).to_list()
    assert not proxy.refusals


def test_expressions_are_found_in_every_command(through: Open) -> None:
    proxy, collection = through(AZURE)
    condition = {"$expr": LET_OF_TWO}
    for call in (
        lambda: collection.find_one(condition),
        lambda: collection.count_documents(condition),
        lambda: collection.distinct("a", condition),
        lambda: collection.delete_many(condition),
        lambda: collection.update_many(condition, {"$set": {"a": 1}}),
        lambda: collection.find_one_and_delete(condition),
    ):
        assert failure_of(call)[0] == 17276
    assert proxy.refusals == {"$let": 6}


def test_change_streams_may_be_enabled(through: Open) -> None:
    proxy, collection = through(AMAZON)
    proxy.change_streams = True
    collection.database.create_collection("events")
    with collection.watch(max_await_time_ms=1) as changes:
        assert changes.try_next() is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (WORD, None),
        ({"$trim": {"input": "$rating"}}, None),
        ({"$concat": [WORD, ""]}, 2.0),
        ("$rating", 2.0),
    ],
)
def test_azure_converts_a_trimmed_text_to_null(
    through: Open, source: object, expected: float | None
) -> None:
    _, collection = through(AZURE)
    collection.insert_one({"rating": "2"})
    direct = {"$convert": {"input": source, "to": "double"}}
    bound = {"$let": {"vars": {"w": source}, "in": {"$convert": {"input": "$$w", "to": "double"}}}}

    [found] = collection.aggregate([{"$project": {"direct": direct, "bound": bound}}])

    assert (found["direct"], found["bound"]) == (expected, expected)


def test_azure_converts_what_is_concatenated_from_a_trimmed_variable(through: Open) -> None:
    _, collection = through(AZURE)
    collection.insert_one({"rating": " 2 "})
    number = {"$convert": {"input": {"$concat": ["$$word", ""]}, "to": "double"}}
    [found] = collection.aggregate(
        [{"$project": {"number": {"$let": {"vars": {"word": WORD}, "in": number}}}}]
    )
    assert found["number"] == 2


@pytest.mark.parametrize(
    ("dialect", "update", "expected"),
    [
        (AZURE, [{"$replaceWith": {"a": 1}}], "two _id fields"),
        (AZURE, [{"$set": {"_id": 1}}], "two _id fields"),
        (AMAZON, [{"$set": {"a": 1}}], "field must be of BSON type object"),
    ],
)
def test_updates_by_pipelines_are_refused(
    through: Open, dialect: Dialect, update: list[Document], expected: str
) -> None:
    proxy, collection = through(dialect, retryWrites=False)
    for call in (
        lambda: collection.update_one({}, update, upsert=True),
        lambda: collection.bulk_write([UpdateOne({}, update)]),
        lambda: collection.find_one_and_update({}, update),
    ):
        assert expected in failure_of(call)[1]
    assert proxy.refusals == {"update pipeline": 3}


def test_azure_updates_by_a_pipeline_that_leaves_the_id(through: Open) -> None:
    _, collection = through(AZURE)
    collection.insert_one({"_id": 1})
    collection.update_one({}, [{"$set": {"a": 1}}])
    assert collection.find_one() == {"_id": 1, "a": 1}


def expire(collection: Collection[Document], index: Document) -> Document:
    """Have an index expire documents."""
    change = index | {"expireAfterSeconds": 60}
    return collection.database.command("collMod", collection.name, index=change)


@pytest.mark.parametrize("dialect", [AZURE, AMAZON])
def test_collmod_changes_an_expiry_and_adds_none(through: Open, dialect: Dialect) -> None:
    proxy, collection = through(dialect, retryWrites=False)
    collection.create_index("plain", name="plain")
    collection.create_index("expiring", expireAfterSeconds=30)

    refused = (72, "no expireAfterSeconds field to update")
    assert failure_of(lambda: expire(collection, {"name": "plain"})) == refused
    assert failure_of(lambda: expire(collection, {"keyPattern": {"plain": 1}})) == refused
    assert expire(collection, {"keyPattern": {"expiring": 1}})["expireAfterSeconds_new"] == 60
    assert proxy.refusals == {"expireAfterSeconds": 2}


def test_ru_expires_by_ts_only_and_has_no_collmod(through: Open) -> None:
    _, collection = through(RU)
    by_timestamp = IndexModel("timestamp", expireAfterSeconds=60)

    code, text = failure_of(lambda: collection.create_indexes([by_timestamp]))
    assert (code, text) == (
        2,
        "The 'expireAfterSeconds' option is supported on '_ts' field only.",
    )
    collection.create_index("_ts", expireAfterSeconds=60)
    code, text = failure_of(lambda: expire(collection, {"keyPattern": {"_ts": 1}}))
    assert (code, text) == (115, "Command collMod not supported.")


def test_amazon_tells_its_version_and_finds_without_disk(through: Open) -> None:
    _, collection = through(AMAZON)
    assert collection.database.command("getEngineVersion")["engineVersion"].startswith("3.0.")
    code, _ = failure_of(lambda: list(collection.find(allow_disk_use=True)))
    assert code == 9
    collection.aggregate([], allowDiskUse=True)


# Bulk writes


def write_at_once(*writes: Callable[[], object]) -> list[OperationFailure]:
    """Write at the same time, and return what failed."""
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


def test_azure_commits_half_of_what_deadlocks(through: Open) -> None:
    proxy, collection = through(AZURE)
    proxy.hold_seconds = 0.1
    first, second = [[{"_id": n} for n in numbers] for numbers in ([1, 2, 3], [4, 5, 3, 2])]

    with ThreadPoolExecutor(1) as pool:
        insertion = pool.submit(collection.insert_many, first)
        wait_until(lambda: any(proxy.bulk_writes.under_way.values()))
        began = time.monotonic()
        failure = failure_of(lambda: collection.insert_many(second))
        insertion.result()

    assert failure == (112, "Could not acquire lock for operation due to deadlock")
    assert time.monotonic() - began > proxy.deadlock_seconds
    assert ids(collection) == [1, 2, 3, 4, 5]


def test_azure_takes_consistently_ordered_bulk_writes(through: Open) -> None:
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


def test_only_some_commands_are_throttled_and_need_not_tell_when_to_retry(through: Open) -> None:
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


def test_ordered_writes_stop_at_what_is_throttled(through: Open) -> None:
    proxy, collection = through(RU)
    proxy.throttle = Throttle(every=3, part="writes")

    with pytest.raises(BulkWriteError) as caught:
        collection.bulk_write(replacements(*range(5)))

    [error] = caught.value.details["writeErrors"]
    assert (error["index"], error["code"]) == (2, 16500)
    assert [each["_id"] for each in caught.value.details["upserted"]] == [0, 1]
    assert ids(collection) == [0, 1]


def test_ordered_writes_stop_at_what_fails_before(through: Open) -> None:
    proxy, collection = through(RU)
    collection.insert_one({"_id": 1})
    proxy.throttle = Throttle(every=3, part="writes")

    with pytest.raises(BulkWriteError) as caught:
        collection.insert_many([{"_id": 1}, {"_id": 2}, {"_id": 3}])

    [error] = caught.value.details["writeErrors"]
    assert (error["index"], error["code"]) == (0, 11000)
    assert not proxy.codes


def test_places_of_upserts_are_those_of_the_request(through: Open) -> None:
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


async def test_faults_of_all_kinds_meet_an_asynchronous_client(
    server: Address, empty_database: Database[Document]
) -> None:
    with running_proxy(server, AZURE) as proxy:
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
    # Of each that failed halfway one of two or three is stored; a throttled one may be among them.
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
