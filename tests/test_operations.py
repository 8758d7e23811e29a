"""Waiting for MongoDB."""

import asyncio

import pytest

from shared_code import operations
from shared_code.operations import in_time, start_clock
from shared_code.problems import StoreUnavailable
from tests.support.functions import UseSettings

pytestmark = pytest.mark.timed


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
