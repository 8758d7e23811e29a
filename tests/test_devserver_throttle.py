"""The limits of `host.json` in the local server."""

import asyncio
from collections import Counter

from starlette.responses import Response

from devserver.application import Throttle


class Slow:
    """A handler that waits until it may end, and records its maximum of concurrent calls."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.may_end = asyncio.Event()

    async def serve(self) -> Response:
        """Wait until it may end."""
        self.running += 1
        self.most = max(self.most, self.running)
        await self.may_end.wait()
        self.running -= 1
        return Response()


async def test_runs_some_queues_some_and_refuses_the_others() -> None:
    slow = Slow()
    throttle = Throttle({"maxConcurrentRequests": 3, "maxOutstandingRequests": 5})
    requests = [asyncio.create_task(throttle.run(slow.serve)) for _ in range(9)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    slow.may_end.set()

    statuses = Counter([(await request).status_code for request in requests])
    assert statuses == {200: 5, 429: 4}
    assert slow.most == 3
    assert (await throttle.run(slow.serve)).status_code == 200


async def test_has_no_limit_by_default() -> None:
    slow = Slow()
    throttle = Throttle({})
    requests = [asyncio.create_task(throttle.run(slow.serve)) for _ in range(500)]
    await asyncio.sleep(0)
    slow.may_end.set()

    assert {(await request).status_code for request in requests} == {200}
    assert slow.most == 500
