"""`insights export`: its files, read back by csv, json and pyarrow."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from bson import Decimal128, ObjectId
from pyarrow import parquet
from pymongo.database import Database

from insights.exports import parquet_files
from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.exports import READERS, difficult_events, iso, read_csv
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)


def exported(document: Document) -> Document:
    """Return a document as an export should return it."""
    kept = {name: value for name, value in document.items() if not isinstance(value, datetime)}
    times = {name: iso(value) for name, value in document.items() if isinstance(value, datetime)}
    return kept | times | ({"_id": str(document["_id"])} if "_id" in document else {})


def test_events_come_back_unchanged(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    events = list(difficult_events())
    empty_database.analytics.insert_many(events)

    result = insights("export", "events", "--out", f"events.{file_format}")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"511 events exported to events.{file_format}\n"
    found = READERS[file_format](insights.folder / f"events.{file_format}")
    assert [json.dumps(each, sort_keys=True) for each in found] == [
        json.dumps(exported(event), sort_keys=True) for event in events
    ]


@pytest.mark.parametrize("year", [1, 1582, 1969, 9999])
def test_occurred_at_may_be_any_time(
    insights: Insights, empty_database: Database[Document], file_format: str, year: int
) -> None:
    occurred_at = datetime(year, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
    empty_database.analytics.insert_one(an_event(NOON, occurred_at=occurred_at.isoformat()))

    assert insights("export", "events", "--out", f"a.{file_format}").exit_code == 0

    [found] = READERS[file_format](insights.folder / f"a.{file_format}")
    assert found["occurred_at"] == f"{year:04}-02-03T04:05:06.789Z"


def test_feedback_comes_back_unchanged(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    comment = 'Very "good",\r\nthank you 👍🏽\ttruly\x1b[0m'
    feedback = [
        a_feedback(NOON, rating="👍", comment=comment, reasons=["=1", '"a", b', "ü\n"]),
        a_feedback(NOON + MINUTE, rating="up", user_id="ü" * 200),
    ]
    empty_database.feedback.insert_many(feedback)

    result = insights("export", "feedback", "--out", f"feedback.{file_format}")

    assert result.stderr == f"2 feedback exported to feedback.{file_format}\n"
    found = READERS[file_format](insights.folder / f"feedback.{file_format}")
    assert found == [
        {name: value for name, value in exported(each).items() if name != "_id"}
        for each in feedback
    ]


def test_a_csv_file_follows_rfc_4180(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, message_id="m1", rating="5", reasons=["wrong", "outdated"]),
            a_feedback(NOON + MINUTE, message_id="m,2", comment='"So\nso",\r\nhe said; twice'),
        ]
    )

    insights("export", "feedback", "--out", "a.csv")

    assert (insights.folder / "a.csv").read_bytes() == (
        b"message_id,user_id,rating,comment,reasons,timestamp\r\n"
        b'm1,u1,5,,"[""wrong"",""outdated""]",2026-11-01T12:00:00.000Z\r\n'
        b'"m,2",u1,up,"""So\nso"",\r\nhe said; twice",,2026-11-01T12:01:00.000Z\r\n'
    )


def test_json_lines_leave_absent_fields_out(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_one(
        an_event(NOON, event_id="018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e", details={"page": "/ä"})
    )

    insights("export", "events", "--out", "a.ndjson")

    assert (insights.folder / "a.ndjson").read_text(encoding="utf-8") == (
        '{"_id":"018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e","user_id":"u1","event_type":"page_view",'
        '"details":{"page":"/ä"},"timestamp":"2026-11-01T12:00:00.000Z"}\n'
    )


def test_parquet_has_types(insights: Insights, empty_database: Database[Document]) -> None:
    empty_database.analytics.insert_one(an_event(NOON))

    insights("export", "events", "--out", "a.parquet")

    time = pa.timestamp("ms", tz="UTC")
    assert parquet.read_schema(insights.folder / "a.parquet") == pa.schema(
        [
            ("_id", pa.string()),
            ("user_id", pa.string()),
            ("event_type", pa.string()),
            ("details", pa.string()),
            ("timestamp", time),
            ("occurred_at", time),
        ]
    )


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1+1",
        "\ttext",
        "\rtext",
        "\ntext",
        "  =1+1",
        "\u00a0=1+1",
        "\u3000=1+1",
        "\ufeff=1+1",
        "\u200b=1+1",
        "\x01=1+1",
        "\N{FULLWIDTH EQUALS SIGN}1+1",
        "\N{FULLWIDTH PLUS SIGN}1",
        "\N{FULLWIDTH HYPHEN-MINUS}1",
        "\N{FULLWIDTH COMMERCIAL AT}SUM(A1)",
        "-1\n=1+1",
        "+1 ",
        "-",
        "--1",
        "-1e",
        "-\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_a_cell_that_looks_like_a_formula_gets_an_apostrophe(
    insights: Insights, empty_database: Database[Document], text: str
) -> None:
    empty_database.feedback.insert_one(
        a_feedback(NOON, message_id=text, user_id=text, rating=text, comment=text)
    )
    empty_database.analytics.insert_one(
        an_event(NOON, user_id=text, event_type=text, details={text: text, "nested": {"a": text}})
    )

    insights("export", "feedback", "--out", "feedback.csv")
    insights("export", "events", "--flatten", "--out", "events.csv")

    [feedback] = read_csv(insights.folder / "feedback.csv")
    del feedback["timestamp"]
    assert set(feedback.values()) == {f"'{text}"}
    [event] = read_csv(insights.folder / "events.csv")
    del event["_id"], event["timestamp"]
    assert set(event.values()) == {f"'{text}"}
    assert all(name[0].isalpha() for name in event)


