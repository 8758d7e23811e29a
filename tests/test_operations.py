"""Waiting for MongoDB."""

import asyncio

import pytest

from shared_code import operations
from shared_code.operations import in_time, mongodb_operation, start_clock
from shared_code.problems import StoreUnavailable
from tests.conftest import UseSettings

pytestmark = pytest.mark.timed


async def test_an_operation_is_bounded_and_never_cancelled(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="1")
    start_clock()
    may_end = asyncio.Event()
    ended: list[int] = []

    @mongodb_operation
    async def operation(number: int) -> None:
        await may_end.wait()
        ended.append(number)

    given_up = asyncio.create_task(operation(1))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(StoreUnavailable, match="not confirmed"):
        await operation(2)
    may_end.set()
    await asyncio.sleep(0.01)

    assert given_up.cancelled()
    assert ended == [1, 2]


async def test_what_is_asked_after_the_time_is_over_is_given_up_at_once(
    use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="1")
    monkeypatch.setattr(operations, "GRACE_SECONDS", 0)
    monkeypatch.setattr(operations, "SHARED_SECONDS", 0)
    start_clock()
    await asyncio.sleep(0.1)

    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(1):
        with pytest.raises(StoreUnavailable):
            await in_time(never)


async def test_requests_that_start_together_are_given_up_together_and_later_ones_later(
    use_settings: UseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="100")
    monkeypatch.setattr(operations, "GRACE_SECONDS", 0)
    loop = asyncio.get_running_loop()

    deadlines: list[operations.Deadline] = []

    async def request() -> float:
        start_clock()
        deadlines.append(operations._deadline.get())  # noqa: SLF001
        started = loop.time()
        with pytest.raises(StoreUnavailable):
            await in_time(loop.create_future())
        return loop.time() - started

    requests = []
    for _ in range(20):
        requests.append(asyncio.create_task(request()))
        await asyncio.sleep(0.01)
    waited = await asyncio.gather(*requests)

    assert len({id(each) for each in deadlines}) < len(deadlines) / 2
    assert min(waited) >= 0.1
    assert max(waited) < 0.1 + operations.SHARED_SECONDS + 0.1
