"""The deadline of a request, which bounds all that it asks of MongoDB."""

import asyncio
from contextvars import ContextVar
from typing import Any, TypeVar

from pymongo.errors import ConfigurationError, ConnectionFailure, PyMongoError

from shared_code.mongodb.retries import seconds_asked_for
from shared_code.problems import RETRY_SECONDS, StoreUnavailable
from shared_code.settings import get_settings

Result = TypeVar("Result")

# PyMongo may exceed its own timeout, and its error names the cause.
GRACE_SECONDS = 0.25

_deadline: ContextVar[float] = ContextVar("deadline")


def start_clock() -> None:
    """Set the deadline of the current request."""
    limit = get_settings().mongodb_timeout_ms / 1000
    _deadline.set(asyncio.get_running_loop().time() + limit)


def seconds_left() -> float:
    """Return the time until the deadline, which is negative after it."""
    return _deadline.get() - asyncio.get_running_loop().time()


async def in_time(answer: asyncio.Future[Result]) -> Result:
    """Return the answer to an operation that runs in another task.

    Past the deadline `answer` fails, and the operation is never cancelled: in Python 3.11 a
    cancelled `asyncio.wait_for` can leave PyMongo's lock on its list of servers locked for ever.

    Raises:
        StoreUnavailable: MongoDB failed, or did not answer in time.
    """
    # A third of the cost of `asyncio.timeout_at`.
    timer = answer.get_loop().call_at(_deadline.get() + GRACE_SECONDS, give_up, answer)
    try:
        return await answer
    except PyMongoError as error:
        raise unavailable(error) from None
    finally:
        timer.cancel()


def give_up(answer: asyncio.Future[Any]) -> None:
    """Fail a wait past its deadline."""
    if not answer.done():
        answer.set_exception(StoreUnavailable("no answer in time"))


def unavailable(error: object) -> StoreUnavailable:
    """Return the problem for a failure of MongoDB, with the wait that the server asks for."""
    seconds = seconds_asked_for(error)
    return StoreUnavailable(
        describe(error),
        getattr(error, "code", None),
        RETRY_SECONDS if seconds is None else seconds,
    )


def describe(error: object) -> str:
    """Describe a failure for the log. Only connection errors have texts free of documents."""
    name = type(error).__name__
    if isinstance(error, (ConnectionFailure, ConfigurationError)):
        text = str(error).split(", Topology Description")[0]
        # The rest of the text is the value of a setting.
        return f"{name}: {text.split(' for replica set name')[0]}"
    return name
