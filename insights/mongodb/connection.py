"""The connection to MongoDB: opened once it answers, and closed in time."""

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
from insights.mongodb.servers import UNSUPPORTED, recognize, what_works, words_of
from insights.settings import Settings
from local_project.addresses import Address
from local_project.connection_strings import WRONG_URI, loopback_address, silence_warnings
from local_project.errors import LocalProjectError

# A MongoDB that is gone or hangs is reported within 3 seconds, of which Python's start is a part.
ANSWER_SECONDS = 2
CLOSE_SECONDS = 1

# What goes wrong is told once, in one line, and not by PyMongo's threads as well.
logging.getLogger("pymongo").addHandler(logging.NullHandler())


@contextmanager
def open_database(settings: Settings, *listeners: CommandListener) -> Iterator[Database[Document]]:
    """Open the configured database, once it is known that MongoDB answers.

    `listeners` hear of each command that is sent.

    Raises:
        UsageError: `MONGODB_URI` is not a connection string.
        Unreachable: no MongoDB answers.
        Refused: the server lacks what is done with the database.
        PyMongoError: MongoDB refuses the user, or what is done with the database.
    """
    client = open_client(settings.mongodb_uri, *listeners)
    try:
        check(client, settings.mongodb_uri)
        database = client[settings.mongodb_database]
        with telling_what_works(database):
            yield database
    finally:
        # A MongoDB that hangs must not hold up the end.
        with pymongo.timeout(CLOSE_SECONDS):
            client.close()


@contextmanager
def telling_what_works(database: Database[Document]) -> Iterator[None]:
    """Say where the server lacks something, and what works on it.

    Raises:
        Refused: it lacks what the block needs.
    """
    try:
        yield
    except OperationFailure as error:
        if error.code not in UNSUPPORTED:
            raise
        server = recognize(database)
        words = words_of(error)
        raise Refused(f"{server} refused the operation: {words}; {what_works(server)}") from None


def open_client(uri: str, *listeners: CommandListener) -> MongoClient[Document]:
    """Open a client whose writes are confirmed by a majority; nothing is sent yet.

    Raises:
        UsageError: `uri` is not a connection string.
        Unreachable: DNS does not know the cluster that it names.
    """
    silence_warnings()
    try:
        # Nor does it matter here that PyMongo knows the server for another than MongoDB's.
        with warnings.catch_warnings(action="ignore"):
            return MongoClient(
                uri,
                appname="up2d8-insights",
                event_listeners=listeners,
                serverSelectionTimeoutMS=ANSWER_SECONDS * 1000,
                connectTimeoutMS=ANSWER_SECONDS * 1000,
                w="majority",
                # Amazon DocumentDB refuses them, and what fails can be run again.
                retryWrites=False,
                tz_aware=True,
                uuidRepresentation="standard",
                # Other programs may have stored dates that Python lacks, and text that is none.
                datetime_conversion="DATETIME_AUTO",
                unicode_decode_error_handler="replace",
            )
    # Their texts may hold parts of the connection string.
    except WRONG_URI as error:
        if uri.startswith("mongodb+srv://") and type(error) is ConfigurationError:
            raise Unreachable("the cluster in MONGODB_URI is not found in DNS") from None
        raise UsageError("MONGODB_URI is not a MongoDB connection string") from None


def check(client: MongoClient[Document], uri: str) -> None:
    """Make sure that MongoDB answers.

    Raises:
        Unreachable: it does not.
    """
    if address := unused_address(uri):
        raise Unreachable(f"no MongoDB runs at {address}: `make run` starts one")
    try:
        with pymongo.timeout(ANSWER_SECONDS):
            client.admin.command("ping")
    except ConnectionFailure as error:
        raise Unreachable(
            f"no MongoDB answers to MONGODB_URI in time ({type(error).__name__})"
        ) from None


def unused_address(uri: str) -> Address | None:
    """Return the address that `uri` names, if it is one on loopback and nothing listens there."""
    # It refuses options that a client only warns of.
    with suppress(LocalProjectError):
        address = loopback_address(uri)
        return address if address is not None and address.is_free() else None
    return None
