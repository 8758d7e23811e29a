"""`insights export --flatten`: details as columns."""

import csv
import io
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pymongo.database import Database

from insights.exports import columns as export_columns
from insights.exports.columns import FoundColumns
from insights.exports.sources import Source
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, an_event
from tests.support.exports import READERS, difficult_events, read_json_lines
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)


def test_flattened_details_are_columns_sorted_by_name(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_many(
        [
            an_event(NOON, details={"page": "/b", "device": {"os": "iOS", "beta": True}}),
            an_event(NOON, details={}),
            an_event(NOON, details={"a.b": 1, "a": {"b": 2, 'q"': None}, "list": [1, {"a": "é"}]}),
            an_event(NOON, details={"page": "=1", "device": {}, "a": {"": -3, "x\ny": 4.5}}),
        ]
    )

    insights("export", "events", "--flatten", "--out", "a.csv")

    text = (insights.folder / "a.csv").read_text(encoding="utf-8")
    header, *rows = [row[1:] for row in csv.reader(io.StringIO(text, newline=""))]
    assert header == [
        *("user_id", "event_type"),
        *('details."a.b"', 'details.a.""', 'details.a."q\\""', 'details.a."x\\ny"', "details.a.b"),
        *("details.device", "details.device.beta", "details.device.os"),
        *("details.list", "details.page", "timestamp", "occurred_at"),
    ]
    time = "2026-11-01T12:00:00.000Z"
    assert sorted(rows) == sorted(
        [
            ["u1", "page_view", *[""] * 5, "", "true", "iOS", "", "/b", time, ""],
            ["u1", "page_view", *[""] * 10, time, ""],
            ["u1", "page_view", "1", "", "", "", "2", "", "", "", '[1,{"a":"é"}]', "", time, ""],
            ["u1", "page_view", "", "-3", "", "4.5", "", "{}", "", "", "", "'=1", time, ""],
        ]
    )


def test_flattened_json_lines_keep_null_arrays_and_empty_objects(
    insights: Insights, empty_database: Database[Document]
) -> None:
    details: Document = {"a": None, "b": [{}, None], "c": {}, "d": {"e": {}, "f.g": 2**63 - 1}}
    empty_database.analytics.insert_one(an_event(NOON, details=details))

    insights("export", "events", "--flatten", "--out", "a.jsonl")

    [found] = read_json_lines(insights.folder / "a.jsonl")
    del found["_id"]
    assert found == {
        "user_id": "u1",
        "event_type": "page_view",
        "timestamp": "2026-11-01T12:00:00.000Z",
        "details.a": None,
        "details.b": [{}, None],
        "details.c": {},
        "details.d.e": {},
        'details.d."f.g"': 2**63 - 1,
    }


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        ([True, False, None], pa.bool_(), [True, False, None]),
        ([1, -(2**63), None], pa.int64(), [1, -(2**63), None]),
        ([0.5, 5e-324, None], pa.float64(), [0.5, 5e-324, None]),
        ([1, 2**53, 0.5], pa.float64(), [1.0, 2.0**53, 0.5]),
        ([2**53 + 1, 0.5], pa.string(), ["9007199254740993", "0.5"]),
        (["", "1", None], pa.string(), ["", "1", None]),
        ([None, None], pa.string(), [None, None]),
        ([1, "1", None], pa.string(), ["1", '"1"', None]),
        ([1, True], pa.string(), ["1", "true"]),
        ([[1, "é"], []], pa.string(), ['[1,"é"]', "[]"]),
        ([{}, 5], pa.string(), ["{}", "5"]),
    ],
)
def test_flattened_parquet_columns_have_the_type_of_their_values(
    insights: Insights,
    empty_database: Database[Document],
    values: list[Any],
    type_: pa.DataType,
    expected: list[Any],
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON + number * MINUTE, details={"a": {"b": value}})
        for number, value in enumerate(values)
    )

    insights("export", "events", "--flatten", "--out", "a.parquet")

    column = parquet.read_table(insights.folder / "a.parquet")["details.a.b"]
    assert (column.type, column.to_pylist()) == (type_, expected)


