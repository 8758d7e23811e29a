"""`insights export`: what it writes, read back by csv, json and pyarrow."""

import csv
import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from bson import ObjectId
from pyarrow import parquet
from pymongo.database import Database

from insights.exports import formats, parquet_files
from insights.exports.sources import Source
from insights.kinds import Field
from tests.conftest import Document
from tests.insights_cli import Insights, a_feedback, an_event, plan_of
from tests.support.dialects import Dialect

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

Reader = Callable[[Path], list[Document]]


def read_json_lines(path: Path) -> list[Document]:
    """Return the objects in a file of JSON lines."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def read_csv(path: Path) -> list[Document]:
    """Return the rows of a CSV file, without empty cells, and with their details parsed."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    found = [{name: cell for name, cell in row.items() if cell} for row in rows]
    return [parse_details(row) for row in found]


def read_parquet(path: Path) -> list[Document]:
    """Return the rows of a Parquet file, without nulls, and with their details parsed."""
    rows = parquet.read_table(path).to_pylist()
    found = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return [parse_details(with_iso_times(row)) for row in found]


def parse_details(row: Document) -> Document:
    """Return a row with the object that its column details is the JSON of."""
    return row | {"details": json.loads(row["details"])} if "details" in row else row


def with_iso_times(row: Document) -> Document:
    """Return a row with its times as text."""
    return {
        name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()
    }


def iso(time: datetime) -> str:
    """Return a time as exports write it."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z".rjust(24, "0")


READERS: dict[str, Reader] = {
    "csv": read_csv,
    "jsonl": read_json_lines,
    "parquet": read_parquet,
}


@pytest.fixture(params=READERS)
def file_format(request: pytest.FixtureRequest) -> str:
    """Return each format."""
    name: str = request.param
    return name


def nested(levels: int) -> Document:
    """Return an object with so many objects within each other."""
    details: Document = {}
    for _ in range(levels - 1):
        details = {"inner": details}
    return details


DIFFICULT: list[Document] = [
    {},
    {"largest": 2**63 - 1, "smallest": -(2**63), "beyond a double": 2**53 + 1},
    {"tiny": 5e-324, "huge": 1.7976931348623157e308, "third": 1 / 3, "whole": 1e16, "none": -0.0},
    {"null": None, "true": True, "false": False, "empty": [{}, [], "", None]},
    {"Größe": "größer 👍🏽 \u2028 \u202e", "\U0001f600": "\x00\x01\x1b\x7f\t\r\n", "": "empty key"},
    {"quotes": '"it\'s" ,;\\', "lines": "a\r\nb\rc\nd", "formula": "=1+1"},
    {"a.b": {"c": 1}, "a": {"b.c": 2, "b": {"c": 3}}, '"a.b"': 4, "$set": {"$inc": 1}},
    {
        "one": {"$ref": "x", "$id": 1},
        "two": [{"$ref": "x", "$id": {"$ref": "y", "$id": 2}, "z": 3}],
    },
    {"odd": {"$ref": 1, "$id": 2}, "id": {"$oid": "x"}, "date": {"$date": 5}},
    nested(178),
    {"long": "x" * 30_000, "many": list(range(1000))},
]


def some_value(chance: random.Random, depth: int = 0) -> Any:
    """Return some value that JSON has."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.randint(-(2**63), 2**63 - 1),
        lambda: chance.randint(-9, 9),
        lambda: chance.uniform(-1, 1) * 10.0 ** chance.randint(-300, 300),
        lambda: some_text(chance),
        lambda: [some_value(chance, depth + 1) for _ in range(chance.randint(0, 3))],
        lambda: some_object(chance, depth + 1),
    ]
    return chance.choice(makers[: None if depth < 5 else -2])()


def some_text(chance: random.Random) -> str:
    """Return some text of Unicode, often of characters that mean something to a format."""
    alphabet = [".", '"', "'", ",", "\r", "\n", "\0", "$", "=", "ä", "漢", "😀", " ", "a", "b"]
    return "".join(chance.choices(alphabet, k=chance.randint(0, 6)))


def some_object(chance: random.Random, depth: int = 0) -> Document:
    """Return some object. BSON takes no NUL in a key."""
    keys = [some_text(chance).replace("\0", "") for _ in range(chance.randint(0, 4))]
    return {key: some_value(chance, depth) for key in keys}


def difficult_events() -> Iterator[Document]:
    """Yield events that hold all that the function stores, oldest first."""
    chance = random.Random(5)  # noqa: S311 (the same variety in every run)
    various = [some_object(chance) for _ in range(500)]
    for number, details in enumerate(DIFFICULT + various):
        yield {
            "_id": ObjectId() if number % 2 else UUID(int=chance.getrandbits(128), version=4),
            "user_id": f"user, {number}",
            "event_type": 'the "Größe" of\r\nit',
            "details": details,
            "timestamp": NOON + timedelta(milliseconds=number),
        }


def exported(document: Document) -> Document:
    """Return a document as it should come back from an export."""
    kept = {name: value for name, value in document.items() if not isinstance(value, datetime)}
    times = {name: iso(value) for name, value in document.items() if isinstance(value, datetime)}
    return kept | times | ({"_id": str(document["_id"])} if "_id" in document else {})


