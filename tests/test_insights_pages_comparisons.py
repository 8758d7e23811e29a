"""The comparisons on the dashboard, in a real browser."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from bson import ObjectId
from playwright.sync_api import Page
from pymongo.database import Database

from insights.messages.records import Unreadable
from insights.pages import comparisons
from tests.support.chromium import DESKTOP, PHONE, Visitor
from tests.support.documents import NOON, Document, a_feedback
from tests.support.insights_cli import Insights
from tests.support.page_checks import low_contrasts, missing_names, overflows

PERIOD = ("--since", "2026-11-01", "--until", "2026-11-02")

# Positive and all ratings, one of each user.
MODELS = {"atlas-2": (140, 200), "atlas-3": (88, 100), "old": (4, 9)}


@pytest.fixture
def lookup(insights: Insights) -> Insights:
    """Return a runner of the operator's tool with the settings for messages and users."""
    lookups = {"MESSAGE_LOOKUP": "sessions.messages.message_id", "USER_LOOKUP": "users._id"}
    return Insights(insights.folder, **insights.settings, **lookups)


def rate(database: Database[Document], models: Mapping[str, tuple[int, int]]) -> None:
    """Store ratings of messages by these models, each of another user."""
    for model, (positive, scored) in models.items():
        for number in range(scored):
            id_ = str(ObjectId())
            rating = "up" if number < positive else "down"
            message = {"message_id": id_, "model": model}
            database.sessions.insert_one({"messages": [message], "language": "en"})
            database.users.insert_one({"_id": id_, "plan": ["free", "plus"][number % 2]})
            database.feedback.insert_one(
                a_feedback(NOON, message_id=id_, user_id=id_, rating=rating)
            )


