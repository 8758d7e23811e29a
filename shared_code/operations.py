"""Waiting for MongoDB: never too long, and with every failure in one form."""

import asyncio
from contextvars import ContextVar
from typing import Any, TypeVar

from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    PyMongoError,
)

from shared_code.problems import RETRY_SECONDS, StoreUnavailable
from shared_code.retries import seconds_asked_for
from shared_code.settings import get_settings

Result = TypeVar("Result")

# PyMongo may look for a server half a second longer than it was told to.
GRACE_SECONDS = 0.25

# Requests that start within so much time have one deadline, and so one timer of the event loop.
SHARED_SECONDS = 0.05


class Deadline:
    """When the requests that start about now are given up, and the answers they wait for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        limit = get_settings().mongodb_timeout_ms / 1000 + GRACE_SECONDS
        self.loop = loop
        self.starts_until = loop.time() + SHARED_SECONDS
        self.ends = self.starts_until + limit
        self.answers: set[asyncio.Future[Any]] = set()
        self.is_over = False
        loop.call_at(self.ends, self.give_up)

    def give_up(self) -> None:
        """Answer instead of MongoDB, which is late."""
        self.is_over = True
        for answer in self.answers:
            if not answer.done():
                answer.set_exception(StoreUnavailable("no answer in time"))


_newest: Deadline | None = None
_deadline: ContextVar[Deadline] = ContextVar("deadline")


def start_clock() -> None:
    """Start the time within which a request is answered, whatever it asks of MongoDB."""
    global _newest  # noqa: PLW0603 (state of the process, as the client is)
    loop, deadline = asyncio.get_running_loop(), _newest
    if deadline is None or deadline.loop is not loop or deadline.starts_until < loop.time():
        _newest = deadline = Deadline(loop)
    _deadline.set(deadline)


def seconds_left() -> float:
    """Return how long it is worth to ask MongoDB for something more."""
    deadline = _deadline.get()
    return deadline.ends - GRACE_SECONDS - SHARED_SECONDS - deadline.loop.time()


async def in_time(answer: asyncio.Future[Result]) -> Result:
    """Return the answer to something that is asked of MongoDB for a request.

    What would set it goes on when it is late, and is never cancelled: in Python 3.11
    `asyncio.wait_for`, when it is cancelled, can leave PyMongo's lock on the list of servers locked
    for ever. It must look whether the answer is done before it sets it.

    Raises:
        StoreUnavailable: MongoDB failed, or did not answer in time.
    """
    deadline = _deadline.get()
    deadline.answers.add(answer)
    if deadline.is_over:
        deadline.give_up()
    try:
        return await answer
    except PyMongoError as error:
        raise unavailable(error) from None
    finally:
        deadline.answers.discard(answer)


def unavailable(error: object) -> StoreUnavailable:
    """Return the problem that a failure of MongoDB is, with the wait that it asks for, if any."""
    seconds = seconds_asked_for(error)
    return StoreUnavailable(
        describe(error),
        getattr(error, "code", None),
        RETRY_SECONDS if seconds is None else seconds,
    )


def describe(error: object) -> str:
    """Describe a failure for the log; only the texts of connection errors hold no documents."""
    name = type(error).__name__
    if isinstance(error, (ConnectionFailure, ConfigurationError)):
        text = str(error).split(", Topology Description")[0]
        # What follows is a setting.
        return f"{name}: {text.split(' for replica set name')[0]}"
    return name
