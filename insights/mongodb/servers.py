"""Servers with MongoDB's protocol: recognizing the product, and its error codes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure

# The error codes for unsupported commands, stages, operators and options.
UNSUPPORTED = {
    *(9, 59, 115, 168, 238),  # FailedToParse, CommandNotFound, CommandNotSupported, …
    *(303, 304, 305),  # Amazon DocumentDB: a feature, a stage, an operator
    *(40324, 31325, 15999),  # MongoDB and Cosmos DB: an unknown stage, expression, operator
    *(17276, 241),  # Azure DocumentDB before 0.109: variables and conversions
}

# Unauthorized, AuthenticationFailed.
ACCESS_DENIED = {13, 18}

# Regular expressions that do not compile.
INVALID_PATTERNS = {51091, 51111}


class Product(StrEnum):
    """A server product."""

    MONGODB = "MongoDB"
    AZURE = "Azure DocumentDB"
    AMAZON = "Amazon DocumentDB"
    COSMOS = "Cosmos DB for MongoDB (RU)"


@dataclass(frozen=True)
class Server:
    """A server's product and the version of its engine."""

    product: Product
    version: str

    def __str__(self) -> str:
        """Return `MongoDB 8.0.1`."""
        return f"{self.product} {self.version}".strip()


def recognize(database: Database[dict[str, Any]]) -> Server:
    """Return the product and version of the server.

    Raises:
        PyMongoError: it does not answer, or refuses the user.
    """
    admin = database.client.admin
    hello, build = hello_reply(admin), admin.command("buildInfo")
    internal = hello.get("internal", {})
    versions = internal.get("documentdb_versions") or internal.get("cosmos_versions")
    version = str(build.get("version", ""))
    if versions:
        return Server(Product.AZURE, str(versions[0]))
    if hello.get("setName") == "globaldb":
        return Server(Product.COSMOS, version)
    if engine_version := amazon_engine_version(database):
        return Server(Product.AMAZON, engine_version)
    # MongoDB's mongos also replies "isdbgrid", but with a `gitVersion`.
    is_azure = hello.get("msg") == "isdbgrid" and "gitVersion" not in build
    return Server(Product.AZURE if is_azure else Product.MONGODB, version)


def hello_reply(admin: Database[dict[str, Any]]) -> dict[str, Any]:
    """Return the reply to `hello`, or to `isMaster` from servers that lack `hello`."""
    try:
        return admin.command("hello")
    except OperationFailure:
        return admin.command("isMaster")


def amazon_engine_version(database: Database[dict[str, Any]]) -> str | None:
    """Return the version of Amazon DocumentDB's engine, or None on other servers."""
    try:
        return str(database.client.admin.command("getEngineVersion")["engineVersion"])
    except (OperationFailure, KeyError):
        return None


def documentation(server: Server) -> str:
    """Return the pointer to the page on supported servers."""
    return f"see docs/servers.md for {server.product}"


def server_message(error: OperationFailure) -> str:
    """Return the server's text for an error, or else its code."""
    message = (error.details or {}).get("errmsg") or str(error)
    return str(message) if message and message != "None" else f"error code {error.code}"
