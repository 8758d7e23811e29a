"""`insights export`: one pass, whole columns at once, and the next batch asked for meanwhile."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from typing import NoReturn
from uuid import UUID

import pytest
from bson import Binary, ObjectId
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database

from insights.exports import table_files, values
from insights.exports.sources import read_ahead
from tests.support.commands import plan_of
from tests.support.documents import NOON, Document, an_event
from tests.support.exports import read_json_lines
from tests.support.insights_cli import Insights

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("columns_format", ["csv", "parquet"])
@pytest.mark.parametrize("options", [(), ("--flatten",)])
def test_documents_are_read_once(
    insights: Insights,
    empty_database: Database[Document],
    columns_format: str,
    options: tuple[str, ...],
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON + number * MINUTE, details={"a": number}) for number in range(2500)
    )

    with plan_of(empty_database, "analytics") as plans:
        insights("export", "events", *options, "--out", f"a.{columns_format}")

    # The newest event is found, then all are read, in three batches.
    assert len(plans) == 1 + 3


LATE: list[Document] = [
    {"details": {"b": "new"}},
    {"details": {"a": None}},
    {"details": {"a": "a text"}},
    {"details": "a text"},
    {"details": {f"key {number:04}": number for number in range(1200)}},
    {"timestamp": "a text"},
    {"occurred_at": DatetimeMS(10**15)},
    {"other": 1},
]


@pytest.mark.parametrize("flat_format", ["csv", "parquet"])
@pytest.mark.parametrize("late", LATE)
def test_columns_that_only_late_documents_have_make_the_same_file(
    insights: Insights,
    empty_database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
    flat_format: str,
    late: Document,
) -> None:
    times = [NOON + number * MINUTE for number in range(2000)]
    events = [an_event(time, details={"a": 1}) for time in times]
    empty_database.analytics.insert_many([*events, an_event(times[-1] + MINUTE) | late])
    export = ("export", "events", "--flatten", "--out", f"a.{flat_format}")

    insights(*export)
    expected = (insights.folder / f"a.{flat_format}").read_bytes()
    monkeypatch.setattr(table_files, "FIRST_BYTES", 1)
    result = insights(*export)

    assert result.stderr == f"2,001 events exported to a.{flat_format}\n"
    assert (insights.folder / f"a.{flat_format}").read_bytes() == expected


def test_the_next_batch_is_asked_for_while_one_is_used() -> None:
    asked = Event()

    def batches() -> Iterator[bytes]:
        yield b"first"
        asked.set()
        yield b"second"

    ahead = read_ahead(batches())

    assert next(ahead) == b"first"
    assert asked.wait(timeout=10)
    assert list(ahead) == [b"second"]


# The beginning of a UUID as `_id`, in BSON.
LIKE_AN_ID = "\x05_id\0\x10\0\0\0\x04"
UUID_IDS: list[object] = [UUID(int=number) for number in range(3)]
OTHER_IDS: list[object] = [
    Binary(b"x" * 16, 0),
    Binary(b"x" * 16, 3),
    Binary(b"x" * 4, 5),
    ObjectId("5f5e10000000000000000001"),
    "a text",
    7,
]


@pytest.mark.parametrize("given", [UUID_IDS, OTHER_IDS, [*UUID_IDS, *OTHER_IDS]])
def test_ids_may_be_of_any_type(
    insights: Insights, empty_database: Database[Document], given: list[object]
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON + number * MINUTE) | {"_id": each, "user_id": LIKE_AN_ID}
        for number, each in enumerate(given)
    )

    insights("export", "events", "--out", "a.jsonl")

    found = read_json_lines(insights.folder / "a.jsonl")
    assert [each["_id"] for each in found] == [
        each if isinstance(each, int) else str(each) for each in given
    ]
    assert {each["user_id"] for each in found} == {LIKE_AN_ID}


def test_the_end_by_a_signal_is_not_hidden_by_a_conversion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(value: object) -> NoReturn:
        raise KeyboardInterrupt(value)

    monkeypatch.setattr(values, "far_iso_time", interrupted)

    with pytest.raises(KeyboardInterrupt):
        values.json_text([DatetimeMS(10**15)])
