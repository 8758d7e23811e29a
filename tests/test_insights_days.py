"""Feedback and events counted by day and by hour."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pymongo.database import Database

from insights.figures.days import DAY, HOUR, starts_of
from insights.figures.events import events_days
from insights.figures.feedback import feedback_days
from insights.kinds import Document, Kind
from insights.queries.periods import Period
from insights.queries.scopes import Scope
from insights.queries.sentiment import add_sentiment
from tests.support.documents import a_feedback, an_event

START = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "length", "first", "number"),
    [
        (24 * 60, DAY, date(2026, 11, 1), 2),
        (24 * 60, HOUR, START.replace(minute=0), 25),
        (30, HOUR, START.replace(minute=0), 1),
        (31, HOUR, START.replace(minute=0), 2),
    ],
)
def test_a_period_has_the_days_and_hours_that_it_touches(
    minutes: int, length: timedelta, first: date, number: int
) -> None:
    starts = starts_of(Period(START, START + timedelta(minutes=minutes)), length)
    assert (starts[0], len(starts)) == (first, number)


def test_counts_by_hour(empty_database: Database[Document]) -> None:
    minutes = (0, 29, 30, 61)
    times = [START + timedelta(minutes=each) for each in minutes]
    empty_database.feedback.insert_many(a_feedback(each) for each in times)
    empty_database.analytics.insert_many(an_event(each, event_type="e") for each in times)
    period = Period(START, START + timedelta(hours=3))
    rated, happened = (Scope(empty_database, kind, period) for kind in Kind)

    feedback = feedback_days(rated, add_sentiment(None), HOUR)
    events = events_days(happened, ["e"], HOUR)

    assert [(each.day, each.positive) for each in feedback] == [
        (datetime(2026, 11, 1, hour, tzinfo=UTC), count)
        for hour, count in ((9, 2), (10, 2), (11, 0), (12, 0))
    ]
    assert [(each.count, each.users, each.types) for each in events[:3]] == [
        (2, 1, {"e": 2}),
        (2, 1, {"e": 2}),
        (0, 0, {}),
    ]
