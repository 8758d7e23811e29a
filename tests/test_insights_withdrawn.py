"""Withdrawn feedback: no command counts or shows it, and each says how many it leaves out."""

from typing import Any

import pytest
from pymongo.database import Database

from insights.arrivals.changes import Change
from insights.commands.tail import to_lines
from insights.kinds import Kind
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

PERIOD = ("--since", "2026-11-01", "--until", "2026-11-02")
LEFT_OUT = "2 feedback have no rating (withdrawn) and are left out"
NOTICE = f"insights: {LEFT_OUT}\n"
IN_JSON = [{"kind": "feedback", "reason": "withdrawn", "count": 2}]
WITHDRAWN = a_feedback(NOON, user_id="u2", message_id="m1", rating=None)


@pytest.fixture
def withdrawn(insights: Insights, empty_database: Database[Document]) -> Insights:
    """Store a feedback and two without a rating, the newer one by another program."""
    foreign = {"user_id": "u3", "message_id": "m1", "rating": None, "comment": "Never mind."}
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, message_id="m1", rating="down", comment="Wrong."),
            WITHDRAWN,
            foreign | {"timestamp": NOON.replace(hour=13)},
        ]
    )
    empty_database.analytics.insert_many(
        an_event(NOON.replace(hour=11, minute=50), user_id=user, details={"page": "/"})
        for user in ("u1", "u2", "u3")
    )
    return insights


def figures(insights: Insights, command: str) -> Any:
    """Return the JSON of a command that has figures."""
    [found] = insights(*command.split(), *PERIOD, "--json").lines
    assert found["left_out"] == IN_JSON
    return found


def test_lists_leave_it_out(withdrawn: Insights) -> None:
    listed, selected = withdrawn("feedback", "--json"), withdrawn("feedback", "--rating", "up")

    assert [each["user_id"] for each in listed.lines] == ["u1"]
    assert listed.stderr == NOTICE
    assert (selected.exit_code, selected.stderr) == (5, "insights: nothing matches\n")


def test_exports_leave_it_out(withdrawn: Insights) -> None:
    result = withdrawn("export", "feedback", "--out", "-", "--format", "jsonl")

    assert [each["user_id"] for each in result.lines] == ["u1"]
    assert result.stderr == f"{NOTICE}1 feedback exported\n"


@pytest.mark.dialects
def test_figures_leave_it_out(withdrawn: Insights) -> None:
    feedback = figures(withdrawn, "summary")["feedback"]
    [compared] = figures(withdrawn, "compare --by details.page")["values"]
    journeys = figures(withdrawn, "journey --before-rating down")

    assert (feedback["count"], feedback["sentiments"]["unscored"]) == (1, 0)
    assert [each["comment"] for each in feedback["worst"][0]["comments"]] == ["Wrong."]
    assert compared["ratings"] == 1
    assert (journeys["ratings"], journeys["contrast_ratings"]) == (1, 0)


def test_the_dashboard_leaves_it_out(withdrawn: Insights) -> None:
    withdrawn("dashboard", *PERIOD, "--out", "a.html")

    page = (withdrawn.folder / "a.html").read_text("utf-8")
    assert f"{LEFT_OUT}." in page
    assert "Never mind." not in page


def test_an_empty_dashboard_does_not_lead_to_it(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(WITHDRAWN)
    insights("dashboard", *PERIOD, "--out", "a.html")

    page = (insights.folder / "a.html").read_text("utf-8")
    assert "has none that can be shown" in page
    assert "The newest feedback" not in page


def test_timelines_leave_it_out(withdrawn: Insights, empty_database: Database[Document]) -> None:
    shown = withdrawn("user", "u2", "--json")
    empty_database.analytics.delete_many({})
    empty = withdrawn("user", "u2")

    notice = "insights: 1 feedback has no rating (withdrawn) and is left out\n"
    assert [each["kind"] for each in shown.lines] == ["events"]
    assert shown.stderr == notice
    assert (empty.exit_code, empty.stderr) == (
        5,
        f"{notice}insights: nothing else is stored for u2\n",
    )


def test_forget_erases_it(withdrawn: Insights, empty_database: Database[Document]) -> None:
    withdrawn("forget", "u2", "--yes")

    assert empty_database.feedback.count_documents({"user_id": "u2"}) == 0


def test_doctor_has_nothing_to_repair(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(WITHDRAWN)
    insights("setup")

    result = insights("doctor")

    assert result.stdout == "Nothing to repair in 1 feedback and 0 events.\n"


def test_doctor_keeps_it_instead_of_an_older_feedback_of_another_backend(
    insights: Insights, empty_database: Database[Document]
) -> None:
    older = a_feedback(NOON.replace(hour=9), user_id="u2", message_id="m1") | {"_id": "old"}
    empty_database.feedback.insert_many([WITHDRAWN, older])

    insights("doctor", "--repair", "--yes")

    assert [*empty_database.feedback.find()] == [WITHDRAWN]


def test_tail_says_that_it_was_withdrawn() -> None:
    change = Change(Kind.FEEDBACK, WITHDRAWN, updated=True)

    assert [line.plain for line in to_lines(change)] == ["12:00:00 feedback u2 m1 (withdrawn)"]
