"""Writes, and the outcomes of MongoDB's replies."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import UUID

import pytest
from bson.datetime_ms import DatetimeMS
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    OperationFailure,
    WriteConcernError,
    WriteError,
)

from analytics_function.events import BATCH_LIMIT
from local_project.addresses import free_address
from shared_code.mongodb import bulk_writes, taken_ids, writes
from shared_code.mongodb.bulk_writes import Unconfirmed, to_replies
from shared_code.mongodb.connection import get_collection
from shared_code.mongodb.deadlines import start_clock
from shared_code.mongodb.group_commit import MAXIMUM_BYTES, Failed
from shared_code.mongodb.taken_ids import Vanished
from shared_code.mongodb.writes import (
    Outcome,
    insert,
    insert_group,
    overwrite_group,
    replace,
    to_outcome,
)
from shared_code.problems import FieldError, InvalidFields, StoreUnavailable
from shared_code.requests import OBJECT_LIMIT
from shared_code.validation import BEYOND_64_BITS, Write
from tests.support.commands import Commands
from tests.support.dialect_proxy import DialectProxy, Throttle
from tests.support.dialects import Dialect
from tests.support.documents import Document
from tests.support.functions import Post, UseSettings, body_of
from tests.support.mongod import RunMongod

pytestmark = [pytest.mark.dialects, pytest.mark.crossed]

EVENT: Document = {"user_id": "u1", "event_type": "e", "details": {}}


def pointers(outcome: Outcome) -> list[str]:
    """Return the pointers of a refused document's errors."""
    assert isinstance(outcome, list)
    return [error.pointer for error in outcome]


def valid(fields: Document) -> Write:
    """Return fields as a checked write."""
    return Write(fields, size=0)


def test_a_duplicate_differs_from_a_stored_document() -> None:
    assert [to_outcome("stored"), to_outcome("duplicate")] == ["stored", "duplicate"]


def test_an_error_names_the_refused_field() -> None:
    assert pointers(to_outcome(Failed(WriteError("", 15)))) == ["#/details"]


# Interrupted at shutdown, stepped down, out of disk space.
@pytest.mark.parametrize("code", [11600, 10107, 14031])
def test_a_transient_error_is_a_503(code: int) -> None:
    with pytest.raises(StoreUnavailable):
        to_outcome(Failed(WriteError("", code)))


def result(**changes: Any) -> dict[str, Any]:
    """Return the result of a bulk write of three documents: inserted, matched and refused."""
    return {
        "nInserted": 1,
        "nMatched": 1,
        "nUpserted": 0,
        "upserted": [],
        "writeErrors": [{"index": 0, "code": 15}],
        "writeConcernErrors": [],
    } | changes


def test_replies_are_in_the_order_of_the_documents() -> None:
    refused, *stored = to_replies(3, result())

    assert isinstance(refused, Failed)
    assert getattr(refused.error, "code", None) == 15
    assert stored == ["stored", "stored"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # MongoDB stopped before the second document without saying so.
        ({"nInserted": 0}, [WriteError, Unconfirmed, Unconfirmed]),
        # Stored on the primary, but not on a majority.
        ({"writeConcernErrors": [{"code": 64}]}, [WriteConcernError] * 3),
    ],
)
def test_an_unconfirmed_write_is_no_success(
    changes: dict[str, Any], expected: list[type[Exception]]
) -> None:
    replies = to_replies(3, result(**changes))
    assert [isinstance(each, Failed) and type(each.error) for each in replies] == expected


async def test_the_outcome_is_the_same_alone_and_in_a_group(
    fresh_database: Database[Document],
) -> None:
    stored, other = valid({"_id": 1}), valid({"_id": 2})
    fresh_database.watched.insert_one({"_id": 1})
    [alone] = await insert_group("watched", [stored])
    [among, _] = await insert_group("watched", [stored, other])

    assert alone == among == "duplicate"


async def test_groups_are_written_in_the_order_of_their_keys(
    fresh_database: Database[Document],
) -> None:
    numbers = [3, 1, 2, 1, 5, 4]
    documents = [valid({"_id": number, "at": at}) for at, number in enumerate(numbers)]
    replies = await insert_group("watched", documents)

    assert replies == ["stored"] * 3 + ["other"] + ["stored"] * 2
    in_stored_order = list(fresh_database.watched.find().sort("$natural", 1))
    assert [each["_id"] for each in in_stored_order] == [1, 2, 3, 4, 5]
    assert [each["at"] for each in in_stored_order] == [1, 2, 0, 5, 4]


