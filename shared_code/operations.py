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

_running: set[asyncio.Task[Any]] = set()
_deadline: ContextVar[float] = ContextVar("deadline")


def start_clock() -> None:
    """Start the time within which a request is answered, whatever it asks of MongoDB."""
    limit = get_settings().mongodb_timeout_ms / 1000 + GRACE_SECONDS
    _deadline.set(asyncio.get_running_loop().time() + limit)


async def in_time(answer: asyncio.Future[Result]) -> Result:
    """Return the answer to something that is asked of MongoDB for a request.

    What would set it goes on when it is late, and is never cancelled: in Python 3.11
    `asyncio.wait_for`, when it is cancelled, can leave PyMongo's lock on the list of servers locked
    for ever. It must look whether the answer is done before it sets it.

    Raises:
        StoreUnavailable: MongoDB failed, or did not answer in time.
    """
    timer = asyncio.get_running_loop().call_at(_deadline.get(), give_up, answer)
    try:
        return await answer
    except PyMongoError as error:
        raise StoreUnavailable(describe(error), getattr(error, "code", None)) from None
    finally:
        timer.cancel()


def give_up(answer: asyncio.Future[Any]) -> None:
    """Answer instead of MongoDB, which is late."""
    if not answer.done():
        answer.set_exception(StoreUnavailable("no answer in time"))


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
