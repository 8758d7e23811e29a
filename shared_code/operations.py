"""Waiting for MongoDB: never too long, and with every failure in one form."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    PyMongoError,
)

from shared_code.problems import StoreUnavailable
from shared_code.settings import get_settings

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# PyMongo may look for a server half a second longer than it was told to.
GRACE_SECONDS = 0.25

# Requests that start within so much time have one deadline, and so one timer of the event loop.
SHARED_SECONDS = 0.05

_running: set[asyncio.Task[Any]] = set()


class Deadline:
    """When the requests that start about now are given up, and the answers they wait for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        limit = get_settings().mongodb_timeout_ms / 1000 + GRACE_SECONDS
        self.loop = loop
        self.starts_until = loop.time() + SHARED_SECONDS
        self.answers: set[asyncio.Future[Any]] = set()
        self.is_over = False
        loop.call_at(self.starts_until + limit, self.give_up)

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
        raise StoreUnavailable(describe(error), getattr(error, "code", None)) from None
    finally:
        deadline.answers.discard(answer)


def mongodb_operation(
    operation: Callable[Parameters, Coroutine[Any, Any, Result]],
) -> Callable[Parameters, Coroutine[Any, Any, Result]]:
    """Run `operation` in a task of its own, and wait for it no longer than a request may take."""

    @functools.wraps(operation)
    async def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(operation(*args, **kwargs))
        _running.add(task)
        task.add_done_callback(functools.partial(hand_over, answer))
        return await in_time(answer)

    return run


def hand_over(answer: asyncio.Future[Result], task: asyncio.Task[Result]) -> None:
    """Pass on what came of `task`, unless nobody waits for it any more."""
    _running.discard(task)
    if task.cancelled():
        answer.cancel()
    elif error := task.exception():
        if not answer.done():
            answer.set_exception(error)
    elif not answer.done():
        answer.set_result(task.result())


def describe(error: Exception) -> str:
    """Describe a failure for the log; only the texts of connection errors hold no documents."""
    name = type(error).__name__
    if isinstance(error, (ConnectionFailure, ConfigurationError)):
        return f"{name}: {str(error).split(', Topology Description')[0]}"
    return name