class Interrupted:
    """A collection whose first writes fail, before or after they reached MongoDB."""

    def __init__(self, collection: Any, error: Exception, failures: int, *, reached: bool) -> None:
        self.collection = collection
        self.error = error
        self.failures = failures
        self.reached = reached
        self.attempts = 0

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else."""
        return getattr(self.collection, name)

    async def write(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Write, and fail while failures are due."""
        self.attempts += 1
        if self.attempts > self.failures:
            return await getattr(self.collection, name)(*args, **kwargs)
        if self.reached:
            await getattr(self.collection, name)(*args, **kwargs)
        raise self.error

    async def insert_one(self, *args: Any) -> Any:
        """Insert one document."""
        return await self.write("insert_one", *args)

    async def insert_many(self, *args: Any, **kwargs: Any) -> Any:
        """Insert many documents."""
        return await self.write("insert_many", *args, **kwargs)

    async def bulk_write(self, *args: Any, **kwargs: Any) -> Any:
        """Replace documents."""
        return await self.write("bulk_write", *args, **kwargs)


LOST_REPLIES = [
    AutoReconnect("lost"),
    OperationFailure("Could not acquire lock for operation due to deadlock", 112),
    OperationFailure("Error=16500, RetryAfterMs=8, Details='…'", 16500),
]


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Interrupted]:
    """Return a function that makes the next writes fail."""

    def fail(error: Exception, failures: int = 1, *, reached: bool = True) -> Interrupted:
        watched = get_collection("watched")
        collection = Interrupted(watched, error, failures, reached=reached)
        monkeypatch.setattr(bulk_writes, "get_collection", lambda _: collection)
        return collection

    return fail


def stamped(key: Any) -> Write:
    """Return a document with this `_id` and the current time."""
    return valid({"_id": key, "timestamp": datetime.now(UTC)})


@pytest.mark.parametrize("error", LOST_REPLIES)
async def test_documents_stored_by_an_unknown_attempt_are_stored_and_not_duplicates(
    fresh_database: Database[Document], interrupt: Callable[..., Interrupted], error: Exception
) -> None:
    fresh_database.watched.insert_one({"_id": 2, "timestamp": datetime(2026, 1, 1, tzinfo=UTC)})
    interrupt(error)
    documents = [stamped(number) for number in (3, 1, 2)]
    start_clock()
    outcomes = await insert("watched", [*documents, documents[0]])

    assert outcomes == ["stored", "stored", "duplicate", "duplicate"]
    assert fresh_database.watched.count_documents({}) == 3


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize("error", LOST_REPLIES)
async def test_a_first_feedback_whose_reply_was_lost_is_received(
    interrupt: Callable[..., Interrupted], error: Exception
) -> None:
    interrupt(error)
    start_clock()

    assert await replace("watched", stamped(1))


@pytest.mark.parametrize("error", LOST_REPLIES)
async def test_a_replacement_whose_reply_was_lost_is_updated(
    fresh_database: Database[Document], interrupt: Callable[..., Interrupted], error: Exception
) -> None:
    start_clock()
    assert await replace("watched", stamped(1))
    newer = stamped(1)
    interrupt(error)

    assert not await replace("watched", newer)
    [stored] = fresh_database.watched.find()
    assert abs(stored["timestamp"] - newer.document["timestamp"]) < timedelta(milliseconds=1)


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize(
    ("asked", "attempts", "retry_after"), [("1200", 2, "2"), ("8", 2, "1"), ("60000", 1, "60")]
)
async def test_persistent_throttling_returns_the_wait_that_mongodb_asks_for(
    interrupt: Callable[..., Interrupted], asked: str, attempts: int, retry_after: str
) -> None:
    error = OperationFailure(f"Error=16500, RetryAfterMs={asked}, Details='…'", 16500)
    collection = interrupt(error, failures=9, reached=False)
    start_clock()
    started = time.monotonic()
    with pytest.raises(StoreUnavailable) as raised:
        await insert("watched", [stamped(1)])

    headers = {"Retry-After": retry_after, "Access-Control-Expose-Headers": "Retry-After"}
    assert raised.value.headers == headers
    assert raised.value.code == 16500
    assert collection.attempts == attempts
    assert time.monotonic() - started < 3


