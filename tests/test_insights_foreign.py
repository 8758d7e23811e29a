"""Documents that other programs stored, in lists and exports: read as they are, and never dropped.

`test_insights_foreign_figures.py` has what the figures make of them.
"""

from typing import Any

import bson
import pytest
from bson import ObjectId
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from insights.arrivals.changes import Change
from insights.commands.tail import to_lines
from insights.kinds import Kind
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

# A time in microseconds that was stored as one in milliseconds, and one before the year 1.
MICROSECONDS = DatetimeMS(1_712_121_530_123_000)
BEFORE_CHRIST = DatetimeMS(-62_198_755_200_001)
OID = ObjectId("5f5e10000000000000000001")


@pytest.mark.parametrize(
    ("timestamp", "shown", "in_json"),
    [
        (MICROSECONDS, "+056224-12-21 09:55", "+056224-12-21T09:55:23.000Z"),
        (BEFORE_CHRIST, "-000002-12-31 23:59", "-000002-12-31T23:59:59.999Z"),
        (DatetimeMS(253_402_300_800_000), "+010000-01-01 00:00", "+010000-01-01T00:00:00.000Z"),
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z"),
        (1_712_121_530_123, "1712121530123", 1_712_121_530_123),
        ([NOON, "x"], '["2026-11-01T12:00:00.000Z", "x"]', ["2026-11-01T12:00:00.000Z", "x"]),
        ({"day": 1}, '{"day": 1}', {"day": 1}),
        (None, "", None),
    ],
)
@pytest.mark.parametrize(
    ("kind", "collection"), [("feedback", "feedback"), ("events", "analytics")]
)
def test_lists_show_any_timestamp_as_it_is(
    insights: Insights,
    empty_database: Database[Document],
    kind: str,
    collection: str,
    timestamp: Any,
    shown: str,
    in_json: Any,
) -> None:
    document = a_feedback(NOON) if kind == "feedback" else an_event(NOON)
    empty_database[collection].insert_one(document | {"timestamp": timestamp})

    table, json_lines = insights(kind), insights(kind, "--json")

    assert (table.exit_code, json_lines.exit_code) == (0, 0)
    assert table.stdout.splitlines()[1].startswith(shown + "  ")
    assert json_lines.lines[0]["timestamp"] == in_json


def test_lists_show_a_feedback_without_any_other_known_field_than_a_rating(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one({"_id": OID, "rating": False, "stars": 5})

    table, json_lines = insights("feedback"), insights("feedback", "--json")

    assert (table.exit_code, len(table.stdout.splitlines())) == (0, 2)
    assert json_lines.lines == [{"rating": False, "stars": 5}]


def test_lists_show_ids_and_ratings_of_any_type(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(
        {"_id": OID, "timestamp": NOON, "user_id": OID, "message_id": 7, "rating": ""}
        | {"comment": ["a", {"b": True}]}
    )

    result = insights("feedback")

    assert result.stdout.splitlines()[1].split("  ") == [
        *("2026-11-01 12:00", "", "", "", "", str(OID), "7", "", "", "", '["a", {"b": true}]')
    ]


@pytest.mark.parametrize(
    ("reasons", "shown"),
    [
        ("wrong", "[wrong] Slow."),
        (7, "[7] Slow."),
        (["wrong", 7, None, OID, NOON], f"[wrong, 7, , {OID}, 2026-11-01T12:00:00.000Z] Slow."),
        ([["a"], {"b": True}], '[["a"], {"b": true}] Slow.'),
        ({"a": MICROSECONDS}, '[{"a": "+056224-12-21T09:55:23.000Z"}] Slow.'),
        (float("nan"), "[NaN] Slow."),
        ([], "Slow."),
        (None, "Slow."),
    ],
)
def test_lists_and_tail_show_reasons_of_any_type(
    insights: Insights, empty_database: Database[Document], reasons: Any, shown: str
) -> None:
    document = a_feedback(NOON, message_id="m1", comment="Slow.") | {"reasons": reasons}
    empty_database.feedback.insert_one(document)

    [_, listed] = insights("feedback").stdout.splitlines()
    tailed = to_lines(Change(Kind.FEEDBACK, document, updated=False))[0].plain

    assert listed.endswith(f"  {shown}")
    assert tailed == "12:00:00 feedback u1 m1 up " + shown.replace("Slow.", '"Slow."')


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (MICROSECONDS, "+056224-12-21T09:55:23.000Z"),
    ],
)
def test_json_lists_are_json_whatever_is_stored(
    insights: Insights, empty_database: Database[Document], value: Any, expected: str
) -> None:
    empty_database.analytics.insert_one(an_event(NOON) | {"details": {"value": value}})

    [event] = insights("events", "--json").lines

    assert event["details"] == {"value": expected}


