"""Filters on the rated messages: --where message.FIELD."""

from datetime import timedelta

import pytest
from pymongo.database import Database

from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

PERIOD = ("--since", "2026-11-01", "--until", "2026-11-02")
LOOKUP = "sessions.messages.id"


@pytest.fixture
def lookup(insights: Insights) -> Insights:
    """Return a runner of the operator's tool with the setting for messages."""
    return Insights(insights.folder, **insights.settings, MESSAGE_LOOKUP=LOOKUP)


def store(database: Database[Document]) -> None:
    """Store a rating of each message, one before the period, an event, and most messages."""
    messages: list[Document] = [
        {"id": "m1", "model": "atlas-1", "cost": 5},
        {"id": "m2", "model": "atlas-2", "cost": 7},
        {"id": "m3", "model": ["atlas-2", "tool"], "cost": "7"},
        {"id": "m4"},
        {"id": 42, "model": "atlas-2"},
    ]
    database.sessions.insert_one({"messages": messages, "language": "en"})
    database.feedback.insert_many(
        a_feedback(NOON, message_id=each, user_id=each)
        for each in ("m1", "m2", "m3", "m4", "42", "unknown")
    )
    database.feedback.insert_one(a_feedback(NOON - timedelta(days=1), message_id="m2"))
    database.analytics.insert_one(an_event(NOON))


@pytest.mark.crossed
@pytest.mark.dialects
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("message.model=atlas-2", {"m2", "m3", "42"}),
        ("message.model!=atlas-2", {"m1", "m4", "unknown"}),
        ("message.model~^ATLAS", {"m1", "m2", "m3", "42"}),
        ("message.cost>5", {"m2"}),
        ("message.language=en", {"m1", "m2", "m3", "m4", "42"}),
        ("message.model=nothing", set()),
    ],
)
def test_filters_by_a_field_of_the_message(
    lookup: Insights, empty_database: Database[Document], condition: str, expected: set[str]
) -> None:
    store(empty_database)

    listed = lookup("feedback", *PERIOD, "--where", condition, "--json").lines
    [figures] = lookup("summary", *PERIOD, "--where", condition, "--json").lines

    assert {each["message_id"] for each in listed} == expected
    assert figures["feedback"]["count"] == len(expected)
    assert figures["feedback"]["previous_count"] == ("m2" in expected)
    assert figures["events"]["count"] == 1


def test_holds_in_every_command_with_ratings(
    lookup: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database)
    asked = (*PERIOD, "--where", "message.model=atlas-2")

    [compared] = lookup("compare", "--by", "message.cost", *asked, "--json").lines
    [journeys] = lookup("journey", "--before-rating", "up", *asked, "--json").lines
    exported = lookup("export", "feedback", *asked, "--format", "jsonl", "--out", "-")
    page = lookup("dashboard", *asked, "--out", "-")

    assert sum(each["ratings"] for each in compared["values"]) + compared["without_value"] == 3
    assert journeys["ratings"] == 3
    assert len(exported.stdout.splitlines()) == 3
    assert '<dd class="value">3</dd>' in page.stdout


def test_ids_that_are_one_as_text_are_all_found(
    lookup: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database)
    empty_database.feedback.insert_one({"timestamp": NOON, "message_id": 42.0, "rating": "up"})

    listed = lookup("feedback", "--where", "message.model=atlas-2", "--user", "42", "--json").lines
    found = lookup("feedback", *PERIOD, "--where", "message.model=atlas-2", "--json").lines

    assert [each["message_id"] for each in listed] == ["42"]
    assert len(found) == 4


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (("events",), "is on rated messages: it cannot be used with events"),
        (("tail",), "is on rated messages: it cannot be used with"),
    ],
)
def test_is_refused_where_no_message_is_rated(
    lookup: Insights, command: tuple[str, ...], error: str
) -> None:
    result = lookup(*command, "--where", "message.model=a")

    assert result.exit_code == 2
    assert error in result.stderr


def test_needs_the_lookup(insights: Insights) -> None:
    result = insights("summary", "--where", "message.model=a")

    assert result.exit_code == 2
    assert "--where message.model needs MESSAGE_LOOKUP" in result.stderr


def test_too_many_messages_are_refused(
    lookup: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(empty_database)
    monkeypatch.setattr("insights.queries.message_filters.MOST_MESSAGES", 2)

    result = lookup("summary", *PERIOD, "--where", "message.model=atlas-2")

    assert result.exit_code == 2
    assert result.stderr == (
        "insights: more than 2 messages match message.model: "
        "choose a shorter period, or use `insights compare`\n"
    )
