"""Turns of large bodies."""

import asyncio
import time

import azure.functions as func
import pytest

from shared_code.mongodb.deadlines import start_clock
from shared_code.mongodb.group_commit import LARGE
from shared_code.problems import InvalidFields, StoreUnavailable
from shared_code.turns import MANY_COMMAS, PAUSE, get_queues, in_turn, wait_to_refuse
from tests.support.functions import UseSettings

pytestmark = pytest.mark.timed

CHECK_SECONDS = 0.02
# A timer may fire early by the resolution of the clock.
PAUSE_SECONDS = PAUSE * CHECK_SECONDS * 0.95


def request(body: bytes, **headers: str) -> func.HttpRequest:
    """Return a request with this body."""
    return func.HttpRequest("POST", "http://localhost", headers=headers, body=body)


def large(name: str) -> func.HttpRequest:
    """Return a request with a large body that begins with a one-letter name."""
    return request(name.encode() + bytes(LARGE))


SMALL = request(b"s" * LARGE)


class Checks:
    """A slow check that records its calls in order."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.starts: list[float] = []

    def __call__(self, req: func.HttpRequest) -> str:
        """Check a request."""
        body = req.get_body()
        name = body[:1].decode()
        self.starts.append(time.perf_counter())
        self.names.append(name)
        if len(body) > LARGE:
            time.sleep(CHECK_SECONDS)
        return name

    @property
    def gaps(self) -> list[float]:
        """The seconds between the check of a large body and the next check."""
        return [
            later - earlier - CHECK_SECONDS
            for earlier, later in zip(self.starts, self.starts[1:], strict=False)
        ]


@pytest.fixture
async def checks(use_settings: UseSettings) -> Checks:
    """Return a check, with the request's deadline started."""
    use_settings(MONGODB_URI="mongodb://localhost")
    start_clock()
    return Checks()


async def test_large_bodies_take_turns(checks: Checks) -> None:
    names = "abcd"
    found = await asyncio.gather(*(in_turn(checks, large(name)) for name in names))

    assert "".join(found) == names
    assert checks.names == list(names)


async def test_small_bodies_pass_between_large_ones(
    checks: Checks,
) -> None:
    first, second = (asyncio.ensure_future(in_turn(checks, large(name))) for name in "ab")
    await in_turn(checks, SMALL)
    await first
    for _ in range(3):
        await in_turn(checks, SMALL)
    await second

    assert "".join(checks.names) == "sasssb"


async def test_each_turn_is_followed_by_a_pause_for_small_bodies(checks: Checks) -> None:
    large_only = Checks()
    for name in "abc":
        await in_turn(checks, SMALL)
        await in_turn(large_only, large(name))

    assert min(large_only.gaps) >= PAUSE_SECONDS


async def test_without_small_bodies_there_is_no_pause(checks: Checks) -> None:
    await in_turn(checks, SMALL)
    await asyncio.gather(*(in_turn(checks, large(name)) for name in "abcd"))

    # The first gap follows a small body.
    assert min(checks.gaps[2:]) < PAUSE_SECONDS


async def test_after_one_that_was_held_up_the_pause_is_short(checks: Checks) -> None:
    await in_turn(checks, SMALL)
    await in_turn(lambda _req: time.sleep(0.3), large("a"))
    started = time.perf_counter()
    await in_turn(checks, large("b"))

    assert time.perf_counter() - started < 1


async def test_many_small_events_take_turns_too(checks: Checks) -> None:
    events = request(b"," * (MANY_COMMAS + 1))
    await in_turn(checks, SMALL)
    await in_turn(checks, large("a"))
    started = time.perf_counter()
    await in_turn(checks, events)

    assert time.perf_counter() - started >= PAUSE_SECONDS


async def refuse_small(seconds: float) -> None:
    """Refuse a small body that is checked for so long."""

    def check(_req: func.HttpRequest) -> None:
        time.sleep(seconds)
        raise InvalidFields([])

    with pytest.raises(InvalidFields) as raised:
        await in_turn(check, SMALL)
    await wait_to_refuse(raised.value)


async def test_refusals_take_turns_that_are_as_long_as_their_checks(checks: Checks) -> None:
    await in_turn(checks, SMALL)
    started = time.perf_counter()
    await refuse_small(CHECK_SECONDS)
    first = time.perf_counter() - started
    await refuse_small(CHECK_SECONDS)

    assert first < CHECK_SECONDS + PAUSE_SECONDS
    assert time.perf_counter() - started - first >= PAUSE_SECONDS


async def test_large_ones_do_not_wait_for_refusals(checks: Checks) -> None:
    await in_turn(checks, SMALL)
    await refuse_small(CHECK_SECONDS)
    started = time.perf_counter()
    await in_turn(checks, large("a"))

    assert time.perf_counter() - started < CHECK_SECONDS + PAUSE_SECONDS


@pytest.mark.usefixtures("checks")
async def test_refusals_alone_have_no_pause() -> None:
    started = time.perf_counter()
    for _ in range(3):
        await refuse_small(CHECK_SECONDS)

    assert time.perf_counter() - started < 3 * CHECK_SECONDS + PAUSE_SECONDS


async def test_a_refusal_waits_for_a_quarter_of_a_second_at_most() -> None:
    await get_queues().refusals.take(seconds=1)
    started = time.perf_counter()
    await wait_to_refuse(InvalidFields([]))

    assert time.perf_counter() - started < 1


async def test_bodies_that_must_be_inflated_take_turns(checks: Checks) -> None:
    await in_turn(checks, SMALL)
    await in_turn(checks, large("a"))
    started = time.perf_counter()
    await in_turn(checks, request(b"z", **{"Content-Encoding": "gzip"}))

    assert time.perf_counter() - started >= PAUSE_SECONDS


async def test_a_refused_body_ends_its_turn(checks: Checks) -> None:
    def refuse(_req: func.HttpRequest) -> None:
        raise InvalidFields([])

    with pytest.raises(InvalidFields):
        await in_turn(refuse, large("a"))
    assert await in_turn(checks, large("b")) == "b"


async def test_a_late_turn_is_a_503(use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI="mongodb://localhost", MONGODB_TIMEOUT_MS="100")
    start_clock()

    def check(_req: func.HttpRequest) -> None:
        time.sleep(0.2)

    slow, late = (asyncio.ensure_future(in_turn(check, large(name))) for name in "ab")
    await slow

    with pytest.raises(StoreUnavailable) as raised:
        await late
    assert raised.value.cause == "too many large bodies at once"
