"""The traffic between MongoDB and `insights`, which is far from it."""

from datetime import timedelta

import pytest
from pymongo.database import Database

from tests.support.commands import traffic_of
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

EVENTS = 40_000
USERS = 400
DAY = ("--since", "2026-11-01", "--until", "2026-11-02")

# 5 MB for a million events.
MOST_BYTES = 5_000_000 * EVENTS // 1_000_000


@pytest.mark.parametrize("command", ["summary", "journey"])
def test_figures_need_little_traffic(
    insights: Insights, empty_database: Database[Document], command: str
) -> None:
    second, users = timedelta(seconds=1), [f"user-{number:06}" for number in range(USERS)]
    empty_database.analytics.insert_many(
        an_event(NOON - each * second, user_id=users[each % USERS], event_type=f"e{each % 12}")
        for each in range(EVENTS)
    )
    empty_database.feedback.insert_many(
        a_feedback(
            NOON - 10 * each * second,
            user_id=users[each % USERS],
            rating=["up", "up", "down"][each % 3],
            comment="The answer was wrong, and it came too late for me." if each % 6 == 0 else None,
        )
        for each in range(EVENTS // 10)
    )
    insights("setup")

    with traffic_of(empty_database) as sizes:
        assert insights(command, *DAY).exit_code == 0

    assert 0 < sum(sizes) < MOST_BYTES
