"""The deadline of a request."""

import asyncio

import pytest

from shared_code.mongodb import deadlines
from shared_code.mongodb.deadlines import in_time, seconds_left, start_clock
from shared_code.problems import StoreUnavailable
from tests.support.functions import UseSettings

pytestmark = pytest.mark.timed


async def test_a_wait_after_the_deadline_fails_immediately(
    use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="1")
    monkeypatch.setattr(deadlines, "GRACE_SECONDS", 0)
    start_clock()
    await asyncio.sleep(0.1)

    assert seconds_left() < 0
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(1):
        with pytest.raises(StoreUnavailable):
            await in_time(never)


async def test_each_request_has_its_own_deadline_for_all_its_waits(
    use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="300")
    monkeypatch.setattr(deadlines, "GRACE_SECONDS", 0)
    loop = asyncio.get_running_loop()

    async def request() -> float:
        start_clock()
        started = loop.time()
        for _ in range(2):
            soon: asyncio.Future[None] = loop.create_future()
            loop.call_later(0.1, soon.set_result, None)
            await in_time(soon)
        with pytest.raises(StoreUnavailable):
            await in_time(loop.create_future())
        return loop.time() - started

    requests = []
    for _ in range(10):
        requests.append(asyncio.create_task(request()))
        await asyncio.sleep(0.02)
    waited = await asyncio.gather(*requests)

    assert min(waited) >= 0.3
    assert max(waited) < 0.5


async def test_an_operation_continues_after_the_deadline(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="1")
    reply: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    is_done = asyncio.Event()

    async def operate() -> None:
        await asyncio.sleep(0.5)
        if not reply.done():
            reply.set_result(None)
        is_done.set()

    start_clock()
    operation = asyncio.create_task(operate())
    with pytest.raises(StoreUnavailable):
        await in_time(reply)
    await operation
    assert is_done.is_set()
