"""Group commit."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from shared_code.mongodb import connection, group_commit
from shared_code.mongodb.bulk_writes import Reply, bulk_insert
from shared_code.mongodb.deadlines import start_clock
from shared_code.mongodb.group_commit import LARGE, Grouper, send_twice
from shared_code.validation import Write
from tests.support.documents import Document
from tests.support.functions import EVENT, Post, UseSettings, body_of

pytestmark = [pytest.mark.dialects, pytest.mark.crossed]


class WatchedWriter(Grouper[Write, Reply]):
    """A writer to a real collection that records its groups, and waits or fails on demand."""

    def __init__(self) -> None:
        super().__init__(self.watched_send)
        self.groups: list[int] = []
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.failure: Exception | None = None

    async def watched_send(self, documents: Sequence[Write]) -> Sequence[Reply]:
        """Send a group, once that is allowed."""
        self.groups.append(len(documents))
        await self.may_send.wait()
        if self.failure:
            raise self.failure
        return await bulk_insert("watched", documents, as_command=True)

    def hold(self) -> list[asyncio.Future[Sequence[Reply]]]:
        """Put the maximum number of groups in flight, and hold them there."""
        self.may_send.clear()
        return [self.write_one() for _ in range(group_commit.MAXIMUM_IN_FLIGHT)]

    def write_one(self, key: Any = None, size: int = 0) -> asyncio.Future[Sequence[Reply]]:
        """Write a document with this `_id` from `size` bytes of JSON."""
        return self.submit([document(key)], size)


@pytest.fixture
async def writer(fresh_database: Database[Document]) -> WatchedWriter:
    """Return a writer to the fresh database."""
    assert fresh_database.watched.count_documents({}) == 0
    return WatchedWriter()


def document(key: Any = None) -> Write:
    """Return a document with this `_id`."""
    return Write({"_id": ObjectId() if key is None else key}, 0)


async def test_a_lone_write_is_sent_immediately(
    writer: WatchedWriter, fresh_database: Database[Document]
) -> None:
    assert await writer.write_one() == ["stored"]
    assert writer.groups == [1]
    assert fresh_database.watched.count_documents({}) == 1
    await connection.close()


async def test_writes_while_two_groups_are_in_flight_share_the_next(
    writer: WatchedWriter, fresh_database: Database[Document]
) -> None:
    replies = writer.hold()
    await asyncio.sleep(0)
    for number in range(98):
        replies.append(writer.write_one(number))
        await asyncio.sleep(0)
    assert writer.groups == [1, 1]
    writer.may_send.set()

    await asyncio.gather(*replies)
    assert len(writer.groups) <= 4
    assert sum(writer.groups) == 100
    assert fresh_database.watched.count_documents({}) == 100


async def test_a_hanging_group_does_not_delay_the_next(writer: WatchedWriter) -> None:
    writer.may_send.clear()
    first = writer.write_one()
    await asyncio.sleep(0)
    second = writer.write_one()
    await asyncio.sleep(0)

    assert writer.groups == [1, 1]
    writer.may_send.set()
    await asyncio.gather(first, second)


@pytest.mark.parametrize(("writes", "groups"), [(2, [1, 1]), (5, [3, 2]), (32, [16, 16])])
async def test_simultaneous_writes_are_split_evenly(
    writer: WatchedWriter, writes: int, groups: list[int]
) -> None:
    await asyncio.gather(*(writer.write_one() for _ in range(writes)))

    assert writer.groups == groups


async def test_a_follow_up_write_joins_the_waiting_ones(writer: WatchedWriter) -> None:
    async def write_twice() -> None:
        await writer.write_one()
        await writer.write_one()

    writer.may_send.clear()
    in_flight = asyncio.gather(write_twice(), write_twice())
    for _ in range(2):
        await asyncio.sleep(0)
    assert writer.groups == [1, 1]
    waiting = writer.write_one()
    writer.may_send.set()
    await asyncio.gather(waiting, in_flight)

    # Alone, it would have become a third group in circulation.
    assert writer.groups[2] > 1


async def test_groups_stay_whole_when_two_replies_arrive_together() -> None:
    groups: list[int] = []
    both_sent = asyncio.Event()

    async def send(documents: Sequence[Write]) -> Sequence[str]:
        groups.append(len(documents))
        if len(groups) % 2 == 0:
            both_sent.set()
        await both_sent.wait()
        return ["stored"] * len(documents)

    writer = Grouper(send)

    async def write_twice() -> None:
        await writer.submit([document()])
        both_sent.clear()
        await writer.submit([document()])

    async with asyncio.timeout(5):
        await asyncio.gather(*(write_twice() for _ in range(32)))
    assert groups == [16, 16, 16, 16]


async def test_no_write_is_forgotten_in_any_interleaving(writer: WatchedWriter) -> None:
    async def repeat(number: int) -> None:
        for step in range(30):
            for _ in range((number * step) % 5):
                await asyncio.sleep(0)
            await writer.write_one()

    async with asyncio.timeout(30):
        await asyncio.gather(*(repeat(number) for number in range(7)))
    assert sum(writer.groups) == 7 * 30
    assert writer.in_flight == 0


async def test_a_cancelled_sender_makes_room_for_another(writer: WatchedWriter) -> None:
    lost = [writer.write_one() for _ in range(2)]
    for sender in writer.senders:
        sender.cancel()
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await writer.write_one()
        await asyncio.gather(*lost)


async def test_a_sender_cancelled_while_sending_makes_room_too(writer: WatchedWriter) -> None:
    writer.hold()
    await asyncio.sleep(0)
    assert writer.in_flight == 2
    for sender in writer.senders:
        sender.cancel()
    await asyncio.sleep(0)
    assert writer.in_flight == 0

    writer.may_send.set()
    async with asyncio.timeout(5):
        await writer.write_one()


async def test_each_write_gets_the_replies_to_its_own_documents(writer: WatchedWriter) -> None:
    held = writer.hold()
    await asyncio.sleep(0)
    keys = [[1, 2], [2], [3, 1, 3], [4]]
    writes = [writer.submit([document(key) for key in each]) for each in keys]
    writer.may_send.set()
    replies = await asyncio.gather(*writes)
    await asyncio.gather(*held)

    stored, taken = "stored", "taken"
    assert replies == [[stored, stored], [taken], [stored, taken, taken], [stored]]


@pytest.mark.parametrize(
    ("size", "groups"),
    [(0, [1, 1, 500, 500, 498]), (2**16, [1, 1, 4, 4, 1])],
)
async def test_groups_are_bounded_in_number_and_bytes(
    writer: WatchedWriter, size: int, groups: list[int]
) -> None:
    replies = writer.hold()
    await asyncio.sleep(0)
    replies += [writer.write_one(size=size) for _ in range(sum(groups) - 2)]
    writer.may_send.set()

    await asyncio.gather(*replies)
    assert writer.groups == groups


async def test_the_documents_of_one_write_are_not_split(writer: WatchedWriter) -> None:
    documents = [document() for _ in range(3 * group_commit.MAXIMUM_ITEMS)]

    assert len(await writer.submit(documents)) == len(documents)
    assert writer.groups == [len(documents)]


async def test_a_cancelled_write_does_not_affect_the_others(
    writer: WatchedWriter, fresh_database: Database[Document]
) -> None:
    writer.may_send.clear()
    in_flight = [writer.write_one(number) for number in range(2)]
    await asyncio.sleep(0)
    waiting = [writer.write_one(number) for number in range(2, 6)]
    in_flight[0].cancel()
    waiting[1].cancel()
    writer.may_send.set()

    await in_flight[1]
    await asyncio.gather(waiting[0], *waiting[2:])
    await asyncio.gather(*writer.senders)
    # Writes in flight may be stored; cancelled ones that still waited are not.
    assert fresh_database.watched.distinct("_id") == [0, 1, 2, 4, 5]


async def test_a_failure_affects_only_its_group(
    writer: WatchedWriter, fresh_database: Database[Document]
) -> None:
    failing = [writer.write_one(size=1) for _ in range(3)]
    writer.failure = AutoReconnect("lost")
    await asyncio.sleep(0)
    writer.failure = None
    following = writer.write_one()
    outcomes = await asyncio.gather(*failing, following, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [AutoReconnect] * 3 + [list]
    assert fresh_database.watched.count_documents({}) == 1


async def test_a_defect_reaches_every_waiting_write(writer: WatchedWriter) -> None:
    writer.failure = ZeroDivisionError()
    writes = [writer.write_one() for _ in range(3)]

    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 3


async def test_concurrent_requests_of_every_kind(
    fresh_database: Database[Document], post: Post
) -> None:
    deep: Document = {}
    for _ in range(190):
        deep = {"a": deep}
    event_id = "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"
    refused = [EVENT | {"details": details} for details in (deep, {"big": 2**64}, {"nul\0": 1})]
    kinds = [
        EVENT,
        EVENT | {"event_id": event_id},
        *refused,
        [EVENT, EVENT | {"event_id": event_id}, *refused],
    ]
    responses = await asyncio.gather(*(post("analytics", kinds[n % 6]) for n in range(300)))

    assert Counter(response.status_code for response in responses) == {202: 100, 422: 150, 207: 50}
    batches = [body_of(response) for response in responses[5::6]]
    assert sum(batch["logged"] for batch in batches) in {50, 51}
    pointers = ["#/2/details", "#/3/details/big", "#/4/details"]
    assert all([each["pointer"] for each in batch["errors"]] == pointers for batch in batches)
    assert fresh_database.analytics.count_documents({}) == 101


async def test_small_items_do_not_wait_for_large_ones(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI="mongodb://localhost")
    may_send = asyncio.Event()

    async def send(_collection: str, sizes: Sequence[int]) -> Sequence[str]:
        if max(sizes) > LARGE:
            await may_send.wait()
        return ["stored"] * len(sizes)

    def submit(size: int) -> asyncio.Future[Sequence[Any]]:
        return asyncio.ensure_future(send_twice(send, "any", [size], size))

    start_clock()
    large = [submit(LARGE + 1) for _ in range(group_commit.MAXIMUM_IN_FLIGHT + 1)]
    assert await submit(LARGE) == ["stored"]
    may_send.set()
    assert await asyncio.gather(*large) == [["stored"]] * len(large)