def write(insights: Insights, *options: str) -> str:
    """Write the page; return its address."""
    path = insights.folder / "page.html"
    result = insights("dashboard", "--out", str(path), *PERIOD, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    return path.as_uri()


def texts(page: Page, selector: str) -> list[str]:
    """Return the texts of elements, with whitespace collapsed."""
    found = page.locator(f"#part-comparisons {selector}").all_text_contents()
    return [" ".join(each.split()) for each in found]


def test_models_are_compared_unasked(
    lookup: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    rate(empty_database, MODELS)
    printed = lookup("compare", "--by", "message.model", *PERIOD, COLUMNS="500").stdout

    page = visitor.open(write(lookup))

    assert texts(page, "h2") == ["Which message.model is better?"]
    assert texts(page, ".lead") == [printed.splitlines()[2]]
    assert texts(page, "li") == [
        "atlas-2 most frequent 70 % (63 to 76 %) of 200",
        "atlas-3 better 88 % (80 to 93 %) of 100 +18.0 (+7.5 to +28.5)",
        "old too few ratings to say 44 % (19 to 73 %) of 9 -25.6 (-77.5 to +26.4)",
    ]
    assert texts(page, "ol + p") == [
        (
            "Dots are shares of positive ratings with their 95 % intervals; differences are in "
            "percentage points, with intervals that allow for 2 comparisons."
        )
    ]
    assert page.locator("nav a").all_inner_texts()[1] == "Comparisons"


def test_dots_and_intervals_are_at_their_shares(
    lookup: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    rate(empty_database, MODELS)
    page = visitor.open(write(lookup))

    marks = page.locator(".dots").nth(1)
    frame, dot, reach = (
        each.bounding_box() for each in (marks, marks.locator("circle"), marks.locator(".reach"))
    )

    assert frame
    assert dot
    assert reach
    assert (dot["x"] + dot["width"] / 2 - frame["x"]) / frame["width"] == pytest.approx(
        0.88, abs=0.005
    )
    assert (reach["x"] - frame["x"]) / frame["width"] == pytest.approx(0.80, abs=0.01)
    assert reach["width"] / frame["width"] == pytest.approx(0.128, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, 768, PHONE])
def test_comparisons_are_readable(
    lookup: Insights,
    empty_database: Database[Document],
    visitor: Visitor,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    rate(empty_database, MODELS | {"W" * 200: (1, 2)})
    address = write(lookup, "--by", "message.model", "--by", "user.plan", "--by", "message.none")

    page = visitor.open(address, width=width, scheme=scheme)

    assert (low_contrasts(page), overflows(page), missing_names(page)) == ([], [], [])
    page.emulate_media(media="print")
    assert (low_contrasts(page), overflows(page)) == ([], [])
    assert page.locator(".dots").first.is_visible()


def test_each_named_field_has_a_section(
    lookup: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    rate(empty_database, MODELS)
    fields = ("user.plan", "message.language", "message.message_id", "message.none")

    page = visitor.open(write(lookup, *(word for field in fields for word in ("--by", field))))

    assert texts(page, "h2") == [f"Which {field} is better?" for field in fields]
    plan, language, ids, none = texts(page, "section > p")
    assert plan == "No user.plan is clearly better or worse than free, the most frequent."
    assert language == (
        "All values of message.language are en (309 scored ratings): nothing to compare."
    )
    assert re.fullmatch(r"message\.message_id has more than 30 values \(.*\): choose .*\.", ids)
    assert none == "None of the 309 scored ratings has a message.none."


@pytest.mark.parametrize(
    ("models", "settings"),
    [
        (MODELS, {"MESSAGE_LOOKUP": ""}),
        ({"atlas-2": (3, 4)}, {}),
        ({f"m{number}": (1, 1) for number in range(31)}, {}),
        (MODELS, {"MESSAGE_LOOKUP": "missing.message_id"}),
    ],
)
def test_without_several_models_there_is_no_section(
    lookup: Insights,
    empty_database: Database[Document],
    models: Mapping[str, tuple[int, int]],
    settings: dict[str, str],
) -> None:
    rate(empty_database, models)

    assert 'id="comparisons"' not in html(lookup, **settings)


def html(insights: Insights, *options: str, **settings: str) -> str:
    """Return the page."""
    path = insights.folder / "page.html"
    result = insights("dashboard", "--out", str(path), *PERIOD, *options, **settings)
    assert (result.exit_code, result.stderr) == (0, "")
    return Path(path).read_text("utf-8")


def test_very_many_ratings_are_only_compared_if_asked(
    lookup: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate(empty_database, MODELS)
    monkeypatch.setattr(comparisons, "MOST_RATINGS_UNASKED", 308)

    assert 'id="comparisons"' not in html(lookup)
    assert 'id="comparisons"' in html(lookup, "--by", "message.model")


def test_an_unreadable_collection_is_only_an_error_if_it_is_asked_for(
    lookup: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate(empty_database, MODELS)

    def refuse(*_: object) -> None:
        raise Unreadable("the MongoDB user may not read the collection 'sessions'")

    monkeypatch.setattr(comparisons.Ratings, "compare", refuse)

    assert 'id="comparisons"' not in html(lookup)
    result = lookup("dashboard", "--by", "message.model", *PERIOD)
    assert (result.exit_code, result.stderr) == (
        1,
        "insights: the MongoDB user may not read the collection 'sessions'\n",
    )


def test_a_page_without_scored_ratings_has_no_comparison(
    lookup: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, rating="odd"))

    assert 'id="comparisons"' not in html(lookup, "--by", "message.model")


def test_hostile_values_have_no_effect(
    lookup: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    script = '</svg></style><img src=x onerror="window.hacked = 1">'
    hostile = [script, "{{7*7}}\u202e\x1b", "' onload=alert(1) '", ""]
    rate(empty_database, dict.fromkeys(hostile, (1, 2)))

    page = visitor.open(write(lookup, "--by", "message.model", "--by", 'message."<b>x</b>"'))

    assert sorted(texts(page, "h3 bdi")) == sorted(
        [
            f"{script[:39]}…",
            "{{7*7}}\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}",
            hostile[2],
            '""',
        ]
    )
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, b:has-text('x')").count() == 0


def test_a_wrong_field_is_refused_before_anything_is_read(command_line: Insights) -> None:
    for options in (["--by", "model"], ["--serve", "--by", "model"]):
        result = command_line("dashboard", *options)
        assert result.exit_code == 2
        assert "--by 'model' is not message.FIELD" in result.stderr