def test_events_come_back_as_they_were_stored(
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
def test_the_time_when_something_occurred_may_be_any(
    insights: Insights, empty_database: Database[Document], file_format: str, year: int
) -> None:
    occurred_at = datetime(year, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
    empty_database.analytics.insert_one(an_event(NOON, occurred_at=occurred_at.isoformat()))

    assert insights("export", "events", "--out", f"a.{file_format}").exit_code == 0

    [found] = READERS[file_format](insights.folder / f"a.{file_format}")
    assert found["occurred_at"] == f"{year:04}-02-03T04:05:06.789Z"


def test_feedback_comes_back_as_it_was_stored(
    insights: Insights, empty_database: Database[Document], file_format: str
) -> None:
    comment = 'Very "good",\r\nthank you 👍🏽\ttruly\x1b[0m'
    feedback = [
        a_feedback(NOON, rating="👍", comment=comment),
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


def test_a_csv_file_is_as_rfc_4180_says(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, message_id="m1", rating="5"),
            a_feedback(NOON + MINUTE, message_id="m,2", comment='"So\nso",\r\nhe said; twice'),
        ]
    )

    insights("export", "feedback", "--out", "a.csv")

    assert (insights.folder / "a.csv").read_bytes() == (
        b"message_id,user_id,rating,comment,timestamp\r\n"
        b"m1,u1,5,,2026-11-01T12:00:00.000Z\r\n"
        b'"m,2",u1,up,"""So\nso"",\r\nhe said; twice",2026-11-01T12:01:00.000Z\r\n'
    )


def test_json_lines_lack_what_the_document_lacks(
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
def test_a_cell_that_would_run_as_a_formula_begins_with_an_apostrophe(
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
def test_a_cell_that_is_no_formula_stays_as_it_is(
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


def test_a_field_with_another_type_than_the_functions_store_is_text_in_csv(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON) | {"rating": 5})

    insights("export", "feedback", "--out", "a.csv")

    assert read_csv(insights.folder / "a.csv")[0]["rating"] == "5"


def test_a_field_with_another_type_than_the_functions_store_is_refused_in_parquet(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON) | {"rating": 5})

    result = insights("export", "feedback", "--out", "a.parquet")

    assert result.exit_code == 1
    assert result.stderr == (
        "insights: rating has a value that is not of the type text: --format jsonl takes any\n"
    )
    assert list(insights.folder.iterdir()) == []


def test_is_oldest_first_by_the_index(
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
    assert set(plans) == {"IXSCAN { timestamp: 1, event_type: 1, user_id: 1 }"}


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


def test_a_parquet_file_has_row_groups_of_a_bounded_size(
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


# --flatten


def test_flattened_details_are_columns_by_name(
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
def test_flattened_columns_of_parquet_have_the_type_of_their_values(
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
    # Each event has one value; where two had one name, there would be fewer columns than paths.
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
    """Return how many columns of a row are details."""
    return sum(name.startswith("details.") for name in row)


def count_values(event: Document) -> int:
    """Return how many values are in the details of an event; an array or `{}` is one."""
    if not event["details"]:
        return 0
    objects, values = [event["details"]], 0
    for each in objects:
        inner = [value for value in each.values() if isinstance(value, dict) and value]
        objects += inner
        values += len(each) - len(inner)
    return values


@pytest.mark.parametrize("flat_format", ["csv", "parquet"])
def test_a_thousand_columns_are_too_many(
    insights: Insights, empty_database: Database[Document], flat_format: str
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON, details={f"{half}-{number}": 1 for number in range(500)}) for half in "ab"
    )
    arguments = ("export", "events", "--flatten", "--out", f"a.{flat_format}")
    assert insights(*arguments).exit_code == 0
    (insights.folder / f"a.{flat_format}").unlink()
    empty_database.analytics.insert_one(an_event(NOON, details={"c": 1}))

    result = insights(*arguments)

    assert result.exit_code == 2
    assert result.stderr == (
        "insights: details have more than 1,000 different keys: "
        "export fewer events, or without --flatten, or --format jsonl\n"
    )
    assert list(insights.folder.iterdir()) == []


@pytest.fixture
def arrive_meanwhile(
    empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Document], None]:
    """Return a function that lets an event arrive as soon as the columns are found."""

    def arrive(event: Document) -> None:
        found = formats.find_columns

        def then_arrive(source: Source, watch: formats.Watch) -> list[Field]:
            columns = found(source, watch)
            empty_database.analytics.insert_one(event)
            return columns

        monkeypatch.setattr(formats, "find_columns", then_arrive)

    return arrive


@pytest.mark.parametrize("flat_format", ["csv", "parquet"])
def test_events_that_arrive_after_the_columns_were_found_are_left_out(
    insights: Insights,
    empty_database: Database[Document],
    arrive_meanwhile: Callable[[Document], None],
    flat_format: str,
) -> None:
    empty_database.analytics.insert_one(an_event(NOON, details={"a": 1}))
    arrive_meanwhile(an_event(NOON + MINUTE, details={"b": 2}))

    result = insights("export", "events", "--flatten", "--out", f"a.{flat_format}")

    assert result.stderr == f"1 event exported to a.{flat_format}\n"


def test_late_events_with_other_details_stop_a_flattened_export(
    insights: Insights,
    empty_database: Database[Document],
    arrive_meanwhile: Callable[[Document], None],
) -> None:
    empty_database.analytics.insert_one(an_event(NOON, details={"a": 1}))
    arrive_meanwhile(an_event(NOON - MINUTE, details={"b": 2}))

    result = insights("export", "events", "--flatten", "--out", "a.csv")

    assert (result.exit_code, result.stderr) == (
        1,
        "insights: events with other details arrived during the export: run it again\n",
    )
    assert list(insights.folder.iterdir()) == []
