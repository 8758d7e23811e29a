"""`insights events`."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from pymongo.database import Database

from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)
UUID = "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"


def test_prints_a_table_newest_first(
    insights: Insights, empty_database: Database[Document]
) -> None:
    details = {"page": "/dashboard", "sizes": [1, 2.5, None], "new": True}
    empty_database.analytics.insert_many(
        [
            an_event(NOON, details=details),
            an_event(NOON + 2 * MINUTE, event_type="signup", user_id="u2"),
            an_event(NOON + MINUTE, event_type="tap", details={"Größe": "ä\n"}),
        ]
    )

    result = insights("events")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "Time (UTC)        Event      User  Details\n"
        "2026-11-01 12:02  signup     u2\n"
        '2026-11-01 12:01  tap        u1    {"Größe": "ä\\n"}\n'
        '2026-11-01 12:00  page_view  u1    {"page": "/dashboard", "sizes": [1, 2.5, null], '
        '"new": true}\n'
    )


@pytest.mark.parametrize("command", ["feedback", "events"])
def test_shows_another_programs_document_with_missing_fields(
    insights: Insights, empty_database: Database[Document], command: str
) -> None:
    for collection in (empty_database.feedback, empty_database.analytics):
        # Without a rating, feedback would count as withdrawn.
        collection.insert_many(
            [{"timestamp": NOON, "rating": ""}, {"user_id": "importer", "rating": ""}]
        )

    result = insights(command)

    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["2026-11-01", "12:00"],
        ["importer"],
    ]


def test_prints_json_lines_of_the_fields_as_stored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    identifier = ObjectId("6543210fedcba9876543210f")
    occurred_at = "2026-11-01T13:59:59.1234+02:00"
    details = {"page": "/", "nested": {"list": [{"n": 9007199254740993}]}}
    empty_database.analytics.insert_many(
        [
            an_event(NOON, event_id=UUID, occurred_at=occurred_at, details=details),
            an_event(NOON - MINUTE) | {"_id": identifier},
        ]
    )

    result = insights("events", "--json")

    assert result.stdout == (
        f'{{"_id": "{UUID}", "user_id": "u1", "event_type": "page_view", '
        '"details": {"page": "/", "nested": {"list": [{"n": 9007199254740993}]}}, '
        '"timestamp": "2026-11-01T12:00:00.000Z", "occurred_at": "2026-11-01T11:59:59.123Z"}\n'
        '{"_id": "6543210fedcba9876543210f", "user_id": "u1", "event_type": "page_view", '
        '"details": {}, "timestamp": "2026-11-01T11:59:00.000Z"}\n'
    )


@pytest.mark.parametrize(
    "details",
    [
        {"$ref": "users", "$id": 5},
        {"a": [{"$ref": "users", "$id": {"x": 1}, "$db": "other", "more": {"y": 2}}]},
        {"$id": 1, "$ref": "users"},
        {"$where": "1", "$date": 0, "$oid": "x", "$uuid": 1},
    ],
)
def test_details_that_look_like_extended_json_are_unchanged(
    insights: Insights, empty_database: Database[Document], details: Document
) -> None:
    empty_database.analytics.insert_one(an_event(NOON, details=details))

    assert insights("events", "--json").lines[0]["details"] == details
    assert insights("events").exit_code == 0


@pytest.mark.parametrize(("options", "expected"), [([], 20), (["--limit", "3"], 3)])
def test_prints_the_newest_up_to_the_limit(
    insights: Insights, empty_database: Database[Document], options: list[str], expected: int
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON + number * MINUTE, details={"n": number}) for number in range(25)
    )

    lines = insights("events", "--json", *options).lines

    assert [line["details"]["n"] for line in lines] == [24 - each for each in range(expected)]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reports_that_there_are_no_events(insights: Insights, options: list[str]) -> None:
    result = insights("events", *options)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "insights: no events yet\n"


@pytest.mark.parametrize("option", ["--message", "--rating"])
def test_refuses_the_options_of_feedback(insights: Insights, option: str) -> None:
    result = insights("events", option, "x")

    assert result.exit_code == 2
    assert result.stderr.startswith(f"insights: No such option: {option}")


@pytest.mark.parametrize(
    ("options", "index"),
    [
        ([], "timestamp: 1"),
        (["--since", "24h"], "timestamp: 1"),
        (["--user", "u1"], "user_id: 1, timestamp: 1"),
        (["--event-type", "tap"], "event_type: 1, timestamp: 1"),
        (["--user", "u1", "--event-type", "tap"], "user_id: 1, timestamp: 1"),
        (["--where", "details.n=5", "--until", "1h"], "timestamp: 1"),
        (["--where", "event_type=tap"], "event_type: 1, timestamp: 1"),
    ],
)
def test_reads_through_an_index(
    insights: Insights, empty_database: Database[Document], options: list[str], index: str
) -> None:
    now = datetime.now(UTC)
    empty_database.analytics.insert_many(
        an_event(
            now - number * MINUTE,
            user_id=f"u{number % 50}",
            event_type=("page_view", "tap")[number % 2],
            details={"n": number},
        )
        for number in range(1000)
    )
    insights("setup")

    with plan_of(empty_database, "analytics") as plan:
        insights("events", *options)

    # With a period, another counts what has no date.
    assert len(plan) == (2 if {"--since", "--until"} & {*options} else 1)
    assert plan[0].startswith(f"IXSCAN {{ {index}")
