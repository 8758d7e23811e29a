"""A real MongoDB, fresh databases in it, and requests to the functions."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from pymongo import AsyncMongoClient, MongoClient, monitoring
from pymongo.database import Database

import analytics_function
import feedback_function
from analytics_function import opt_outs
from local_project.addresses import free_address
from local_project.connection_strings import loopback_address
from local_project.mongod import running_mongod
from shared_code import lookups, settings
from shared_code.mongodb import connection
from tests.insights_cli import Insights
from tests.support.dialect_proxy import DialectProxy, running_proxy
from tests.support.dialects import Dialect

if sys.platform != "win32":
    import fcntl

ROOT = Path(__file__).parent.parent
FUNCTIONS = {"feedback": feedback_function.main, "analytics": analytics_function.main}

# Longer than any operation may take.
SECONDS_TO_END = 5

Document = dict[str, Any]
Post = Callable[..., Awaitable[func.HttpResponse]]
UseSettings = Callable[..., None]


class Commands(monitoring.CommandListener):
    """The names of the commands that were sent to MongoDB."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Remember a command."""
        self.names.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Remember nothing."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Remember nothing."""


def is_timed(item: pytest.Item) -> bool:
    """Say whether a test holds something to a limit of time."""
    return item.get_closest_marker("timed") is not None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that is marked `dialects` once in each that it does not lack."""
    marker = metafunc.definition.get_closest_marker("dialects")
    if marker is None or "dialect" not in metafunc.fixturenames:
        return
    lacking = {
        dialect for each in metafunc.definition.iter_markers("lacking") for dialect in each.args
    }
    wanted = [Dialect.MONGODB, *marker.args] if marker.args else list(Dialect)
    metafunc.parametrize("dialect", [each for each in wanted if each not in lacking], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that run alone last, when there are few others to wait for them."""
    items.sort(key=is_timed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test with its fixtures when it is its turn."""
    with turn(alone=is_timed(item)):
        return (yield)


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait until the tests of the other workers, if there are any, let this one run."""
    if sys.platform == "win32" or "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def body_of(response: func.HttpResponse) -> Any:
    """Return the JSON that an answer carries."""
    return json.loads(response.get_body())


async def close_database() -> None:
    """Close the connection, and wait for what was still asked of MongoDB.

    The end of an event loop cancels its tasks and waits for them. In Python 3.11 a cancelled task
    of PyMongo may then wait for a lock for ever (see `deadlines.py`), so the loop forgets those
    that are late (Python manual, "Extending asyncio").
    """
    closing = asyncio.create_task(connection.close())
    asked = {closing, *(task for task in asyncio.all_tasks() if is_of_mongodb(task))}
    _, late = await asyncio.wait(asked, timeout=SECONDS_TO_END)
    for task in late:
        asyncio._unregister_task(task)  # noqa: SLF001 (as the manual says)


def is_of_mongodb(task: asyncio.Task[Any]) -> bool:
    """Say whether a task runs code of PyMongo, or of ours that asks it."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and any(
        part in {"pymongo", "shared_code"} for part in Path(code.co_filename).parts
    )


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
