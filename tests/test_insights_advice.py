"""Advice, which does not end a command."""

from datetime import UTC, datetime

from pymongo.database import Database

from tests.support.documents import Document, an_event
from tests.support.insights_cli import Insights


def test_advises_setup_for_many_documents_without_indexes(
    insights: Insights, empty_database: Database[Document]
) -> None:
    now = datetime.now(UTC)
    empty_database.analytics.insert_many(an_event(now) for _ in range(10_001))

    before = insights("summary")
    insights("setup")
    after = insights("summary")

    assert "insights setup" in before.stderr
    assert (before.exit_code, after.exit_code, after.stderr) == (0, 0, "")


def test_gives_no_advice_for_few_documents(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_one(an_event(datetime.now(UTC)))

    assert insights("summary").stderr == ""