@pytest.mark.parametrize(
    "text", ["-1", "+1", "+1.5", "-0.25e-7", "1=1", "a@b", "'=1", "👎", "5", " 5", "_=1"]
)
def test_other_cells_are_unchanged(
    insights: Insights, empty_database: Database[Document], text: str
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, rating=text, comment=text))

    insights("export", "feedback", "--out", "a.csv")

    [feedback] = read_csv(insights.folder / "a.csv")
    assert (feedback["rating"], feedback["comment"]) == (text, text)


def test_nul_becomes_the_replacement_character_in_csv(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, comment="a\0b\x01\x1b"))

    insights("export", "feedback", "--out", "a.csv")

    [feedback] = read_csv(insights.folder / "a.csv")
    assert feedback["comment"] == "a\N{REPLACEMENT CHARACTER}b\x01\x1b"


@pytest.mark.parametrize("columns_format", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, "5"),
        (4.5, "4.5"),
        (True, "true"),
        (ObjectId("5f5e10000000000000000001"), "5f5e10000000000000000001"),
        (Decimal128("4.50"), "4.50"),
        (["a", 1], '["a",1]'),
        ({"a": None}, '{"a":null}'),
    ],
)
def test_a_field_with_another_type_than_the_functions_store_is_text_in_columns(
    insights: Insights,
    empty_database: Database[Document],
    columns_format: str,
    value: Any,
    expected: str,
) -> None:
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, user_id="u1"),
            a_feedback(NOON + MINUTE) | {"rating": value, "user_id": value},
        ]
    )

    assert insights("export", "feedback", "--out", f"a.{columns_format}").exit_code == 0

    found = READERS[columns_format](insights.folder / f"a.{columns_format}")
    assert [(each["rating"], each["user_id"]) for each in found] == [
        ("up", "u1"),
        (expected, expected),
    ]


def test_is_oldest_first_through_the_index(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    insights("setup")
    moments = [NOON + number * MINUTE for number in range(2500)]
    shuffled = random.Random(1).sample(moments, len(moments))  # noqa: S311 (as above)
    empty_database.analytics.insert_many(an_event(time) for time in shuffled)

    with plan_of(empty_database, "analytics") as plans:
        insights("export", "events", "--out", f"a.{file_format}")

    found = READERS[file_format](insights.folder / f"a.{file_format}")
    assert [each["timestamp"] for each in found] == [iso(time) for time in moments]
    # Others, before it, look for columns.
    assert plans[-1] == "IXSCAN { timestamp: 1, event_type: 1, user_id: 1 }"


def test_a_filter_selects(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    empty_database.analytics.insert_many(
        [
            an_event(NOON, user_id="u1", details={"page": "/a"}),
            an_event(NOON, user_id="u2", details={"page": "/a"}),
            an_event(NOON, user_id="u1", details={"page": "/b"}),
            an_event(NOON - MINUTE, user_id="u1", details={"page": "/a"}),
        ]
    )

    result = insights(
        *("export", "events", "--out", f"a.{file_format}", "--user", "u1"),
        *("--where", "details.page=/a", "--since", "2026-11-01T12:00:00Z"),
    )

    assert result.stderr == f"1 event exported to a.{file_format}\n"
    [found] = READERS[file_format](insights.folder / f"a.{file_format}")
    assert (found["user_id"], found["details"]) == ("u1", {"page": "/a"})


@pytest.mark.parametrize(
    "arguments",
    [
        ("feedback", "--event-type", "a"),
        ("events", "--rating", "up"),
        ("events", "--where", "page=/a"),
        ("events", "--since", "yesterday"),
        ("feedback", "--flatten"),
        ("clicks",),
        ("events", "--format", "xlsx"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    insights: Insights, arguments: tuple[str, ...]
) -> None:
    result = insights("export", *arguments, "--out", "a.csv")

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert list(insights.folder.iterdir()) == []


def test_a_parquet_file_has_bounded_row_groups(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_files, "GROUP_BYTES", 200_000)
    events = [an_event(NOON + number * MINUTE) for number in range(5500)]
    empty_database.analytics.insert_many(events)

    insights("export", "events", "--out", "a.parquet")

    with parquet.ParquetFile(insights.folder / "a.parquet") as file:
        sizes = [file.metadata.row_group(each).num_rows for each in range(file.num_row_groups)]
        ids = file.read(["_id"])["_id"].to_pylist()
    assert len(sizes) > 1
    assert max(sizes) <= 3000
    assert ids == [str(event["_id"]) for event in events]
