"""Damaged documents for `insights doctor`, and its results."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from bson import CodecOptions, ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from insights.repair import originals
from tests.support.documents import Document
from tests.support.insights_cli import Insights, Result

HOUR = timedelta(hours=1)
ONE, TWO = ObjectId("5f5e10000000000000000001"), ObjectId("5f5e10000000000000000002")
UUID_4 = UUID("0b9f6a5c-1f0e-4abc-8def-0123456789ab")


def legacy(timestamp: object, **given: Any) -> Document:
    """Return a feedback as the previous backend stored it."""
    return {
        "_id": ObjectId(),
        "message_id": "m1",
        "user_id": "u1",
        "rating": "thumbs_up",
        "timestamp": timestamp,
    } | given


def key(user_id: str = "u1", message_id: str = "m1") -> Document:
    """Return the `_id` of a feedback."""
    return {"user_id": user_id, "message_id": message_id}


def contents(database: Database[Document], *names: str) -> dict[str, list[bytes]]:
    """Return all documents of some collections, or of every one, as bytes."""
    raw = database.with_options(CodecOptions(RawBSONDocument))
    return {
        name: sorted(bytes(each.raw) for each in raw[name].find())
        for name in names or database.list_collection_names()
    }


def kept(database: Database[Document]) -> list[bytes]:
    """Return the saved originals, as bytes."""
    raw = database.with_options(CodecOptions(RawBSONDocument))
    return sorted(bytes(each["document"].raw) for each in raw.repaired.find())


def counts(result: Result) -> dict[str, dict[str, Any]]:
    """Return the `--json` counts of checks with findings."""
    assert (result.exit_code, result.stderr) == (0, "")
    [printed] = result.lines
    return {
        f"{collection}.{name}": {key: value for key, value in tally.items() if value}
        for collection, tallies in printed.items()
        for name, tally in tallies.items()
        if tally["found"]
    }


def repaired(insights: Insights) -> dict[str, dict[str, Any]]:
    """Repair, and return the counts."""
    return counts(insights("doctor", "--repair", "--yes", "--json"))


def rows(output: str) -> list[str]:
    """Return the lines of an output without padding."""
    return [" ".join(line.split()) for line in output.splitlines()]


def write_before_change(
    monkeypatch: pytest.MonkeyPatch, module: Any, write: Callable[[], object]
) -> None:
    """Let another writer in, once, between saving the originals and the change."""
    writes = [write]

    def keep(*arguments: Any) -> None:
        originals.keep(*arguments)
        while writes:
            writes.pop()()

    monkeypatch.setattr(module, "keep", keep)
