"""A plugin of pytest: what the markers do."""

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.dialects import Dialect

if sys.platform != "win32":
    import fcntl

# The fixtures on which all depend that start a MongoDB, a local server or a browser.
STARTING = frozenset({"run_mongod", "run_server", "browser"})
# A folder with a `mongod` that fails; on PATH, so that subprocesses find it, too.
WITHOUT_MONGOD = Path(__file__).parent / "without_mongod"


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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs no database, and put the tests that run alone last, when few wait for them.

    Before all other plugins, because `-m` selects by the marks set so far.
    """
    for item in items:
        if isinstance(item, pytest.Function) and STARTING.isdisjoint(item.fixturenames):
            item.add_marker("no_database")
    items.sort(key=is_timed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test with its fixtures when it is its turn."""
    with turn(alone=is_timed(item)), without_mongod(item):
        return (yield)


def is_timed(item: pytest.Item) -> bool:
    """Say whether a test holds something to a limit of time."""
    return item.get_closest_marker("timed") is not None


@contextmanager
def without_mongod(item: pytest.Item) -> Iterator[None]:
    """Have every `mongod` fail that a test starts although it is marked `no_database`."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("no_database"):
            patch.setenv("PATH", str(WITHOUT_MONGOD), prepend=os.pathsep)
        yield


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait until the tests of the other workers, if there are any, let this one run."""
    if sys.platform == "win32" or "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
