"""Fixtures shared by several test modules.

Programs:
    run_mongod: runs a MongoDB for the duration of a block.
    mongodb_uri: the connection string of the session's MongoDB, or `TEST_MONGODB_URI`.
    mongodb_address: the address of the session's MongoDB.
    own_mongod: a running MongoDB that the test may kill and suspend.
    mongod: the same, of the test's dialect and not yet started; the functions write to it.
    start_proxy: starts a dialect's proxy in front of the session's MongoDB, once a session.
    through: opens a collection through the test's own proxy.
    run_server: runs a local server for the duration of a block.
    server: the local server as cloned, on the session's MongoDB.
    browser: Chromium.

Dialects:
    dialect: the server that the test runs against; MongoDB, unless it is marked `dialects`.
    server_uri: the connection string of the session's MongoDB as that server.

Databases:
    empty_database: a database of the session's MongoDB.
    fresh_database: the same, and the functions write to it.
    database_name: the name of the database that `server` writes to.
    server_database: that database, emptied.

Clients:
    use_settings: replaces all settings of the functions.
    post: sends a request to a function.
    commands: the commands that the functions send to MongoDB.
    key_server: a key server with the public keys of a token issuer.
    auth_on: makes the functions require tokens of that issuer.
    insights: runs the operator's tool on the empty database.
    indexed: the same, on a database with indexes.
    command_line: the same, without a MongoDB.
    file_format: each export format in turn.
    visitor: opens pages in the browser, and fails on any error they report.
    tolerant_visitor: opens pages in the browser.

Markers:
    timed: has a time limit, so it runs last and alone on all workers. Mark a test that measures
        time, or fails on a busy machine.
    dialects: runs once for each server, or for MongoDB and the given ones; with all of its
        parameters only on MongoDB, with the first on the others.
    crossed: runs with all of its parameters on all of these servers. Mark a test whose parameters
        choose commands, stages or operators, or code for a server.
    lacking: does not run for the given servers.
    linux: needs Linux.
    worker: runs in Microsoft's language worker; collected only on Python 3.13 and later.
    no_database: set on each test that depends on none of `run_mongod`, `run_server` and `browser`.
        A test that starts one by other means depends on it explicitly:
        `usefixtures("run_mongod")`.
"""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest
from playwright.sync_api import Browser
from pymongo import AsyncMongoClient, MongoClient
from pymongo.database import Database

from analytics_function import opt_outs
from local_project.addresses import Address, free_address
from local_project.connection_strings import loopback_address
from local_project.mongod import running_mongod
from shared_code import lookups, settings
from shared_code.auth import tokens
from shared_code.mongodb import connection
from tests.support.chromium import Visitor, running_chromium
from tests.support.commands import Commands
from tests.support.connection import close_database
from tests.support.dialect_proxy import DialectProxy, Open, Opened, running_proxy
from tests.support.dialects import Dialect
from tests.support.documents import Document
from tests.support.exports import READERS
from tests.support.functions import FUNCTIONS, Post, UseSettings
from tests.support.insights_cli import Insights
from tests.support.key_server import KeyServer, serving
from tests.support.local_server import LocalServer, RunServer, running_server
from tests.support.mongod import Mongod, RunMongod
from tests.support.shards import shard
from tests.support.tokens import AUDIENCE, ISSUER

# The package of Microsoft's language worker needs Python 3.13.
collect_ignore = [] if sys.version_info >= (3, 13) else ["test_worker.py"]

pytest_plugins = ["tests.support.engines", "tests.support.ids", "tests.support.markers"]


@pytest.fixture(scope="session")
def run_mongod() -> RunMongod:
    """Return the function that runs a MongoDB for the duration of a block."""
    return running_mongod


