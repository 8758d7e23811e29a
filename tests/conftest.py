"""A real MongoDB, fresh databases in it, and requests to the functions."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.database import Database

from devserver.mongodb import free_address, loopback_address, running_mongod
from shared_code import database, opt_outs, references, settings
from tests.support.commands import Commands
from tests.support.connection import close_database
from tests.support.dialect_proxy import DialectProxy, running_proxy
from tests.support.dialects import Dialect
from tests.support.documents import Document
from tests.support.functions import FUNCTIONS, Post, UseSettings
from tests.support.insights_cli import Insights

pytest_plugins = ["tests.support.markers"]


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a MongoDB for the whole session."""
    address = free_address()
    with running_mongod(address, tmp_path_factory.mktemp("mongodb")):
        yield f"mongodb://{address}"


@pytest.fixture(scope="session")
def start_proxy(mongodb_uri: str) -> Iterator[Callable[[Dialect], DialectProxy]]:
    """Return a function that starts the proxy of a dialect for the whole session."""
    server = loopback_address(mongodb_uri)
    assert server
    with ExitStack() as running:
        yield cache(lambda dialect: running.enter_context(running_proxy(server, dialect)))


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Return which server the test is to meet: MongoDB, unless it is marked `dialects`."""
    return Dialect(getattr(request, "param", Dialect.MONGODB))


@pytest.fixture
def server_uri(
    dialect: Dialect, mongodb_uri: str, start_proxy: Callable[[Dialect], DialectProxy]
) -> str:
    """Return the connection string of the session's MongoDB, as a server of the dialect."""
    return mongodb_uri if dialect is Dialect.MONGODB else start_proxy(dialect).uri


@pytest.fixture
def use_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[UseSettings]:
    """Return a function that replaces all settings."""

    def forget() -> None:
        settings.get_settings.cache_clear()
        opt_outs.remembered.clear()
        references.remembered.cache_clear()

    def use(**environment: str) -> None:
        monkeypatch.setattr(settings, "environment", environment)
        forget()

    yield use
    forget()


@pytest.fixture
def empty_database(
    mongodb_uri: str, request: pytest.FixtureRequest
) -> Iterator[Database[Document]]:
    """Return a database that is empty before and after the test."""
    name = f"test_{abs(hash(request.node.nodeid))}"
    with MongoClient[Document](mongodb_uri, tz_aware=True, uuidRepresentation="standard") as client:
        yield client[name]
        # Otherwise dropping the database waits 0.1 s, for MongoDB's next flush of its journal.
        for collection in client[name].list_collection_names():
            client[name].drop_collection(collection)
        client.drop_database(name)


@pytest.fixture
def insights(
    empty_database: Database[Document],
    server_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Insights:
    """Return what runs the operator's tool on the empty database, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Insights(tmp_path, MONGODB_URI=server_uri, MONGODB_DATABASE=empty_database.name)


@pytest.fixture
async def fresh_database(
    empty_database: Database[Document], server_uri: str, use_settings: UseSettings
) -> AsyncIterator[Database[Document]]:
    """Return an empty database that the functions write to; the test itself reads it directly."""
    use_settings(MONGODB_URI=server_uri, MONGODB_DATABASE=empty_database.name)
    yield empty_database
    await close_database()


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Return the commands that the functions send to MongoDB."""
    commands = Commands()

    listening = partial(AsyncMongoClient, event_listeners=[commands])
    monkeypatch.setattr(database, "AsyncMongoClient", listening)
    return commands


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    """Return a function that sends a request to a function's `main`."""

    async def send(
        name: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> func.HttpResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"http://localhost:7071/api/{name}"
        return await FUNCTIONS[name](func.HttpRequest("POST", url, headers=headers, body=raw))

    yield send
    await close_database()