@pytest.mark.timed
async def test_a_throttled_write_delays_no_other_request(
    mongodb_uri: str,
    empty_database: Database[Document],
    use_settings: UseSettings,
    post: Post,
    start_proxy: Callable[[Dialect], DialectProxy],
) -> None:
    proxy = start_proxy(Dialect.COSMOS_RU)
    assert proxy.uri != mongodb_uri
    use_settings(MONGODB_URI=proxy.uri, MONGODB_DATABASE=empty_database.name)
    assert (await post("analytics", EVENT)).status_code == 202
    waited: list[float] = []

    async def send() -> int:
        started = time.monotonic()
        status = int((await post("analytics", EVENT)).status_code)
        waited.append(time.monotonic() - started)
        return status

    proxy.throttle = Throttle(every=20, part="writes", retry_after_ms=1500)
    try:
        statuses = await asyncio.gather(*(send() for _ in range(100)))
    finally:
        proxy.throttle = None

    assert set(statuses) == {202}
    assert empty_database.analytics.count_documents({}) == 101
    assert 1 <= sum(each >= 1.5 for each in waited) <= 10
    assert sum(each < 1 for each in waited) >= 90


async def test_a_failed_comparison_does_not_make_the_write_unknown(
    fresh_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_stored, failures = (
        taken_ids.find_stored,
        [Failed(OperationFailure("RetryAfterMs=1", 16500))],
    )

    async def fail_once(*args: Any) -> Any:
        return failures.pop() if failures else await find_stored(*args)

    monkeypatch.setattr(taken_ids, "find_stored", fail_once)
    start_clock()
    twice = [stamped(1)] * 2

    assert await insert("watched", twice) == ["stored", "duplicate"]
    assert fresh_database.watched.count_documents({}) == 1


async def test_another_feedback_of_the_same_millisecond_is_not_taken_for_ours(
    fresh_database: Database[Document], interrupt: Callable[..., Interrupted]
) -> None:
    mine = valid(stamped(1).document | {"rating": "mine"})
    fresh_database.watched.insert_one(mine.document | {"rating": "earlier"})
    interrupt(AutoReconnect("lost"), reached=False)
    start_clock()

    assert not await replace("watched", mine)
    assert [each["rating"] for each in fresh_database.watched.find()] == ["mine"]


@pytest.mark.parametrize(
    "option", ["tz_aware=true", "uuidRepresentation=standard", "datetime_conversion=DATETIME_MS"]
)
async def test_the_connection_string_does_not_affect_comparisons(
    fresh_database: Database[Document],
    server_uri: str,
    use_settings: UseSettings,
    post: Post,
    option: str,
) -> None:
    use_settings(MONGODB_URI=f"{server_uri}/?{option}", MONGODB_DATABASE=fresh_database.name)
    event = EVENT | {"event_id": str(UUID(int=7)), "occurred_at": "2026-01-31T09:30:00.5Z"}
    for _ in range(2):
        assert (await post("analytics", event)).status_code == 202
    assert body_of(await post("analytics", [event, event]))["duplicates"] == 2

    later = datetime.now(UTC) + timedelta(days=1)
    key = {"user_id": "u1", "message_id": "m1"}
    fresh_database.feedback.insert_one({"_id": key, "rating": "later", "timestamp": later})
    body = {"message_id": "m1", "user_id": "u1", "rating": "up"}
    assert (await post("feedback", body)).status_code == 200
    assert [each["rating"] for each in fresh_database.feedback.find()] == ["later"]


async def test_a_date_beyond_pythons_range_is_later_than_any(
    fresh_database: Database[Document], post: Post
) -> None:
    key = {"user_id": "u1", "message_id": "m1"}
    fresh_database.feedback.insert_one({"_id": key, "timestamp": DatetimeMS(2**60)})
    bodies = [{"message_id": "m1", "user_id": f"u{n}", "rating": "up"} for n in range(8)]
    responses = await asyncio.gather(*(post("feedback", body) for body in bodies))

    assert sorted(response.status_code for response in responses) == [200, *[201] * 7]


async def test_a_partly_committed_group_is_retried_only_for_the_rest(
    fresh_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def insert_many(*_: Any, **__: Any) -> NoReturn:
        errors = [{"index": 1, "code": 16500, "errmsg": "RetryAfterMs=1"}]
        raise BulkWriteError(result(nInserted=2, nMatched=0, writeErrors=errors))

    monkeypatch.setattr(get_collection("watched"), "insert_many", insert_many)

    start_clock()
    documents = [stamped(number) for number in (1, 2, 3)]
    assert await insert("watched", documents) == ["stored"] * 3
    assert fresh_database.watched.distinct("_id") == [2]


async def test_a_unique_index_of_the_operator_refuses_a_feedback(
    fresh_database: Database[Document],
) -> None:
    fresh_database.watched.create_index("user_id", unique=True)
    start_clock()
    assert await replace("watched", valid(stamped(1).document | {"user_id": "u1"}))
    with pytest.raises(InvalidFields) as raised:
        await replace("watched", valid(stamped(2).document | {"user_id": "u1"}))

    assert raised.value.errors == [writes.REFUSALS[11000]]


async def test_a_feedback_erased_during_its_replacement_is_stored_anew(
    fresh_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_clock()
    assert await replace("watched", stamped(1))
    bulk_replace = bulk_writes.bulk_replace

    async def erase_first(collection: str, documents: Any) -> Any:
        fresh_database.watched.delete_many({})
        return await bulk_replace(collection, documents)

    monkeypatch.setattr(writes, "bulk_replace", erase_first)
    assert await replace("watched", stamped(1))
    assert fresh_database.watched.count_documents({}) == 1


async def test_unstorable_values_are_found_before_the_largest_group_is_sent(
    fresh_database: Database[Document], commands: Commands
) -> None:
    # An array of small numbers takes the most bytes of BSON per byte of JSON.
    zeros = {"zeros": [0] * 16_000}
    size = MAXIMUM_BYTES + BATCH_LIMIT
    fields = [{"_id": n, "details": zeros} for n in range(size // OBJECT_LIMIT)]
    fields.append({"_id": -1, "details": {"big": 2**64}})
    *stored, refused = await insert_group("watched", [valid(each) for each in fields])

    assert stored == ["stored"] * (len(fields) - 1)
    assert to_outcome(refused) == [FieldError(("details", "big"), BEYOND_64_BITS)]
    assert commands.names == ["insert"]
    assert fresh_database.watched.count_documents({}) == len(stored)


async def test_unstorable_values_cost_no_connection(
    fresh_database: Database[Document], post: Post
) -> None:
    def connections() -> int:
        status = fresh_database.client.admin.command("serverStatus")
        return int(status["connections"]["totalCreated"])

    event: Document = {"user_id": "u1", "event_type": "e", "details": {}}
    assert (await post("analytics", event)).status_code == 202
    before = connections()
    for _ in range(5):
        response = await post("analytics", event | {"details": {"big": 2**64}})
        assert response.status_code == 422
    assert (await post("analytics", event)).status_code == 202

    assert connections() == before


@pytest.fixture
def no_majority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make MongoDB report a stored or replaced document without a majority's confirmation."""
    error = {"index": 0, "code": 11000}
    unconfirmed = {
        "nInserted": 0,
        "nUpserted": 0,
        "upserted": [],
        "writeConcernErrors": [{"code": 64}],
    }

    async def insert_one(*_: Any) -> NoReturn:
        # PyMongo prefers write errors over write concern errors.
        raise DuplicateKeyError("", 11000, error)

    async def insert_many(*_: Any, **__: Any) -> NoReturn:
        raise BulkWriteError(result(**unconfirmed, nMatched=0, writeErrors=[error]))

    async def bulk_write(*_: Any, **__: Any) -> NoReturn:
        raise BulkWriteError(result(**unconfirmed, nMatched=1, writeErrors=[]))

    collection = SimpleNamespace(
        insert_one=insert_one, insert_many=insert_many, bulk_write=bulk_write
    )
    monkeypatch.setattr(bulk_writes, "get_collection", lambda _: collection)


@pytest.mark.usefixtures("no_majority")
@pytest.mark.usefixtures("fresh_database")
async def test_a_duplicate_without_a_majority_is_no_success() -> None:
    [reply] = await insert_group("watched", [valid({"_id": 1})])
    assert isinstance(reply, Failed)
    assert isinstance(reply.error, WriteConcernError)


@pytest.mark.usefixtures("fresh_database", "no_majority")
async def test_a_feedback_without_a_majority_is_no_success(post: Post) -> None:
    body = {"message_id": "m1", "user_id": "u1", "rating": "up"}
    assert (await post("feedback", body)).status_code == 503


async def test_a_replacement_takes_two_writes(
    fresh_database: Database[Document], commands: Commands, post: Post
) -> None:
    body = {"message_id": "m1", "user_id": "u1", "rating": "up"}
    assert (await post("feedback", body)).status_code == 201
    assert commands.names == ["insert"]
    assert (await post("feedback", body | {"rating": "down"})).status_code == 200

    assert commands.names == ["insert", "insert", "update"]
    assert [each["rating"] for each in fresh_database.feedback.find()] == ["down"]


async def test_an_earlier_feedback_does_not_replace_a_later_one(
    fresh_database: Database[Document],
) -> None:
    later, earlier = ({"_id": 1, "timestamp": datetime(2026, 1, day, tzinfo=UTC)} for day in (2, 1))
    fresh_database.feedback.insert_one(later)

    assert await overwrite_group("feedback", [valid(earlier)]) == ["stored"]
    [stored] = fresh_database.feedback.find()
    assert stored["timestamp"].day == 2


async def test_a_feedback_without_a_date_is_replaced(fresh_database: Database[Document]) -> None:
    for timestamp in (None, "2026-01-31", 5):
        fresh_database.feedback.replace_one({"_id": 1}, {"timestamp": timestamp}, upsert=True)

        assert await overwrite_group("feedback", [stamped(1)]) == ["stored"]
        [stored] = fresh_database.feedback.find()
        assert isinstance(stored["timestamp"], datetime)


async def test_replacing_nothing_is_no_success(fresh_database: Database[Document]) -> None:
    assert fresh_database.feedback.count_documents({}) == 0
    [reply] = await overwrite_group("feedback", [stamped(1)])
    assert isinstance(reply, Failed)
    assert isinstance(reply.error, Vanished)


async def test_the_outcomes_of_a_batch_are_in_order(
    post: Post, fresh_database: Database[Document]
) -> None:
    batch: list[Any] = [
        {"user_id": "u1", "event_type": "e", "details": {"number": number}} for number in range(500)
    ]
    batch[1] |= {"event_id": "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"}
    batch[301] = batch[1]
    batch[302] |= {"event_id": "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"}
    batch[3] = {"user_id": "u1", "details": {}}
    batch[303] |= {"details": {"big": 2**64}}
    response = await post("analytics", batch)

    assert response.status_code == 207
    body = body_of(response)
    assert (body["logged"], body["duplicates"]) == (496, 1)
    pointers = ["#/3/event_type", "#/302/event_id", "#/303/details/big"]
    assert [each["pointer"] for each in body["errors"]] == pointers
    stored = [each["details"]["number"] for each in fresh_database.analytics.find()]
    assert sorted(stored) == sorted(set(range(500)) - {3, 301, 302, 303})


async def test_needs_only_the_documented_privileges(
    run_mongod: RunMongod, tmp_path: Path, post: Post, use_settings: UseSettings
) -> None:
    address, key = free_address(), tmp_path / "key"
    key.write_text("sharedsecret")
    key.chmod(0o400)
    privileges = [
        *(
            {"resource": {"db": "up2d8", "collection": collection}, "actions": actions}
            for collection, actions in (
                ("feedback", ["find", "insert", "update"]),
                ("analytics", ["find", "insert"]),
            )
        ),
        {"resource": {"db": "up2d8", "collection": "opt_outs"}, "actions": ["find"]},
    ]
    with run_mongod(address, tmp_path / "data", "--auth", "--keyFile", str(key)):
        with MongoClient[Document](f"mongodb://{address}") as client:
            client.admin.command("createUser", "root", pwd="root", roles=["root"])
        with MongoClient[Document](f"mongodb://root:root@{address}") as client:
            client.up2d8.command("createRole", "collect", privileges=privileges, roles=[])
            client.up2d8.command("createUser", "collect", pwd="collect", roles=["collect"])
        use_settings(MONGODB_URI=f"mongodb://collect:collect@{address}/?authSource=up2d8")

        feedback = {"message_id": "m1", "user_id": "u1", "rating": "up"}
        event_id = str(UUID(int=1))
        event = {"user_id": "u1", "event_type": "e", "details": {}, "event_id": event_id}
        assert (await post("feedback", feedback)).status_code == 201
        assert (await post("feedback", feedback)).status_code == 200
        for _ in range(2):
            assert (await post("analytics", event)).status_code == 202
