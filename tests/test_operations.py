"""Waiting for MongoDB."""

import asyncio

import pytest

from shared_code.operations import mongodb_operation, start_clock
from shared_code.problems import StoreUnavailable
from tests.conftest import UseSettings


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
