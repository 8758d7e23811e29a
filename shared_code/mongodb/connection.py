"""The MongoDB client, cached, and its options."""

import asyncio
import gc
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared_code.settings import ConfigurationError, Settings, get_settings

Client = AsyncMongoClient[dict[str, Any]]

logger = logging.getLogger("up2d8")

# PyMongo's exceptions for a wrong connection string; `datetime_conversion` raises a KeyError.
WRONG_URI = (PyMongoError, ValueError, TypeError, LookupError, OSError)

# Events, inserted and replaced feedback (small and large ones), opt-outs, and two lookups have two
# groups each. All eighteen are hardly ever in flight at the same moment.
POOL_SIZE = 10

# The same as in Azure DocumentDB's own connection strings.
IDLE_MS = 120_000

# A client belongs to the event loop that first used it. A deployed process has one loop, and so one
# client; tests have several. No lock is needed, because nothing here awaits.
_databases: dict[asyncio.AbstractEventLoop, AsyncDatabase[dict[str, Any]]] = {}
_collections: dict[asyncio.AbstractEventLoop, dict[str, AsyncCollection[dict[str, Any]]]] = {}


def get_database() -> AsyncDatabase[dict[str, Any]]:
    """Return the database; the first call in an event loop opens its client.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    loop = asyncio.get_running_loop()
    if loop not in _databases:
        settings = get_settings()
        _databases[loop] = open_client(settings)[settings.mongodb_database]
        freeze_modules()
    return _databases[loop]


def freeze_modules() -> None:
    """Exclude the loaded modules from garbage collection.

    They live as long as the process. Scanning them took a tenth of the time under load, in pauses
    of 40 ms.
    """
    if not gc.get_freeze_count():
        gc.freeze()


def get_collection(name: str) -> AsyncCollection[dict[str, Any]]:
    """Return a cached collection of the database.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    collections = _collections.setdefault(asyncio.get_running_loop(), {})
    if name not in collections:
        collections[name] = get_database()[name]
    return collections[name]


def open_client(settings: Settings) -> Client:
    """Open a client that reads from the primary and has a majority journal each write.

    `timeoutMS` bounds one whole operation (MongoDB manual, "Client-Side Operations Timeout").
    The client connects at its first operation.

    Raises:
        ConfigurationError: `MONGODB_URI` is not a connection string.
    """
    try:
        with hidden_warnings():
            return AsyncMongoClient(
                settings.mongodb_uri,
                appname="up2d8",
                timeoutMS=settings.mongodb_timeout_ms,
                # Bounds the lookup of an SRV record and the close, which `timeoutMS` does not. A
                # lookup overruns, and must end before the deadline for the log to have its cause.
                connectTimeoutMS=max(1, settings.mongodb_timeout_ms * 4 // 5),
                serverSelectionTimeoutMS=settings.mongodb_timeout_ms,
                readPreference="primary",
                w="majority",
                journal=True,
                retryWrites=False,  # see retries.py
                **pool_options(settings.mongodb_uri),
            )
    except WRONG_URI:
        # The exception's text may hold parts of the connection string.
        raise ConfigurationError("missing or wrong setting: MONGODB_URI") from None


@contextmanager
def hidden_warnings() -> Iterator[None]:
    """Replace PyMongo's warnings about a connection string, which show its values, by our own.

    They stay silenced for the process: with `mongodb+srv://`, the first operation repeats them.
    """
    for category in (UserWarning, DeprecationWarning):
        warnings.filterwarnings("ignore", category=category, module="pymongo")
    with warnings.catch_warnings(record=True, action="ignore") as caught:
        warnings.filterwarnings("always", category=UserWarning, module="pymongo")
        yield
    if caught:
        logger.warning("MONGODB_URI has options that are unknown or wrong, and are ignored")


def pool_options(uri: str) -> dict[str, Any]:
    """Return the bounds of the connection pool that the connection string leaves open.

    Group commit needs few connections for any number of requests, and a database must bear those
    of a thousand instances.
    """
    given = split_options(uri.partition("?")[2].replace(";", "&"))
    least = int(given.get("minpoolsize", 0))
    bounds = {"maxPoolSize": max(POOL_SIZE, least), "maxIdleTimeMS": IDLE_MS}
    return {name: bound for name, bound in bounds.items() if name.lower() not in given}


def split_options(query: str) -> dict[str, str]:
    """Return the options of a connection string by their lower-case names."""
    pairs = (option.partition("=") for option in query.split("&"))
    return {name.lower(): value for name, _, value in pairs}


async def close() -> None:
    """Close this event loop's client, if it has one; the next use opens another."""
    _collections.pop(asyncio.get_running_loop(), None)
    if (database := _databases.pop(asyncio.get_running_loop(), None)) is not None:
        await database.client.close()
