"""Each field of the models is known to exports, filters, lists, `tail` and the documentation."""

import csv
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pyarrow import parquet
from pymongo.database import Database

from insights.arrivals.changes import Change
from insights.commands.tail import to_lines
from insights.kinds import Field, Kind, Type, fields_of
from shared_code.models import Feedback
from tests.support.documents import Document
from tests.support.insights_cli import Insights
from tests.support.project import ROOT

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)

EVENT_ID = "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"
VALUES: dict[Type, Any] = {
    Type.TIME: "2026-01-31T09:30:00Z",
    Type.BOOLEAN: True,
    Type.INTEGER: 4211,
    Type.NUMBER: 42.5,
    Type.LIST: ["the-first", "the-second"],
    Type.JSON: {"page": "/the-page"},
}

FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TABLE = re.compile(r"^\| field \|.*\n\|[ -|]+\|\n((?:\|.*\n)+)", re.MULTILINE)

each_kind = pytest.mark.parametrize("kind", Kind)
each_field = pytest.mark.parametrize(
    ("kind", "field"),
    [pytest.param(kind, each, id=each.name) for kind in Kind for each in kind.fields],
)


def text_of(field: Field) -> str:
    """Return a text that no other field has."""
    return EVENT_ID if field.name == "_id" else f"the-{field.name}"


def sent(kind: Kind) -> Document:
    """Return a body with every field of the model."""
    values = {each.name: VALUES.get(each.type, text_of(each)) for each in kind.fields}
    del values["timestamp"]
    if "_id" in values:
        values["event_id"] = values.pop("_id")
    return values


def stored(kind: Kind) -> Document:
    """Return the document of a body with every field."""
    return kind.model.model_validate(sent(kind)).to_document(NOW)


def shown(field: Field) -> str:
    """Return a field's text in a line of output."""
    match field.type:
        case Type.LIST:
            return "[the-first, the-second]"
        case Type.JSON:
            return "the-page"
        case _:
            return str(VALUES.get(field.type, text_of(field)))


@pytest.fixture
def one_of_each(empty_database: Database[Document]) -> Database[Document]:
    """Return a database with one complete document of each kind."""
    for kind in Kind:
        empty_database[kind.collection].insert_one(stored(kind))
    return empty_database


@each_kind
def test_fields_match_the_model_and_the_document(kind: Kind) -> None:
    names = {field.name for field in kind.fields}

    assert sent(kind).keys() == kind.model.model_fields.keys()
    assert names == stored(kind).keys() - ({"_id"} if kind is Kind.FEEDBACK else set())


@each_field
def test_types_match_the_document(kind: Kind, field: Field) -> None:
    expected: dict[Type, type] = {
        Type.TEXT: bytes if field.name == "_id" else str,
        Type.TIME: datetime,
        Type.BOOLEAN: bool,
        Type.INTEGER: int,
        Type.NUMBER: float,
        Type.LIST: list,
        Type.JSON: dict,
    }

    assert isinstance(stored(kind)[field.name], expected[field.type])


def test_a_new_field_of_a_model_is_a_field_of_the_kind() -> None:
    class LongerFeedback(Feedback):
        """A feedback with a field of each type."""

        reason: str | None = None
        at: datetime | None = None
        sure: bool | None = None
        number: int | None = None
        share: float | None = None
        topics: list[str] | None = None
        more: dict[str, Any] | None = None

    assert {field.name: field.type for field in fields_of(LongerFeedback)[-10:]} == {
        "comment": Type.TEXT,
        "reasons": Type.LIST,
        "reason": Type.TEXT,
        "sure": Type.BOOLEAN,
        "number": Type.INTEGER,
        "share": Type.NUMBER,
        "topics": Type.LIST,
        "more": Type.JSON,
        "timestamp": Type.TIME,
        "at": Type.TIME,
    }


@each_kind
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.usefixtures("one_of_each")
def test_exports_have_each_field(insights: Insights, kind: Kind, suffix: str) -> None:
    file = insights.folder / f"export.{suffix}"
    assert insights("export", kind, "--out", file.name).exit_code == 0

    match suffix:
        case "csv":
            names = next(csv.reader(file.read_text().splitlines()))
        case "parquet":
            names = parquet.read_schema(file).names
        case _:
            names = list(insights("export", kind, "--format", "jsonl", "--out", "-").lines[0])
    assert sorted(names) == sorted(field.name for field in kind.fields)


def condition(field: Field) -> tuple[str, str]:
    """Return the left side and the value of a condition on a field."""
    if field.type is Type.JSON:
        return f"{field.name}.page", "/the-page"
    if field.type is Type.LIST:
        return field.name, "the-second"
    if field.name == "timestamp":
        return field.name, NOW.isoformat()
    value = VALUES.get(field.type, text_of(field))
    return field.name, value if isinstance(value, str) else json.dumps(value)


@each_field
@pytest.mark.usefixtures("one_of_each")
def test_filters_know_each_field(insights: Insights, kind: Kind, field: Field) -> None:
    found = insights(kind, "--where", "=".join(condition(field)))
    others = insights(kind, "--where", "!=".join(condition(field)))

    # An _id has one of several types.
    expected = (2, 2) if field.name == "_id" else (0, 5)
    assert (found.exit_code, others.exit_code) == expected


@each_kind
@pytest.mark.usefixtures("one_of_each")
def test_lists_in_json_have_each_field(insights: Insights, kind: Kind) -> None:
    [document] = insights(kind, "--json").lines

    assert document.keys() == {field.name for field in kind.fields}


@each_field
@pytest.mark.usefixtures("one_of_each")
def test_lists_and_tail_show_each_field(insights: Insights, kind: Kind, field: Field) -> None:
    listed = insights(kind).stdout
    tailed = to_lines(Change(kind, stored(kind), updated=False))[0].plain

    if field.name == "timestamp":
        assert "2026-11-01 12:00" in listed
        assert "12:00:00" in tailed
    else:
        # Generated ids and the client's clock are only in --json.
        is_shown = field.name != "_id" and field.type is not Type.TIME
        assert (shown(field) in listed) is is_shown
        assert (shown(field) in tailed) is is_shown


@each_kind
def test_the_docs_have_each_field_in_a_table(kind: Kind) -> None:
    tables = [
        re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)
        for file in FILES
        for rows in TABLE.findall(file.read_text("utf-8"))
    ]

    assert list(kind.model.model_fields) in tables