def test_no_two_paths_have_the_same_column(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    # Each event has one value; two paths with the same name would yield fewer columns.
    paths = [("a", "b"), ("a.b",), ('a"', "b"), ('a".b',), ('"a', 'b"'), ('"a.b"',), ("a", "", "b")]
    for number, path in enumerate(paths):
        details: Document = {path[-1]: number}
        for key in reversed(path[:-1]):
            details = {key: details}
        empty_database.analytics.insert_one(an_event(NOON + number * MINUTE, details=details))

    insights("export", "events", "--flatten", "--out", f"a.{file_format}")

    found = READERS[file_format](insights.folder / f"a.{file_format}")
    values = {
        name: int(value)
        for row in found
        for name, value in row.items()
        if name.startswith("details")
    }
    assert sorted(values.values()) == list(range(len(paths)))


def test_difficult_details_can_be_flattened(
    insights: Insights, empty_database: Database[Document]
) -> None:
    events = list(difficult_events())
    empty_database.analytics.insert_many(events)

    assert insights("export", "events", "--flatten", "--out", "a.jsonl").exit_code == 0

    found = read_json_lines(insights.folder / "a.jsonl")
    assert [count_details(row) for row in found] == [count_values(each) for each in events]


def count_details(row: Document) -> int:
    """Return the number of details columns in a row."""
    return sum(name.startswith("details.") for name in row)


def count_values(event: Document) -> int:
    """Return the number of values in an event's details; an array or `{}` is one."""
    if not event["details"]:
        return 0
    objects, values = [event["details"]], 0
    for each in objects:
        inner = [value for value in each.values() if isinstance(value, dict) and value]
        objects += inner
        values += len(each) - len(inner)
    return values


def many_keys(database: Database[Document], number: int) -> None:
    """Store three events with the key `common`, and one with each of so many others."""
    database.analytics.insert_many(an_event(NOON, details={"common": each}) for each in range(3))
    database.analytics.insert_many(
        an_event(NOON, details={"rare": {f"{each:05}": each}}) for each in range(number)
    )


@pytest.mark.parametrize("flat_format", ["csv", "parquet"])
def test_a_thousand_keys_have_a_column_each(
    insights: Insights, empty_database: Database[Document], flat_format: str
) -> None:
    many_keys(empty_database, 999)

    insights("export", "events", "--flatten", "--out", f"a.{flat_format}")

    found = READERS[flat_format](insights.folder / f"a.{flat_format}")
    names = {name for row in found for name in row if name.startswith("details")}
    assert (len(names), "details" in names) == (1000, False)


@pytest.mark.parametrize("flat_format", ["csv", "parquet"])
@pytest.mark.parametrize("remembered", [20_000, 1200])
def test_the_rarest_of_more_keys_share_a_column(
    insights: Insights,
    empty_database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
    flat_format: str,
    remembered: int,
) -> None:
    monkeypatch.setattr(export_columns, "MAXIMUM_NAMES", remembered)
    many_keys(empty_database, 1600)

    result = insights("export", "events", "--flatten", "--out", f"a.{flat_format}")

    assert result.stderr == f"1,603 events exported to a.{flat_format}\n"
    found = READERS[flat_format](insights.folder / f"a.{flat_format}")
    alone = [row for row in found if "details" not in row]
    values = [int(value) for row in alone for name, value in row.items() if "details." in name]
    shared = [value for row in found for value in row.get("details", {}).values()]
    assert sorted(int(row["details.common"]) for row in found if "details.common" in row) == [
        0,
        1,
        2,
    ]
    assert sorted(values + shared) == sorted([0, 1, 2, *range(1600)])
    assert len({name for row in alone for name in row if "details." in name}) <= 1000
    assert min(len(alone), len(shared)) > 300
    assert all(len(key) == len("rare.00000") for row in found for key in row.get("details", {}))


def arrives_after(
    monkeypatch: pytest.MonkeyPatch, method: str, database: Database[Document], event: Document
) -> None:
    """Let an event arrive once a method, such as `Source.until_newest`, has returned."""
    owner = {each.__name__: each for each in (Source, FoundColumns)}[method.partition(".")[0]]
    name = method.partition(".")[2]
    original = getattr(owner, name)

    def then_arrive(self: object) -> object:
        found = original(self)
        database.analytics.replace_one({"_id": event["_id"]}, event, upsert=True)
        return found

    monkeypatch.setattr(owner, name, then_arrive)


@pytest.mark.parametrize("flat_format", ["csv", "parquet"])
def test_events_that_arrive_during_the_export_are_left_out(
    insights: Insights,
    empty_database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
    flat_format: str,
) -> None:
    empty_database.analytics.insert_one(an_event(NOON, details={"a": 1}))
    late = an_event(NOON + MINUTE, details={"b": 2})
    arrives_after(monkeypatch, "Source.until_newest", empty_database, late)

    result = insights("export", "events", "--flatten", "--out", f"a.{flat_format}")

    assert result.stderr == f"1 event exported to a.{flat_format}\n"


def test_late_events_with_other_details_stop_a_flattened_export(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_database.analytics.insert_one(an_event(NOON, details={"a": 1}))
    late = an_event(NOON - MINUTE, details={"b": 2})
    arrives_after(monkeypatch, "FoundColumns.columns", empty_database, late)

    # Standard output is not written twice, so the columns are found before.
    result = insights("export", "events", "--flatten", "--format", "csv", "--out", "-")

    assert (result.exit_code, result.stderr) == (
        1,
        "insights: events with other fields arrived during the export: run it again\n",
    )
