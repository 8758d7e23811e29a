"""The reasons that users gave with negative ratings."""

from typing import Any

import pytest
from pymongo.database import Database

from insights.kinds import Document
from tests.support.dialects import Dialect
from tests.support.documents import NOON, a_feedback
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

DAY = ("--since", "2026-11-01", "--until", "2026-11-02")


def rate(database: Database[Document], reasons: Any, rating: str = "down", user: str = "") -> None:
    """Store a feedback with these reasons, by default of a user of its own."""
    document = a_feedback(NOON, rating=rating)
    document["user_id"] = user or document["message_id"]
    database.feedback.insert_one(document | {"reasons": reasons})


def found(insights: Insights, *options: str) -> Any:
    """Return the reasons of `summary --json`."""
    result = insights("summary", *DAY, *options, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.lines[0]["feedback"]["reasons"]


def counts(insights: Insights) -> dict[str, int]:
    """Return the number of ratings by reason."""
    return {each["reason"]: each["count"] for each in found(insights)["reasons"]}


def test_counts_the_reasons_of_negative_ratings(
    insights: Insights, empty_database: Database[Document]
) -> None:
    for reasons in (["wrong"], ["wrong", "outdated"], ["slow"], ["wrong"]):
        rate(empty_database, reasons)
    rate(empty_database, ["wrong"], "up")
    rate(empty_database, ["wrong"], "hm")
    empty_database.feedback.insert_one(a_feedback(NOON, rating="down"))

    reasons = found(insights)

    assert (reasons["ratings"], reasons["others"]) == (4, 0)
    assert [(each["reason"], each["count"], each["share"]) for each in reasons["reasons"]] == [
        ("wrong", 3, 0.75),
        ("outdated", 1, 0.25),
        ("slow", 1, 0.25),
    ]
    # Wilson's interval for 3 of 4.
    expected = {"low": 0.3006, "high": 0.9544}
    assert reasons["reasons"][0]["share_interval"] == pytest.approx(expected, abs=1e-4)


def test_the_interval_allows_for_users_who_rate_often(
    insights: Insights, empty_database: Database[Document]
) -> None:
    for number in range(10):
        rate(empty_database, ["wrong"], user="loud")
        rate(empty_database, ["slow"], user=f"u{number}")

    [slow, wrong] = found(insights)["reasons"]

    assert (slow["share"], wrong["share"]) == (0.5, 0.5)
    assert wrong["share_interval"]["high"] - wrong["share_interval"]["low"] > 0.6


def test_names_ten_and_counts_the_others(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, [f"reason {number:02}" for number in range(13)])
    rate(empty_database, ["reason 12", "reason 11"])

    reasons = found(insights)

    named = [each["reason"] for each in reasons["reasons"]]
    assert named == ["reason 11", "reason 12", *(f"reason {number:02}" for number in range(8))]
    assert (reasons["ratings"], reasons["others"]) == (2, 3)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("wrong", {}),
        (None, {}),
        (7, {}),
        ({"a": "wrong"}, {}),
        ([], {}),
        ([None, 7, ["wrong"], {"a": 1}, ""], {}),
        (["wrong", 7, None, "wrong"], {"wrong": 1}),
        (["$rating", "$$ROOT", "a.b"], {"$rating": 1, "$$ROOT": 1, "a.b": 1}),
    ],
)
def test_other_programs_may_have_stored_anything(
    insights: Insights, empty_database: Database[Document], stored: Any, expected: dict[str, int]
) -> None:
    rate(empty_database, stored)
    rate(empty_database, ["slow"])

    assert counts(insights) == {"slow": 1} | expected


def test_filters_apply(insights: Insights, empty_database: Database[Document]) -> None:
    rate(empty_database, ["wrong"], user="ann")
    rate(empty_database, ["slow"], user="bob")

    assert [each["reason"] for each in found(insights, "--user", "bob")["reasons"]] == ["slow"]


def test_huge_reasons_of_other_programs_are_shortened(
    insights: Insights, empty_database: Database[Document]
) -> None:
    for number in range(10):
        rate(empty_database, [f"{number}{'x' * 2_000_000}"])

    assert counts(insights) == {f"{number}{'x' * 63}": 1 for number in range(10)}
