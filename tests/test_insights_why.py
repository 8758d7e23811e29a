"""The reasons and the words as `summary` and `dashboard` show them."""

import re

import pytest
from playwright.sync_api import Page
from pymongo.database import Database

from insights.kinds import Document
from tests.support.chromium import DESKTOP, PHONE, Visitor
from tests.support.documents import NOON, a_feedback
from tests.support.insights_cli import Insights
from tests.support.page_checks import low_contrasts, missing_names, overflows

DAY = ("--since", "2026-11-01", "--until", "2026-11-02")
HOSTILE = "<script>window.hacked = 1</script>\x1b[31m\n[bold]\u202e" + "W" * 60


def rate(
    database: Database[Document], rating: str, number: int, comment: str = "", *reasons: str
) -> None:
    """Store so many ratings, each of another user."""
    for each in range(number):
        given = {"rating": rating, "user_id": f"{rating}{each}", "comment": comment or None}
        database.feedback.insert_one(a_feedback(NOON, **given) | {"reasons": [*reasons]})


def fill(database: Database[Document]) -> None:
    """Store 30 negative ratings, and 60 positive ones."""
    rate(database, "down", 20, "The link is broken", "wrong")
    rate(database, "bad", 10, "", "slow", HOSTILE)
    rate(database, "up", 60, "The answer is fine")


def section(insights: Insights, width: int) -> list[str]:
    """Return the lines of the section of `summary`."""
    result = insights("summary", *DAY, COLUMNS=str(width))
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    start = lines.index("Why")
    return lines[start + 1 : lines.index("Active users") - 1]


def test_the_summary_shows_reasons_and_words(
    insights: Insights, empty_database: Database[Document]
) -> None:
    fill(empty_database)

    lines = section(insights, 120)

    assert lines[0] == "  Reasons of 30 negative ratings that give any"
    assert lines[1].split() == ["Reason", "Ratings", "Share"]
    assert re.match(r"  wrong +20  67 % \(49 to 81 %\)  █+▋", lines[2])
    assert lines[3].startswith(
        "  <script>window.hacked = 1</script>\N{REPLACEMENT CHARACTER}[31m…  "
    )
    assert re.match(r"  slow +10  33 % \(19 to 51 %\)  █+▎", lines[4])
    assert lines[5:] == [
        "",
        "  Words that negative comments use more than others",
        "  Words   Negative   Others",
        "  broken  20 of 20  0 of 60",
        "  link    20 of 20  0 of 60",
    ]


@pytest.mark.parametrize("width", [60, 120])
def test_the_summary_fits(
    insights: Insights, empty_database: Database[Document], width: int
) -> None:
    fill(empty_database)

    lines = section(insights, width)

    assert max(map(len, lines)) <= width
    assert any("33 % (19 to 51 %)" in line for line in lines)


def test_without_any_there_is_no_section(
    insights: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    rate(empty_database, "down", 19, "broken")
    rate(empty_database, "up", 60, "fine")

    assert "Why" not in insights("summary", *DAY).stdout.splitlines()
    assert open_page(insights, visitor).locator("#why, a[href='#why']").count() == 0


def open_page(insights: Insights, visitor: Visitor, width: int = DESKTOP) -> Page:
    """Return the opened page."""
    assert insights("dashboard", *DAY, "--out", "page.html").exit_code == 0
    return visitor.open((insights.folder / "page.html").as_uri(), width)


def test_the_dashboard_shows_reasons_and_words(
    insights: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    fill(empty_database)

    page = open_page(insights, visitor)

    rows = page.locator("#why .ranking tbody tr").all_inner_texts()
    assert [" ".join(row.split()) for row in (rows[0], rows[2])] == [
        "wrong 20 67 % 49 to 81 %",
        "slow 10 33 % 19 to 51 %",
    ]
    words = page.locator("#why .chips li").all_inner_texts()
    assert [" ".join(each.split()) for each in words] == [
        "broken 20 and 0",
        "link 20 and 0",
    ]
    assert page.locator("nav a[href='#why']").count() == 1


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_reasons_run_nothing_and_break_no_layout(
    insights: Insights, empty_database: Database[Document], visitor: Visitor, width: int
) -> None:
    fill(empty_database)

    page = open_page(insights, visitor, width)

    assert page.evaluate("window.hacked") is None
    assert "<script>window.hacked = 1</script>" in page.locator("#why").inner_text()
    assert overflows(page) == []
    assert missing_names(page) == []
    assert low_contrasts(page) == []
