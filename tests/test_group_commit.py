"""Writes that go together."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from bson import ObjectId
from pymongo import InsertOne
from pymongo.database import Database
from pymongo.errors import AutoReconnect, WriteConcernError

from shared_code import database, group_commit
from shared_code.group_commit import Operation, Reply, Writer, to_replies
from tests.conftest import Document, Post, body_of

EVENT = {"user_id": "u1", "event_type": "page_view"}


class WatchedWriter(Writer):
    """A writer to a real collection that remembers its groups, and waits or fails when told to."""

    def __init__(self) -> None:
        super().__init__("watched")
        self.groups: list[int] = []
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.failure: Exception | None = None

    async def send(self, operations: Sequence[Operation]) -> list[Reply]:
        """Send, unless told otherwise."""
        self.groups.append(len(operations))
        await self.may_send.wait()
        if self.failure:
            raise self.failure
        return await super().send(operations)


@pytest.fixture
async def writer(fresh_database: Database[Document]) -> WatchedWriter:
    """Return a writer to the fresh database."""
    assert fresh_database.watched.count_documents({}) == 0
    return WatchedWriter()


def insert(key: Any = None) -> Operation:
    """Return an insert of a document with this `_id`."""
    return InsertOne({"_id": ObjectId() if key is None else key})


async def test_a_write_alone_is_sent_at_once(
    writer: WatchedWriter, fresh_database: Database[Document]
) -> None:
    assert await writer.write([insert()], 1) == [Reply(upserted=False, error=None)]
    assert writer.groups == [1]
    assert fresh_database.watched.count_documents({}) == 1
    await database.close()


async def test_what_comes_while_one_is_in_flight_goes_together_in_the_next(
    writer: WatchedWriter, fresh_database: Database[Document]
) -> None:
    replies = []
    for number in range(100):
        replies.append(writer.write([insert(number)], 1))
        if number == 0:
            await asyncio.sleep(0)

    await asyncio.gather(*replies)
    assert writer.groups == [1, 99]
    assert fresh_database.watched.count_documents({}) == 100


async def test_each_gets_the_reply_to_its_own_operations(writer: WatchedWriter) -> None:
    writes = [[insert(1), insert(2)], [insert(2)], [insert(3), insert(1), insert(3)], [insert(4)]]
    replies = await asyncio.gather(*(writer.write(each, 1) for each in writes))

    codes = [[each.error and each.error["code"] for each in mine] for mine in replies]
    assert codes == [[None, None], [11000], [None, 11000, 11000], [None]]


@pytest.mark.parametrize(
    ("size", "groups"),
    [(1, [1, 1000, 499]), (2**20, [1] + [4] * 374 + [3])],
)
async def test_groups_are_bounded_in_number_and_bytes(
    writer: WatchedWriter, size: int, groups: list[int]
) -> None:
    writer.may_send.clear()
    replies = [writer.write([insert()], size)]
    await asyncio.sleep(0)
    replies += [writer.write([insert()], size) for _ in range(1499)]
    writer.may_send.set()

    await asyncio.gather(*replies)
    assert writer.groups == groups


async def test_the_operations_of_one_request_are_not_split(writer: WatchedWriter) -> None:
    operations = [insert() for _ in range(3 * group_commit.MAXIMUM_OPERATIONS)]

    assert len(await writer.write(operations, 1)) == len(operations)
    assert writer.groups == [len(operations)]


async def test_one_that_gives_up_leaves_the_others_their_outcomes(
    writer: WatchedWriter, fresh_database: Database[Document]
) -> None:
    writer.may_send.clear()
    in_flight = [writer.write([insert(number)], 1) for number in range(2)]
    await asyncio.sleep(0)
    waiting = [writer.write([insert(number)], 1) for number in range(2, 6)]
    in_flight[0].cancel()
    waiting[1].cancel()
    writer.may_send.set()

    await in_flight[1]
    await asyncio.gather(waiting[0], *waiting[2:])
    # What was in flight may be stored; what still waited is not.
    assert fresh_database.watched.distinct("_id") == [0, 1, 2, 4, 5]


async def test_a_failure_is_the_outcome_of_its_group_alone(
    writer: WatchedWriter, fresh_database: Database[Document]
) -> None:
    writer.may_send.clear()
    writer.failure = AutoReconnect("lost")
    failing = [writer.write([insert()], 1) for _ in range(3)]
    await asyncio.sleep(0)
    writer.may_send.set()
    outcomes = await asyncio.gather(*failing, return_exceptions=True)
    writer.failure = None

    assert [type(outcome) for outcome in outcomes] == [AutoReconnect] * 3
    await writer.write([insert()], 1)
    assert fresh_database.watched.count_documents({}) == 1


async def test_a_defect_is_told_to_everyone_who_waits(writer: WatchedWriter) -> None:
    writer.failure = ZeroDivisionError()
    writes = [writer.write([insert()], 1) for _ in range(3)]

    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 3


def result(**changes: Any) -> dict[str, Any]:
    """Return the result of a bulk write of three operations, one upserted and one refused."""
    return {
        "nInserted": 1,
        "nMatched": 0,
        "nUpserted": 1,
        "upserted": [{"index": 2, "_id": 1}],
        "writeErrors": [{"index": 0, "code": 15}],
        "writeConcernErrors": [],
    } | changes


def test_replies_are_in_the_order_of_the_operations() -> None:
    assert to_replies(3, result()) == [
        Reply(upserted=False, error={"index": 0, "code": 15}),
        Reply(upserted=False, error=None),
        Reply(upserted=True, error=None),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # MongoDB stopped before the second operation, and does not say so.
        ({"nInserted": 0}, AutoReconnect),
        # Stored on the primary, but not on a majority.
        ({"writeConcernErrors": [{"code": 64}]}, WriteConcernError),
    ],
)
def test_what_is_not_confirmed_is_no_success(
    changes: dict[str, Any], expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        to_replies(3, result(**changes))


async def test_requests_of_every_kind_at_once(
    fresh_database: Database[Document], post: Post
) -> None:
    deep: Document = {}
    for _ in range(190):
        deep = {"a": deep}
    event_id = "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"
    kinds = [
        EVENT,
        EVENT | {"event_id": event_id},
        EVENT | {"details": deep},
        [EVENT, EVENT | {"event_id": event_id}, EVENT | {"details": deep}],
    ]
    responses = await asyncio.gather(*(post("analytics", kinds[n % 4]) for n in range(200)))

    assert Counter(response.status_code for response in responses) == {202: 100, 422: 50, 207: 50}
    assert sum(body_of(each).get("logged", 0) for each in responses[3::4]) in {50, 51}
    assert fresh_database.analytics.count_documents({}) == 101
