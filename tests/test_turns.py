"""Turns of large bodies."""

import asyncio
import time

import pytest

from shared_code.mongodb.deadlines import start_clock
from shared_code.mongodb.group_commit import LARGE
from shared_code.problems import InvalidFields, StoreUnavailable
from shared_code.turns import PAUSE, in_turn
from tests.support.functions import UseSettings

pytestmark = pytest.mark.timed

CHECK_SECONDS = 0.02
# A timer may fire early by the resolution of the clock.
PAUSE_SECONDS = PAUSE * CHECK_SECONDS * 0.95

SMALL_BODY = b"s" * LARGE


def large(name: str) -> bytes:
    """Return a large body that begins with a name of one letter."""
    return name.encode() + bytes(LARGE)


class Checks:
    """Checks that take their time, in the order in which they were made."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.starts: list[float] = []

    def __call__(self, body: bytes) -> str:
        """Check a body."""
        name = body[:1].decode()
        self.starts.append(time.perf_counter())
        self.names.append(name)
        if len(body) > LARGE:
            time.sleep(CHECK_SECONDS)
        return name

    @property
    def gaps(self) -> list[float]:
        """The seconds from the end of each check of a large body to the start of the next one."""
        return [
            later - earlier - CHECK_SECONDS
            for earlier, later in zip(self.starts, self.starts[1:], strict=False)
        ]


@pytest.fixture
async def checks(use_settings: UseSettings) -> Checks:
    """Return checks for a request that has begun."""
    use_settings(MONGODB_URI="mongodb://localhost")
    start_clock()
    return Checks()


async def test_large_bodies_are_checked_one_after_the_other(checks: Checks) -> None:
    names = "abcd"
    found = await asyncio.gather(*(in_turn(checks, large(name)) for name in names))

    assert "".join(found) == names
    assert checks.names == list(names)


async def test_small_ones_are_checked_at_once_and_before_the_next_large_one(
    checks: Checks,
) -> None:
    first, second = (asyncio.ensure_future(in_turn(checks, large(name))) for name in "ab")
    await in_turn(checks, SMALL_BODY)
    await first
    for _ in range(3):
        await in_turn(checks, SMALL_BODY)
    await second

    assert "".join(checks.names) == "sasssb"


async def test_after_each_large_one_the_small_ones_have_a_pause(checks: Checks) -> None:
    large_only = Checks()
    for name in "abc":
        await in_turn(checks, SMALL_BODY)
        await in_turn(large_only, large(name))

    assert min(large_only.gaps) >= PAUSE_SECONDS


async def test_without_small_ones_there_is_no_pause(checks: Checks) -> None:
    await in_turn(checks, SMALL_BODY)
    await asyncio.gather(*(in_turn(checks, large(name)) for name in "abcd"))

    # The first one came after a small one.
    assert max(checks.gaps[2:]) < PAUSE_SECONDS


async def test_a_refused_one_gives_its_turn_back(checks: Checks) -> None:
    def refuse(_body: bytes) -> None:
        raise InvalidFields([])

    with pytest.raises(InvalidFields):
        await in_turn(refuse, large("a"))
    assert await in_turn(checks, large("b")) == "b"


async def test_a_turn_that_does_not_come_in_time_is_503(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="100")
    start_clock()

    def check(_body: bytes) -> None:
        time.sleep(0.2)

    slow, late = (asyncio.ensure_future(in_turn(check, large(name))) for name in "ab")
    await slow

    with pytest.raises(StoreUnavailable) as raised:
        await late
    assert raised.value.cause == "too many large bodies at once"