@pytest.fixture(scope="session")
def mongodb_uri(run_mongod: RunMongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a MongoDB for the whole session, or use another one."""
    if given := os.environ.get("TEST_MONGODB_URI"):
        yield given
        return
    address = free_address()
    # An index waits for the next flush of the journal, of which there is one every 0.1 s.
    often = ("--journalCommitInterval", "10")
    with run_mongod(address, tmp_path_factory.mktemp("mongodb"), *often):
        yield f"mongodb://{address}"


@pytest.fixture
def own_mongod(run_mongod: RunMongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """Run a MongoDB for one test."""
    mongod = Mongod(run_mongod, free_address(), tmp_path_factory.mktemp("mongod"))
    with mongod.resources:
        mongod.start()
        yield mongod


@pytest.fixture(scope="session")
def mongodb_address(mongodb_uri: str) -> Address:
    """Return the address of the session's MongoDB."""
    address = loopback_address(mongodb_uri)
    assert address is not None
    return address


@pytest.fixture(scope="session")
def start_proxy(mongodb_address: Address) -> Iterator[Callable[[Dialect], DialectProxy]]:
    """Return a function that starts the proxy of a dialect, once a session."""
    with ExitStack() as running:
        yield cache(lambda dialect: running.enter_context(running_proxy(mongodb_address, dialect)))


@pytest.fixture
def through(mongodb_address: Address, empty_database: Database[Document]) -> Iterator[Open]:
    """Return a function that opens an empty collection through a proxy."""
    with ExitStack() as stack:

        def open_collection(dialect: Dialect, **options: Any) -> Opened:
            proxy = stack.enter_context(running_proxy(mongodb_address, dialect))
            client = stack.enter_context(MongoClient[Document](proxy.uri, **options))
            return Opened(proxy, client[empty_database.name]["events"])

        yield open_collection


@pytest.fixture(scope="session")
def run_server() -> RunServer:
    """Return the function that runs a local server for the duration of a block."""
    return running_server


@pytest.fixture(scope="module")
def database_name() -> str:
    """Return the name of a new database."""
    return f"test_{uuid4().hex}"


@pytest.fixture(scope="module")
def server(run_server: RunServer, mongodb_uri: str, database_name: str) -> Iterator[LocalServer]:
    """Run the local server as cloned, once a module."""
    with run_server(MONGODB_URI=mongodb_uri, MONGODB_DATABASE=database_name) as server:
        yield server


@pytest.fixture
def server_database(mongodb_uri: str, database_name: str) -> Iterator[Database[Document]]:
    """Return the database that the local server writes to, emptied."""
    with MongoClient[Document](mongodb_uri) as client:
        client.drop_database(database_name)
        yield client[database_name]
        client.drop_database(database_name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run the browser, once a module, which has no asynchronous tests (see `chromium.py`)."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def tolerant_visitor(browser: Browser) -> Iterator[Visitor]:
    """Return a visitor; its pages are closed afterwards."""
    visitor = Visitor(browser)
    yield visitor
    visitor.close()


@pytest.fixture
def visitor(tolerant_visitor: Visitor) -> Iterator[Visitor]:
    """Return a visitor whose pages must report no problems."""
    yield tolerant_visitor
    assert tolerant_visitor.problems == []


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Return the server that the test runs against: MongoDB, unless it is marked `dialects`."""
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
        opt_outs.cached_answers.clear()
        lookups.cached_keys.cache_clear()

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
        if client.is_mongos:
            shard(client, name)
        yield client[name]
        # Dropping the database alone would wait 0.1 s for MongoDB's next journal flush.
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
    """Return a runner of the operator's tool on the empty database, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Insights(tmp_path, MONGODB_URI=server_uri, MONGODB_DATABASE=empty_database.name)


@pytest.fixture
def indexed(insights: Insights) -> Insights:
    """Return a runner of the operator's tool on an empty database with indexes."""
    assert insights("setup").exit_code == 0
    return insights


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Insights:
    """Return a runner of the operator's tool in an empty folder, without a MongoDB."""
    monkeypatch.chdir(tmp_path)
    return Insights(tmp_path, MONGODB_URI="mongodb://127.0.0.1:1", MONGODB_DATABASE="none")


@pytest.fixture(params=READERS)
def file_format(request: pytest.FixtureRequest) -> str:
    """Return each format of an export."""
    name: str = request.param
    return name


@pytest.fixture
def mongod(
    run_mongod: RunMongod, tmp_path: Path, use_settings: UseSettings, dialect: Dialect
) -> Iterator[Mongod]:
    """Return a MongoDB for one test, not yet started, that the functions write to."""
    mongod = Mongod(run_mongod, free_address(), tmp_path, dialect)
    use_settings(MONGODB_URI=mongod.uri)
    with mongod.resources:
        yield mongod


@pytest.fixture
async def fresh_database(
    empty_database: Database[Document], server_uri: str, use_settings: UseSettings
) -> AsyncIterator[Database[Document]]:
    """Return an empty database that the functions write to; the test reads it directly."""
    use_settings(MONGODB_URI=server_uri, MONGODB_DATABASE=empty_database.name)
    yield empty_database
    await close_database()


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    """Return a running key server."""
    with serving(KeyServer()) as server:
        yield server


@pytest.fixture
def auth_on(
    key_server: KeyServer,
    fresh_database: Database[Document],
    mongodb_uri: str,
    use_settings: UseSettings,
) -> Callable[..., None]:
    """Turn tokens on, and return a function that changes their settings."""

    def use(**others: str) -> None:
        tokens.signing_keys.cache_clear()
        use_settings(
            **{
                "MONGODB_URI": mongodb_uri,
                "MONGODB_DATABASE": fresh_database.name,
                "AUTH_ISSUER": ISSUER,
                "AUTH_AUDIENCE": AUDIENCE,
                "AUTH_JWKS_URL": key_server.url,
            }
            | others
        )

    use()
    return use


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Return the commands that the functions send to MongoDB."""
    commands = Commands()

    listening = partial(AsyncMongoClient, event_listeners=[commands])
    monkeypatch.setattr(connection, "AsyncMongoClient", listening)
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
