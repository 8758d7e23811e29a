"""MongoDB's commands, query plans and failures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo import monitoring
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from tests.support.documents import Document


class Commands(monitoring.CommandListener):
    """The names of the commands sent to MongoDB."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Record a command."""
        self.names.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Record nothing."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Record nothing."""


@contextmanager
def profiling(database: Database[Document]) -> Iterator[None]:
    """Let MongoDB record every operation on a database in the block."""
    database.command("profile", 2)
    try:
        yield
    finally:
        database.command("profile", 0)


@contextmanager
def plan_of(database: Database[Document], collection: str) -> Iterator[list[str]]:
    """Yield a list that receives the query plan of every read of a collection in the block.

    Counting by metadata does not count as a read.
    """
    plans: list[str] = []
    reads = {
        "ns": f"{database.name}.{collection}",
        "planSummary": {"$exists": True, "$ne": "RECORD_STORE_FAST_COUNT"},
    }
    with profiling(database):
        yield plans
    plans += [each["planSummary"] for each in database.system.profile.find(reads)]


@contextmanager
def traffic_of(database: Database[Document]) -> Iterator[list[int]]:
    """Yield a list that receives the bytes of every reply to a read of a database in the block."""
    sizes: list[int] = []
    with profiling(database):
        yield sizes
    reads = database.system.profile.find({"responseLength": {"$exists": True}})
    sizes += [each["responseLength"] for each in reads]


def ids(collection: Collection[Document]) -> list[Any]:
    """Return the ids of all documents, sorted."""
    return [each["_id"] for each in collection.find(sort={"_id": 1})]


def failure_of(call: Callable[[], object]) -> tuple[int | None, str]:
    """Return the code and the text of a call's failure."""
    with pytest.raises(OperationFailure) as caught:
        call()
    assert caught.value.details is not None
    return caught.value.code, caught.value.details["errmsg"]
