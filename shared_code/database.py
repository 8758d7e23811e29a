"""The cached MongoDB connection."""

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

# What PyMongo raises for a wrong connection string; an unknown `datetime_conversion` is a KeyError.
WRONG_URI = (PyMongoError, ValueError, TypeError, LookupError, OSError)

# Two groups each of events, inserted feedback and replaced feedback, small and large ones, of
# opt-outs and of the two lookups would need eighteen if all were in flight at the same moment.
POOL_SIZE = 10

# Azure DocumentDB's own connection string closes idle connections after the same time.
IDLE_MS = 120_000

# A client belongs to the event loop that first used it. A deployed process has one loop, so one
# client; tests have several. No lock is needed: a loop looks for its own client, without a pause.
_databases: dict[asyncio.AbstractEventLoop, AsyncDatabase[dict[str, Any]]] = {}
_collections: dict[asyncio.AbstractEventLoop, dict[str, AsyncCollection[dict[str, Any]]]] = {}


def get_database() -> AsyncDatabase[dict[str, Any]]:
    """Return the database, with a client opened on the first use in this event loop.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    loop = asyncio.get_running_loop()
    if loop not in _databases:
        settings = get_settings()
        _databases[loop] = open_client(settings)[settings.mongodb_database]
        keep_what_is_loaded()
    return _databases[loop]


def keep_what_is_loaded() -> None:
    """Have the garbage collector pass over what is loaded when the first request comes.

    It stays as long as the process; to look through it again and again took a tenth of the time
    under load, in pauses of 40 ms.
    """
    if not gc.get_freeze_count():
        gc.freeze()


def get_collection(name: str) -> AsyncCollection[dict[str, Any]]:
    """Return a collection of the database; making one anew for each write takes longer.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    collections = _collections.setdefault(asyncio.get_running_loop(), {})
    if name not in collections:
        collections[name] = get_database()[name]
    return collections[name]


def open_client(settings: Settings) -> Client:
    """Open a client that reads from the primary, and has writes journaled by a majority.

    `timeoutMS` bounds one whole operation (MongoDB manual, "Client-Side Operations Timeout").
    Nothing is sent yet.

    Raises:
        ConfigurationError: `MONGODB_URI` is not a connection string.
    """
    try:
        with hidden_warnings():
            return AsyncMongoClient(
                settings.mongodb_uri,
                appname="up2d8",
                timeoutMS=settings.mongodb_timeout_ms,
                # What bounds the lookup of an SRV record, and the close: `timeoutMS` leaves both
                # out. A lookup ends late, and must end before its request is given up without its
                # cause.
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

    A client of a `mongodb+srv://` string repeats them when it looks up its servers, at the first
    operation, so they stay silenced for the process.
    """
    for category in (UserWarning, DeprecationWarning):
        warnings.filterwarnings("ignore", category=category, module="pymongo")
    with warnings.catch_warnings(record=True, action="ignore") as caught:
        warnings.filterwarnings("always", category=UserWarning, module="pymongo")
        yield
    if caught:
        logger.warning("MONGODB_URI has options that are unknown or wrong, and are ignored")


def pool_options(uri: str) -> dict[str, Any]:
    """Return the bounds of the connection pool that the connection string does not set itself.

    Reads and writes go in groups, two of a kind at a time, so few connections serve any number of
    requests; a thousand instances must still fit into what a database allows.
    """
    given = split_options(uri.partition("?")[2].replace(";", "&"))
    least = int(given.get("minpoolsize", 0))
    bounds = {"maxPoolSize": max(POOL_SIZE, least), "maxIdleTimeMS": IDLE_MS}
    return {name: bound for name, bound in bounds.items() if name.lower() not in given}


def split_options(query: str) -> dict[str, str]:
    """Return the options of a connection string, by their names in lower case."""
    pairs = (option.partition("=") for option in query.split("&"))
    return {name.lower(): value for name, _, value in pairs}


async def close() -> None:
    """Close this event loop's client, if there is one; the next use opens another."""
    _collections.pop(asyncio.get_running_loop(), None)
    if (database := _databases.pop(asyncio.get_running_loop(), None)) is not None:
        await database.client.close()
