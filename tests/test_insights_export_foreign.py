"""`insights export` of documents that other programs stored: none is dropped, and no field."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from bson.datetime_ms import DatetimeMS
from pyarrow import parquet
from pymongo.database import Database

from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.exports import READERS, iso
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)
MICROSECONDS = DatetimeMS(1_712_121_530_123_000)
OID = ObjectId("5f5e10000000000000000001")

# What other programs stored as a timestamp, and how a column shows it.
TIMESTAMPS: list[tuple[Any, str | None]] = [
    ("2026-11-01 at noon", "2026-11-01 at noon"),
    (MICROSECONDS, "+056224-12-21T09:55:23.000Z"),
    (1_712_121_530, "1712121530"),
    ([NOON, DatetimeMS(10**15)], '["2026-11-01T12:00:00.000Z","+033658-09-27T01:46:40.000Z"]'),
    ({"$day": 1}, '{"$day":1}'),
    (None, None),
]


def exported(insights: Insights, kind: str, file_format: str, *options: str) -> list[Document]:
    """Export all of a kind; return the rows."""
    result = insights("export", kind, "--out", f"a.{file_format}", *options)
    assert result.exit_code == 0, result.stderr
    return READERS[file_format](insights.folder / f"a.{file_format}")


@pytest.mark.parametrize("columns_format", ["csv", "parquet"])
@pytest.mark.parametrize("options", [(), ("--flatten",)])
@pytest.mark.parametrize("with_a_date", [True, False])
def test_whatever_the_timestamp_is_the_row_is_there(
    insights: Insights,
    empty_database: Database[Document],
    columns_format: str,
    options: tuple[str, ...],
    with_a_date: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    given = [*TIMESTAMPS, *([(NOON, iso(NOON))] if with_a_date else [])]
    empty_database.analytics.insert_many(
        an_event(NOON, details={"a": 1}) | {"timestamp": value} for value, _ in given
    )

    found = exported(insights, "events", columns_format, *options)

    # A spreadsheet would take the plus for that of a formula.
    shown = [str(each.get("timestamp")).removeprefix("'") for each in found]
    assert sorted(shown) == sorted(str(text) for _, text in given)


@pytest.mark.parametrize("kind", ["feedback", "events"])
def test_a_far_date_has_a_year_of_six_digits(
    insights: Insights, empty_database: Database[Document], kind: str, file_format: str
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON) | {"timestamp": MICROSECONDS})
    empty_database.analytics.insert_one(an_event(NOON) | {"timestamp": MICROSECONDS})

    [found] = exported(insights, kind, file_format)

    assert found["timestamp"].removeprefix("'") == "+056224-12-21T09:55:23.000Z"


@pytest.mark.parametrize("options", [(), ("--flatten",)])
def test_events_without_any_timestamp_are_exported(
    insights: Insights,
    empty_database: Database[Document],
    file_format: str,
    options: tuple[str, ...],
) -> None:
    empty_database.analytics.insert_many(
        [{"user_id": f"u{number}", "event_type": "view"} for number in range(3)]
    )

    found = exported(insights, "events", file_format, *options)

    assert sorted(each["user_id"] for each in found) == ["u0", "u1", "u2"]


def test_fields_that_only_some_documents_have_are_columns_after_the_known_ones(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON),
            a_feedback(NOON + MINUTE) | {"session_id": OID, "model": "gpt-4o", "=1": "=2"},
            a_feedback(NOON + 2 * MINUTE) | {"session_id": 7, "model": None, "a.b": {"c": [1]}},
        ]
    )

    exported(insights, "feedback", "csv")

    with (insights.folder / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    known = ["message_id", "user_id", "rating", "comment", "reasons", "timestamp"]
    assert rows[0] == [*known, '"=1"', '"a.b"', "model", "session_id"]
    assert [row[len(known) :] for row in rows[1:]] == [
        ["", "", "", ""],
        ["'=2", "", "gpt-4o", str(OID)],
        ["", '{"c":[1]}', "", "7"],
    ]


@pytest.mark.parametrize(
    ("reasons", "in_json"),
    [
        ("=wrong", "=wrong"),
        (-1, -1),
        ([], []),
        (["wrong", 7, None, OID], ["wrong", 7, None, str(OID)]),
        ({"wrong": [True]}, {"wrong": [True]}),
        (float("nan"), "NaN"),
        (MICROSECONDS, "+056224-12-21T09:55:23.000Z"),
    ],
)
def test_reasons_of_any_type_are_json(
    insights: Insights,
    empty_database: Database[Document],
    file_format: str,
    reasons: Any,
    in_json: Any,
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON) | {"reasons": reasons})

    [found] = exported(insights, "feedback", file_format)

    assert found["reasons"] == in_json


def test_json_lines_have_every_field(
    insights: Insights, empty_database: Database[Document]
) -> None:
    others: Document = {"session_id": 7, "model": {"name": "gpt-4o"}, "a.b": None}
    empty_database.feedback.insert_one(a_feedback(NOON) | others)
    empty_database.analytics.insert_one(an_event(NOON) | others)

    for kind in ("feedback", "events"):
        [found] = exported(insights, kind, "jsonl")
        assert {name: found[name] for name in others} == others


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", 7, OID], ["a", "7", str(OID)]),
        ([7, 8], [7, 8]),
        ([True, 7], ["true", "7"]),
        ([NOON, None], [NOON]),
        ([NOON, MICROSECONDS], [iso(NOON), "+056224-12-21T09:55:23.000Z"]),
        (["a", ["b"]], ['"a"', '["b"]']),
    ],
)
def test_columns_of_other_fields_have_the_type_of_their_values(
    insights: Insights, empty_database: Database[Document], values: list[Any], expected: list[Any]
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON + number * MINUTE) | {"other": value} for number, value in enumerate(values)
    )

    exported(insights, "events", "parquet")

    found = parquet.read_table(insights.folder / "a.parquet")["other"].to_pylist()
    assert [each for each in found if each is not None] == expected


def test_a_field_named_like_a_path_is_another_column(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    empty_database.analytics.insert_one(
        an_event(NOON, details={"page": "in details"}) | {"details.page": "beside them"}
    )

    [found] = exported(insights, "events", file_format, "--flatten")

    assert found["details.page"] == "in details"
    assert found['"details.page"'] == "beside them"


@pytest.mark.parametrize("columns_format", ["csv", "parquet"])
@pytest.mark.parametrize("details", [None, "a text", ["a", 1]])
def test_details_that_are_no_object_are_a_column(
    insights: Insights, empty_database: Database[Document], columns_format: str, details: Any
) -> None:
    empty_database.analytics.insert_many(
        [an_event(NOON) | {"details": details}, an_event(NOON + MINUTE, details={"page": "/a"})]
    )

    insights("export", "events", "--flatten", "--out", f"a.{columns_format}")

    names = (
        parquet.read_schema(insights.folder / "a.parquet").names
        if columns_format == "parquet"
        else (insights.folder / "a.csv").read_text("utf-8").splitlines()[0].split(",")
    )
    assert names[3:5] == ["details", "details.page"]


@pytest.mark.parametrize("columns_format", ["csv", "parquet"])
def test_more_than_a_thousand_other_fields_share_a_column(
    insights: Insights, empty_database: Database[Document], columns_format: str
) -> None:
    fields = {f"field {number:04}": number for number in range(1200)}
    empty_database.feedback.insert_one(a_feedback(NOON) | fields)

    insights("export", "feedback", "--out", f"a.{columns_format}")

    [row] = READERS[columns_format](insights.folder / f"a.{columns_format}")
    assert sum(name.startswith("field ") for name in row) == 1000
    assert row["other_fields"].count("field ") == 200


def test_a_byte_order_mark_begins_csv_where_it_is_asked_for(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, comment="größer"))

    exported(insights, "feedback", "csv")
    plain = (insights.folder / "a.csv").read_bytes()
    exported(insights, "feedback", "csv", "--bom")

    assert (insights.folder / "a.csv").read_bytes() == b"\xef\xbb\xbf" + plain


@pytest.mark.parametrize("other_format", ["jsonl", "parquet"])
def test_a_byte_order_mark_is_for_csv(insights: Insights, other_format: str) -> None:
    result = insights("export", "feedback", "--bom", "--out", f"a.{other_format}")

    assert (result.exit_code, result.stderr) == (2, "insights: --bom is for CSV\n")
    assert list(insights.folder.iterdir()) == []
