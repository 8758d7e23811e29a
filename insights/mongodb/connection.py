"""The connection to MongoDB, with short timeouts and one-line errors."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pymongo
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    OperationFailure,
)
from pymongo.monitoring import CommandListener

from insights.errors import Refused, Unreachable, UsageError
from insights.kinds import Document
from insights.mongodb.servers import UNSUPPORTED, documentation, recognize, server_message
from insights.settings import Settings
from local_project.addresses import Address
from local_project.connection_strings import WRONG_URI, loopback_address, silence_warnings
from local_project.errors import LocalProjectError

# A MongoDB that is down or hangs is reported within 3 seconds, including Python's start.
ANSWER_SECONDS = 2
CLOSE_SECONDS = 1

# Errors are printed once, in one line, and not by PyMongo's threads as well.
logging.getLogger("pymongo").addHandler(logging.NullHandler())


@contextmanager
def open_database(settings: Settings, *listeners: CommandListener) -> Iterator[Database[Document]]:
    """Open the configured database, after a ping.

    `listeners` are notified of each command.

    Raises:
        UsageError: `MONGODB_URI` is not a connection string.
        Unreachable: no MongoDB answers.
        Refused: the server does not support an operation of the block.
        PyMongoError: MongoDB refuses the user, or an operation of the block.
    """
    client = open_client(settings.mongodb_uri, *listeners)
    try:
        ping(client, settings.mongodb_uri)
        database = client[settings.mongodb_database]
        with explaining_unsupported(database):
            yield database
    finally:
        # A MongoDB that hangs must not delay the exit.
        with pymongo.timeout(CLOSE_SECONDS):
            client.close()


@contextmanager
def explaining_unsupported(database: Database[Document]) -> Iterator[None]:
    """Name the server in errors about unsupported operations.

    Raises:
        Refused: the server does not support an operation of the block.
    """
    try:
        yield
    except OperationFailure as error:
        if error.code not in UNSUPPORTED:
            raise
        server = recognize(database)
        raise Refused(
            f"{server} refused the operation: {server_message(error)}; {documentation(server)}"
        ) from None


def open_client(uri: str, *listeners: CommandListener) -> MongoClient[Document]:
    """Return a client with majority write concern. It sends nothing yet.

    Raises:
        UsageError: `uri` is not a connection string.
        Unreachable: DNS has no records for the cluster.
    """
    silence_warnings()
    try:
        # PyMongo warns of servers other than MongoDB, but they are supported here.
        with warnings.catch_warnings(action="ignore"):
            return MongoClient(
                uri,
                appname="up2d8-insights",
                event_listeners=listeners,
                serverSelectionTimeoutMS=ANSWER_SECONDS * 1000,
                connectTimeoutMS=ANSWER_SECONDS * 1000,
                w="majority",
                # Amazon DocumentDB refuses retryable writes, and a failed command can be rerun.
                retryWrites=False,
                tz_aware=True,
                uuidRepresentation="standard",
                # Other programs may have stored dates that Python lacks, and text that is none.
                datetime_conversion="DATETIME_AUTO",
                unicode_decode_error_handler="replace",
            )
    # PyMongo's texts may hold parts of the connection string.
    except WRONG_URI as error:
        if uri.startswith("mongodb+srv://") and type(error) is ConfigurationError:
            raise Unreachable(
                "DNS has no records for the cluster in MONGODB_URI: check its name"
            ) from None
        raise UsageError("MONGODB_URI is not a MongoDB connection string") from None


def ping(client: MongoClient[Document], uri: str) -> None:
    """Check that MongoDB answers.

    Raises:
        Unreachable: it does not.
    """
    if address := free_loopback_address(uri):
        raise Unreachable(f"no MongoDB runs at {address}: `make run` starts one")
    try:
        with pymongo.timeout(ANSWER_SECONDS):
            client.admin.command("ping")
    except ConnectionFailure as error:
        raise Unreachable(
            f"no MongoDB answers to MONGODB_URI in time ({type(error).__name__})"
        ) from None


def free_loopback_address(uri: str) -> Address | None:
    """Return the address in `uri` if it is on loopback and nothing listens there."""
    # `loopback_address` refuses options that a client merely warns of.
    with suppress(LocalProjectError):
        address = loopback_address(uri)
        return address if address is not None and address.is_free() else None
    return None
