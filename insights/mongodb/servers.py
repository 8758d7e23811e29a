"""The servers that speak MongoDB's protocol: which one is at hand, and what it refuses."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure

# How the servers say that they lack a command, a stage, an operator or an option.
UNSUPPORTED = {
    *(9, 59, 115, 168, 238),  # FailedToParse, CommandNotFound, CommandNotSupported, …
    *(303, 304, 305),  # Amazon DocumentDB: a feature, a stage, an operator
    *(40324, 31325, 15999),  # MongoDB and Cosmos DB: an unknown stage, expression, operator
    *(17276, 241),  # Azure DocumentDB before 0.109: variables and conversions
}


# Unauthorized, and a failed authentication.
NOT_ALLOWED = {13, 18}


class Product(StrEnum):
    """A server by its maker's name."""

    MONGODB = "MongoDB"
    AZURE = "Azure DocumentDB"
    AMAZON = "Amazon DocumentDB"
    COSMOS = "Cosmos DB for MongoDB (RU)"


@dataclass(frozen=True)
class Server:
    """The server at hand; `version` is its engine's."""

    product: Product
    version: str

    def __str__(self) -> str:
        """Return both, as in `MongoDB 8.0.1`."""
        return f"{self.product} {self.version}".strip()


def recognize(database: Database[dict[str, Any]]) -> Server:
    """Return which server answers.

    Raises:
        PyMongoError: it does not answer, or refuses the user.
    """
    admin = database.client.admin
    hello, build = greet(admin), admin.command("buildInfo")
    internal = hello.get("internal", {})
    versions = internal.get("documentdb_versions") or internal.get("cosmos_versions")
    version = str(build.get("version", ""))
    if versions:
        return Server(Product.AZURE, str(versions[0]))
    if hello.get("setName") == "globaldb":
        return Server(Product.COSMOS, version)
    if engine := engine_of_amazon(database):
        return Server(Product.AMAZON, engine)
    # MongoDB's own router answers "isdbgrid", too, and names the commit that it was built from.
    is_azure = hello.get("msg") == "isdbgrid" and "gitVersion" not in build
    return Server(Product.AZURE if is_azure else Product.MONGODB, version)


def greet(admin: Database[dict[str, Any]]) -> dict[str, Any]:
    """Return what the server says of itself, by the older command where it lacks the newer."""
    try:
        return admin.command("hello")
    except OperationFailure:
        return admin.command("isMaster")


def engine_of_amazon(database: Database[dict[str, Any]]) -> str | None:
    """Return the engine's version, which only Amazon DocumentDB has a command for."""
    try:
        return str(database.client.admin.command("getEngineVersion")["engineVersion"])
    except (OperationFailure, KeyError):
        return None


def what_works(server: Server) -> str:
    """Return where to read what a server can do."""
    return f"docs/servers.md says what works on {server.product}"


def words_of(error: OperationFailure) -> str:
    """Return the server's own words on an error, or else its code."""
    words = (error.details or {}).get("errmsg") or str(error)
    return str(words) if words and words != "None" else f"error code {error.code}"
