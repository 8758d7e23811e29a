"""`insights export`: the columns of CSV and Parquet are found while documents are written."""

from datetime import timedelta

import pytest
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database

from insights.exports import table_files
from tests.support.commands import plan_of
from tests.support.documents import NOON, Document, an_event
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
