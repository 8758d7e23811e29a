"""`insights/figures/additions.py`."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from pymongo.database import Database

from insights.figures.additions import extend
from insights.figures.events import Active, ActiveBefore, EventsSummary
from insights.figures.summaries import Summary, summarize
from insights.queries.filters import Filters
from insights.queries.periods import Period
from insights.settings import Settings
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

DAY = timedelta(days=1)
SETTINGS = Settings.model_validate({"MONGODB_URI": "mongodb://127.0.0.1"})
FILTERS = Filters(system=["system"])


def of(database: Database[Document], until: timedelta) -> Summary:
    """Return the summary of the three days before some time after noon."""
    end = NOON + until
    return summarize(database, SETTINGS, FILTERS, Period(NOON - 3 * DAY, end), end)


def store(database: Database[Document], random: Random, since: timedelta, until: timedelta) -> None:
    """Store feedback and events of a few users, ratings and types at random times."""
    for number in range(60):
        time = NOON + since + random.random() * (until - since)
        user = random.choice(["ann", "bob", "cid", "system"])
        rating = random.choice(["up", "down", "3", "maybe", "👍"])
        kind = random.choice(["view", "click", "search"])
        database.feedback.insert_one(
            a_feedback(time, user_id=user, message_id=f"{since}{number}", rating=rating)
        )
        database.analytics.insert_one(an_event(time, user_id=user, event_type=kind))


def counts(events: EventsSummary) -> EventsSummary:
    """Return the figures that do not depend on users."""
    return replace(
        events,
        types=[replace(each, users=0) for each in events.types],
        daily=[replace(day, users=0) for day in events.daily],
        active=Active(0, 0, 0),
        previous_active=ActiveBefore(0, 0, 0),
    )


@pytest.mark.parametrize("later", [timedelta(hours=5), timedelta(hours=20)], ids=["day", "days"])
def test_counts_are_those_of_a_new_summary(
    empty_database: Database[Document], later: timedelta
) -> None:
    random = Random(18)  # noqa: S311 (test data)
    store(empty_database, random, -3 * DAY, timedelta())
    first = of(empty_database, timedelta())
    store(empty_database, random, timedelta(), later)

    found = extend(first, empty_database, SETTINGS, FILTERS, NOON + later)
    anew = of(empty_database, later)

    assert found.period == anew.period
    assert counts(found.events) == counts(anew.events)
    for name in ("count", "sentiments", "ratings", "unscored", "others", "daily"):
        assert getattr(found.feedback, name) == getattr(anew.feedback, name)
    assert found.feedback.share_positive == anew.feedback.share_positive


def test_further_ratings_and_types_are_others(empty_database: Database[Document]) -> None:
    for number in range(25):
        for _ in range(2):
            message = {"message_id": f"{number}{_}", "rating": f"r{number:02}"}
            empty_database.feedback.insert_one(a_feedback(NOON - DAY, **message))
            empty_database.analytics.insert_one(an_event(NOON - DAY, event_type=f"t{number:02}"))
    first = of(empty_database, timedelta())
    empty_database.feedback.insert_one(a_feedback(NOON, message_id="new", rating="new"))
    empty_database.analytics.insert_one(an_event(NOON, event_type="new"))

    found = extend(first, empty_database, SETTINGS, FILTERS, NOON + DAY / 24)

    assert (found.feedback.others, found.events.others) == (11, 11)
    assert len(found.feedback.ratings) == len(found.events.types) == 20
