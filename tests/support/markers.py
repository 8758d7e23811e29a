"""A pytest plugin that implements the markers."""

import os
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.dialects import Dialect

if sys.platform != "win32":
    import fcntl

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
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests without a database, drop repetitions, and sort the timed tests last.

    Then few tests wait for them. Runs before other plugins, because `-m` selects by the marks set
    so far.
    """
    for item in items:
        if isinstance(item, pytest.Function) and STARTING.isdisjoint(item.fixturenames):
            item.add_marker("no_database")
    kept = dict.fromkeys(without_repetitions(items))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = sorted(kept, key=is_timed)


def without_repetitions(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the items without those that repeat one on another server than MongoDB.

    These servers differ in commands, stages and operators; most parameters differ in values.
    """
    seen = set()
    for item in items:
        test = (item.parent, getattr(item, "originalname", ""), other_dialect(item))
        if test[-1] is None or test not in seen or item.get_closest_marker("crossed"):
            yield item
        seen.add(test)


def other_dialect(item: pytest.Item) -> Dialect | None:
    """Return the dialect of a test marked `dialects`, unless that is MongoDB."""
    # A test without any parameter has no `callspec`.
    parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    dialect = parameters.get("dialect") if item.get_closest_marker("dialects") else None
    return None if dialect is Dialect.MONGODB else dialect


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
    """Wait for the tests of other processes: all of them if `alone`, else those that run alone."""
    if sys.platform == "win32":
        yield
        return
    with Path(__file__).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
