"""Waiting for MongoDB: never too long, and with every failure in one form."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from time import monotonic
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

_awaited: set[asyncio.Future[Any]] = set()
_deadline: ContextVar[float] = ContextVar("deadline")


def start_clock() -> None:
    """Start the time within which a request is answered, whatever it asks of MongoDB."""
    limit = get_settings().mongodb_timeout_ms / 1000 + GRACE_SECONDS
    _deadline.set(monotonic() + limit)


async def in_time(future: asyncio.Future[Result]) -> Result:
    """Return the result of something that is asked of MongoDB for a request.

    A `future` that is late goes on and is not cancelled: in Python 3.11 `asyncio.wait_for`, when it
    is cancelled, can leave PyMongo's lock on the list of servers locked for ever.

    Raises:
        StoreUnavailable: MongoDB failed, or did not answer in time.
    """
    _awaited.add(future)
    future.add_done_callback(forget)
    if not (await asyncio.wait({future}, timeout=_deadline.get() - monotonic()))[0]:
        raise StoreUnavailable("no answer in time")
    try:
        return future.result()
    except PyMongoError as error:
        raise StoreUnavailable(describe(error), getattr(error, "code", None)) from None


def forget(future: asyncio.Future[Any]) -> None:
    """Let go of what is done, also of what nobody waits for any more."""
    _awaited.discard(future)
    if not future.cancelled():
        future.exception()


def mongodb_operation(
    operation: Callable[Parameters, Coroutine[Any, Any, Result]],
) -> Callable[Parameters, Coroutine[Any, Any, Result]]:
    """Run `operation` in a task of its own, as `in_time` needs it."""

    @functools.wraps(operation)
    async def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await in_time(asyncio.create_task(operation(*args, **kwargs)))

    return run


def describe(error: Exception) -> str:
    """Describe a failure for the log; only the texts of connection errors hold no documents."""
    name = type(error).__name__
    if isinstance(error, (ConnectionFailure, ConfigurationError)):
        return f"{name}: {str(error).split(', Topology Description')[0]}"
    return name
