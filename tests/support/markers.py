"""A pytest plugin that implements the markers."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.dialects import Dialect
from tests.support.locks import locked

# Every test with a MongoDB, a local server or a browser depends on one of these fixtures.
STARTING = frozenset({"run_mongod", "run_server", "browser"})
# A folder with a failing `mongod`; on PATH, so that subprocesses find it too.
WITHOUT_MONGOD = Path(__file__).parent / "without_mongod"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked `dialects` once for each dialect, except those it is `lacking`."""
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
    """Mark tests without a database, and sort the timed ones last, so that few tests wait for them.

    Runs before other plugins, because `-m` selects by the marks set so far.
    """
    for item in items:
        if isinstance(item, pytest.Function) and STARTING.isdisjoint(item.fixturenames):
            item.add_marker("no_database")
    items.sort(key=is_timed)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test and its fixtures in its turn."""
    with turn(alone=is_timed(item)), without_mongod(item):
        return (yield)


def is_timed(item: pytest.Item) -> bool:
    """Say whether a test has a time limit."""
    return item.get_closest_marker("timed") is not None


@contextmanager
def without_mongod(item: pytest.Item) -> Iterator[None]:
    """Make `mongod` fail in tests marked `no_database`."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("no_database"):
            patch.setenv("PATH", str(WITHOUT_MONGOD), prepend=os.pathsep)
        yield


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait for the tests of other workers: all of them if `alone`, else those that run alone."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with locked(Path(__file__), alone=alone):
        yield