@pytest.mark.parametrize("arguments", [("feedback", "--json"), ("export", "feedback")])
def test_a_text_that_is_not_utf_8_is_read_with_replacement_characters(
    insights: Insights, empty_database: Database[Document], arguments: tuple[str, ...]
) -> None:
    latin_1 = bson.encode(a_feedback(NOON, comment="caf?")).replace(b"caf?", b"caf\xe9")
    empty_database.command("insert", "feedback", documents=[RawBSONDocument(latin_1)])
    options = () if "--json" in arguments else ("--out", "-", "--format", "jsonl")

    [found] = insights(*arguments, *options).lines

    assert found["comment"] == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        (MICROSECONDS, "+056224-12-21T09:55:23.000Z"),
        ("2024-05-06", "no date "),
        ([NOON], "no date "),
        (None, "no date "),
    ],
)
def test_tail_shows_what_has_no_date(timestamp: Any, shown: str) -> None:
    document = {"user_id": None, "message_id": 7, "rating": 5, "timestamp": timestamp}

    line = to_lines(Change(Kind.FEEDBACK, document, updated=False))[0].plain

    assert line == f"{shown} feedback  7 5"


def test_tail_shows_a_feedback_without_any_known_field() -> None:
    line = to_lines(Change(Kind.FEEDBACK, {"_id": OID, "stars": 5}, updated=False))[0].plain

    assert line == "no date  feedback   (withdrawn)"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--user", "42"], "7"),
        (["--user", str(OID)], "8"),
        (["--message", "7"], "7"),
        (["--message", str(OID)], "8"),
        (["--rating", "5"], "7"),
        (["--rating", "4.5"], "8"),
        (["--where", "user_id=42"], "7"),
    ],
)
def test_filters_find_ids_and_ratings_that_are_no_texts(
    insights: Insights, empty_database: Database[Document], options: list[str], expected: str
) -> None:
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON) | {"user_id": 42, "message_id": 7, "rating": 5},
            a_feedback(NOON) | {"user_id": OID, "message_id": OID, "rating": 4.5, "comment": "8"},
        ]
    )

    [found] = insights("feedback", *options, "--json").lines

    assert str(found.get("comment", found["message_id"])) == expected


@pytest.mark.parametrize("command", ["feedback", "feedback --json", "export"])
@pytest.mark.parametrize("matching", [True, False])
def test_says_which_documents_a_period_leaves_out(
    insights: Insights,
    empty_database: Database[Document],
    command: str,
    matching: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    without_date = [
        a_feedback(NOON, user_id=user, message_id=user) | {"timestamp": "2026-11-01"}
        for user in ("u1", "u2")
    ]
    empty_database.feedback.insert_many(
        [*without_date, *([a_feedback(NOON, user_id="u1")] if matching else [])]
    )
    export = ("export", "feedback", "--out", "a.csv")
    arguments = export if command == "export" else tuple(command.split())

    in_period = insights(*arguments, "--since", "2026-11-01", "--user", "u1")
    whenever = insights(*arguments, "--user", "u1")

    assert in_period.exit_code == (0 if matching else 5)
    assert "insights: 1 feedback has no date and is left out" in in_period.stderr.splitlines()
    assert "left out" not in whenever.stderr
