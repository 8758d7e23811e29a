"""The dashboard as a file, in a real browser.

The expected figures are calculated by hand from `FEEDBACK` and `EVENTS`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page
from pymongo import MongoClient
from pymongo.database import Database

from insights.figures.curves import FeedbackDay
from insights.kinds import Document
from insights.pages.charts import Bar, peak
from insights.pages.dashboard import breakable, finalize
from insights.pages.spans import MAXIMUM_BARS, group
from insights.wording import clean
from tests.support.chromium import DESKTOP, HEIGHT, PHONE, Visitor
from tests.support.documents import a_feedback, an_event
from tests.support.insights_cli import Insights
from tests.support.page_checks import (
    axe_violations,
    broken_names,
    low_contrasts,
    missing_names,
    overflows,
    smallest_text_of_a_chart,
)

PERIOD = ("--since", "2026-11-01", "--until", "2026-11-11")
TIMES_3 = "3.0\N{MULTIPLICATION SIGN}"
WIDE = 1920
LONG_COMMENT = "It answered about Bonn. " * 40


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    """Return a time of 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


# 8 ratings, 7 of them scored: 3 positive, 1 neutral, 3 negative. Of the 4 before, 1 is positive.
FEEDBACK = [
    (at(2, 10, 0), "bad", "u1", "down", "Wrong city."),
    (at(2, 10, 1), "bad", "u2", "down", LONG_COMMENT),
    (at(2, 10, 2), "bad", "u3", "2", "Too slow."),
    (at(2, 11, 0), "good", "u1", "up", None),
    (at(2, 11, 0), "good", "u2", "up", None),
    (at(5, 12, 0), "good", "u3", "up", None),
    (at(5, 12, 0), "other", "u1", "3", None),
    (at(5, 12, 0), "other", "u2", "meh", None),
    (at(25, 9, 0, month=10), "old", "u1", "up", None),
    *((at(25, 9, 0, month=10), "old", f"u{number}", "down", None) for number in (2, 3, 4)),
    # So that the period before is covered.
    (at(1, 9, month=10), "older", "u1", "up", None),
]

# 6 events of 3 users; before the period, 12 of another user.
EVENTS = [
    (at(2, 9, 50), "u1", "page_view"),
    (at(2, 9, 58), "u1", "regenerate"),
    (at(2, 9, 40), "u2", "page_view"),
    (at(2, 9, 59), "u2", "regenerate"),
    (at(5, 8, 0), "u2", "search"),
    (at(10, 8, 0), "u4", "page_view"),
    *((at(25, hour, 0, month=10), "u5", "page_view") for hour in range(12)),
    (at(1, 9, month=10), "u6", "page_view"),
]

SCRIPT = "<script>window.hacked = 1</script>"
HOSTILE = [
    SCRIPT,
    '"><img src=x onerror="window.hacked = 1">',
    f"</svg></style></title>{SCRIPT}",
    "{{7*7}}{% raw %}",
    "\u202egnp.exe\u2067 \x1b[31m \u200e\u200f\u061c",
    "W" * 190,
    "' onmouseover=alert(1) autofocus onfocus=alert(1) '",
]


@pytest.fixture(scope="module")
def figures(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with `FEEDBACK` and `EVENTS`."""
    name = "test_dashboard_figures"
    insights = Insights(
        tmp_path_factory.mktemp("dashboard"), MONGODB_URI=mongodb_uri, MONGODB_DATABASE=name
    )
    with MongoClient[Document](mongodb_uri, uuidRepresentation="standard") as client:
        fill(client[name])
        yield write(insights, *PERIOD)
        client.drop_database(name)


def fill(database: Database[Document]) -> None:
    """Store `FEEDBACK` and `EVENTS`."""
    database.feedback.insert_many(
        a_feedback(time, message_id=message, user_id=user, rating=rating, comment=comment)
        for time, message, user, rating, comment in FEEDBACK
    )
    database.analytics.insert_many(
        an_event(time, user_id=user, event_type=event_type) for time, user, event_type in EVENTS
    )


@pytest.fixture
def hostile(insights: Insights, empty_database: Database[Document]) -> str:
    """Return the address of a page with texts that try to inject code."""
    for number, text in enumerate(HOSTILE):
        time = at(2, 10, number)
        empty_database.analytics.insert_many(
            an_event(time - timedelta(minutes=1), user_id=text, event_type=text)
            for _ in range(len(HOSTILE) - number)
        )
        # A rating has at most 64 characters.
        empty_database.feedback.insert_many(
            [
                a_feedback(time, message_id=text, user_id=text, rating=text[:64], comment=text),
                a_feedback(time, message_id=text, user_id="u", rating="down", comment=text * 9),
                a_feedback(time, message_id=text, user_id="v", rating="down", comment=text),
            ]
        )
    # A chart needs data at two times.
    empty_database.analytics.insert_one(an_event(at(5, 8), event_type=SCRIPT))
    return write(insights, *PERIOD)


def write(insights: Insights, *options: str, **environment: str) -> str:
    """Write the page; return its address."""
    path = insights.folder / "page.html"
    result = insights("dashboard", "--out", str(path), *options, **environment)
    assert (result.exit_code, result.stderr) == (0, "")
    return path.as_uri()


def words(page: Page, selector: str) -> str:
    """Return the text of an element, with whitespace collapsed."""
    return " ".join(page.locator(selector).inner_text().split())


def rows(page: Page, selector: str) -> list[list[str]]:
    """Return the texts of a table's rows, visible or not."""
    found = page.locator(f"{selector} tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return [[" ".join(cell.split()) for cell in row] for row in found]


def test_the_cards_show_the_figures(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    cards = [" ".join(card.split()) for card in page.locator(".figures > div").all_inner_texts()]
    assert cards == [
        "Feedback 8 ▲ up 100 % from 4",
        "Positive 43 % 9 to 85 %, 3 of 7 scored",
        "Unscored 1 listed below",
        "Events 6 ▼ down 50 % from 12",
        (
            "Active users 1 last 24 hours none before 2 last 7 days same as before "
            "4 last 30 days no earlier data"
        ),
    ]


def test_three_answers_come_first(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    better, worst, before = (
        " ".join(each.split()) for each in page.locator(".question").all_inner_texts()
    )
    assert better == (
        "Are the answers getting better? Too few ratings to say "
        "43 % (9 to 85 %) of 7 scored ratings are positive, after 25 % (5 to 70 %) of 4 "
        "in the 10 days before: 17.9 percentage points up, between 100.0 down and 100.0 up."
    )
    assert worst == (
        "Which answer is worst? bad All 3 ratings are negative (44 to 100 %). Too slow."
    )
    assert before == (
        "What comes before a negative rating? Nothing stands out "
        "Too few ratings follow events to compare a negative rating with a positive one."
    )


def test_says_the_same_as_the_summary(
    insights: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    for number in range(60):
        for time, is_positive in ((at(2, 10), number < 50), (at(9, 10), number < 20)):
            rating = "up" if is_positive else "down"
            empty_database.feedback.insert_one(
                a_feedback(time, user_id=f"u{number}", rating=rating)
            )
    shown = insights("summary", *PERIOD, COLUMNS="500").stdout.splitlines()[2:6]

    page = visitor.open(write(insights, *PERIOD))

    assert shown == [
        "Nothing to compare",
        "58 % (49 to 67 %) of 120 scored ratings are positive.",
        "Feedback begins on 2 Nov 2026, too late to compare with the 10 days before.",
        "It was 83 % (1 to 5 Nov) and fell to 33 % (6 to 10 Nov).",
    ]
    assert words(page, ".question:first-child .answer") == shown[0]
    said = page.locator(".question:first-child .answer ~ p").all_inner_texts()
    assert [" ".join(each.split()) for each in said] == shown[1:]
    cards = [" ".join(card.split()) for card in page.locator(".figures > div").all_inner_texts()]
    assert cards[0] == "Feedback 120 since 2 Nov 2026, too late to compare"


def test_shows_its_period_and_when_it_was_made(visitor: Visitor, figures: str) -> None:
    shown = words(visitor.open(figures), "#part-heading .period")
    assert re.fullmatch(
        r"1 Nov 2026 00:00 to 11 Nov 2026 00:00 UTC \(10 days\) · "
        r"generated \d+ \w{3} \d{4} \d\d:\d\d UTC",
        shown,
    )


def test_days_without_data_are_zero_and_have_no_share(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    ratings, shares = rows(page, "#chart-ratings"), rows(page, "#chart-share")
    assert [row[0] for row in ratings] == [f"{day} Nov 2026" for day in range(1, 11)]
    # Positive, neutral, unscored, negative.
    assert ratings[1][1:] == ["2", "0", "0", "3"]
    assert ratings[4][1:] == ["1", "1", "1", "0"]
    assert {tuple(row[1:]) for row in ratings[:1] + ratings[5:]} == {("0", "0", "0", "0")}
    assert shares[0][1:] == ["0", "0", "-", "-"]
    assert shares[1][1:] == ["2", "5", "40 %", "6 to 87 %"]
    assert shares[4][1:] == ["1", "2", "50 %", "5 to 95 %"]


def test_a_line_has_a_gap_on_days_without_a_share(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    drawn = page.locator("#chart-share .wide .mark-line path").get_attribute("d")
    # One piece for 2 November, one for the 5th.
    assert drawn is not None
    assert drawn.count("M") == 2
    assert page.locator("#chart-share .wide .mark-symbol path").count() == 2


def test_events_and_users_are_counted_by_day(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    heads = page.locator("#chart-events thead th").all_text_contents()
    assert heads == ["Day (UTC)", "page_view", "regenerate", "search"]
    events, users = rows(page, "#chart-events"), rows(page, "#chart-users")
    assert [events[day - 1][1:] for day in (1, 2, 5, 10)] == [
        ["0", "0", "0"],
        ["2", "2", "0"],
        ["0", "0", "1"],
        ["1", "0", "0"],
    ]
    assert [row[1] for row in users] == ["0", "2", "0", "0", "1", "0", "0", "0", "0", "1"]


def test_lists_ratings_and_event_types_with_their_counts(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    assert rows(page, "#answers .ranking") == [
        ["up positive", "3", "38 %", "8 to 80 %"],
        ["down negative", "2", "25 %", "4 to 73 %"],
        ["2 negative", "1", "12 %", "1 to 64 %"],
        ["3 neutral", "1", "12 %", "1 to 64 %"],
        ["meh unscored", "1", "12 %", "1 to 64 %"],
    ]
    assert words(page, "#unscored .chips") == "meh 1"
    assert rows(page, "#activity .ranking") == [
        ["page_view", "3", "3"],
        ["regenerate", "2", "2"],
        ["search", "1", "1"],
    ]


@pytest.mark.parametrize("text", ["It rose by 3 %.", "A long answer. " * 40, *HOSTILE])
def test_the_worst_message_is_shown_with_its_text(
    visitor: Visitor, insights: Insights, empty_database: Database[Document], text: str
) -> None:
    messages = [
        {"message_id": "q", "role": "user", "content": f"Asked: {text}"},
        {"message_id": "m", "role": "assistant", "content": text},
    ]
    empty_database.sessions.insert_one({"messages": messages})
    empty_database.feedback.insert_many(
        a_feedback(at(2, 9), message_id="m", user_id=user, rating="down") for user in "ab"
    )
    lookup = {"MESSAGE_LOOKUP": "sessions.messages.message_id"}
    page = visitor.open(write(insights, *PERIOD, **lookup))

    shown = " ".join(clean(text).split())
    asked, answered = page.locator(".exchange blockquote").all_text_contents()
    assert (asked.strip(), answered.strip()) == (f"Asked: {shown}", shown)
    assert shown[:40] in words(page, ".question:nth-child(2) .answer")
    assert page.evaluate("window.hacked") is None


def test_says_how_the_worst_are_ranked(
    visitor: Visitor, insights: Insights, empty_database: Database[Document]
) -> None:
    rated = [("a", "down", 1), ("b", "down", 2), ("c", "up", 3)]
    empty_database.feedback.insert_many(
        a_feedback(at(2, hour), message_id=message, rating=rating)
        for message, rating, hour in rated
    )
    page = visitor.open(write(insights, *PERIOD))

    assert "Each has a single rating" in words(page, "#worst .lead")
    assert page.locator(".worst h3").all_text_contents() == ["b", "a"]
    assert words(page, ".worst > li:first-child .message") == "b rated 2 Nov 2026 02:00"
    assert "The newest negative rating; no answer has several." in words(
        page, ".question:nth-child(2)"
    )

    empty_database.feedback.insert_one(
        a_feedback(at(2, 4), message_id="a", user_id="u2", rating="down")
    )
    page = visitor.open(write(insights, *PERIOD))
    assert "lower end of the 95 % interval" in words(page, "#worst .lead")
    assert page.locator(".worst h3").all_text_contents() == ["a", "b"]


def test_the_worst_message_is_shown_with_its_comments(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    assert page.locator(".worst > li").count() == 1
    assert words(page, ".worst .message") == "bad All 3 ratings are negative (44 to 100 %)"
    page.get_by_text("1 more comment").click()
    comments = page.locator(".worst blockquote").all_text_contents()
    # Newest first, and the long one in full.
    assert comments == ["Too slow.", LONG_COMMENT, "Wrong city."]
    whole = page.locator(".worst blockquote").nth(1)
    assert not whole.is_visible()
    page.get_by_text("full comment").click()
    assert whole.is_visible()


def test_shows_the_events_before_negative_ratings(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    # The last event of every rating that has one, and a third of all events: three times as often.
    assert rows(page, ".journeys") == [
        ["regenerate", "100 %34 to 100 %", "-", "33 %", TIMES_3],
        ["page_view, then →regenerate", "100 %34 to 100 %", "-", "33 %", TIMES_3],
    ]
    counted = (
        "3 negative ratings, 1 without an event in the 30 minutes before. 3 positive ratings, "
    )
    assert f"{counted}3 without." in words(page, "#journeys .lead")
    assert page.locator(".journeys .outstanding").count() == 0


def test_marks_the_events_that_are_clearly_more_frequent_before_negative_ratings(
    insights: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    for number in range(50):
        for rating, event_type in (
            ("down", "error_shown" if number < 20 else "answer_shown"),
            ("up", "answer_copied" if number < 20 else "answer_shown"),
        ):
            user = f"{rating}{number}"
            rated = a_feedback(at(2, 10), user_id=user, rating=rating)
            event = an_event(at(2, 9, 59), user_id=user, event_type=event_type)
            empty_database.feedback.insert_one(rated)
            empty_database.analytics.insert_one(event)

    page = visitor.open(write(insights, *PERIOD))

    assert words(page, ".question:nth-child(3)") == (
        "What comes before a negative rating? error_shown "
        "The last event in 40 % (28 to 54 %) of cases, before a positive rating in 0 % (0 to 7 %)."
    )
    assert rows(page, ".journeys")[:2] == [
        ["answer_shown", "60 %46 to 72 %", "60 %46 to 72 %", "60 %", "1.0\N{MULTIPLICATION SIGN}"],
        [
            "error_shown (stands out)",
            "40 %28 to 54 %",
            "0 %0 to 7 %",
            "20 %",
            "2.0\N{MULTIPLICATION SIGN}",
        ],
    ]
    assert page.locator(".journeys .outstanding").count() == 2
    assert overflows(page) == []


def test_needs_no_network_and_makes_no_requests(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures, offline=True)
    assert page.locator("#chart-events .wide svg").is_visible()
    assert visitor.requests == [figures]


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_hostile_texts_run_nothing_and_break_no_layout(
    visitor: Visitor, hostile: str, width: int
) -> None:
    page = visitor.open(hostile, width)
    open_all(page)
    assert page.evaluate("window.hacked") is None
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, [onerror], [onfocus], [onmouseover]").count() == 0
    comments = page.locator(".worst blockquote").all_text_contents()
    assert {SCRIPT, HOSTILE[1], HOSTILE[3]} <= set(comments)
    assert axe_violations(page) == []
    assert not any(control in "".join(comments) for control in "\u202e\u2067\x1b\u200e\u200f\u061c")
    assert overflows(page) == []


def test_hostile_names_stay_texts_in_tooltips(visitor: Visitor, hostile: str) -> None:
    page = visitor.open(hostile)
    page.locator("#chart-events .wide [aria-label^='2 Nov']").hover()
    tip = page.locator(".tip")
    assert SCRIPT in tip.inner_text()
    assert tip.locator("*").count() == 0
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def open_all(page: Page) -> None:
    """Open every collapsed element."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def test_nothing_overflows_at_any_width(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    open_all(page)
    for width in (PHONE, 420, 600, 768, 1024, DESKTOP, WIDE):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert (width, overflows(page), broken_names(page)) == (width, [], [])
    main = page.locator("main").bounding_box()
    assert main is not None
    assert main["width"] > 0.9 * WIDE


@pytest.mark.parametrize("width", [PHONE, 640, DESKTOP])
def test_chart_texts_are_large_enough(visitor: Visitor, figures: str, width: int) -> None:
    assert smallest_text_of_a_chart(visitor.open(figures, width)) >= 10.9


def test_each_chart_is_shown_in_one_width(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures, PHONE)
    assert page.locator(".chart .narrow:visible").count() == 4
    assert page.locator(".chart .wide:visible").count() == 0
    page.set_viewport_size({"width": DESKTOP, "height": HEIGHT})
    assert page.locator(".chart .narrow:visible").count() == 0
    assert page.locator(".chart .wide:visible").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_enough_contrast(visitor: Visitor, figures: str, scheme: str) -> None:
    page = visitor.open(figures, scheme="dark" if scheme == "dark" else "light")
    open_all(page)
    assert low_contrasts(page) == []
    assert axe_violations(page) == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert dark == (scheme == "dark")


def test_everything_has_an_accessible_name(visitor: Visitor, figures: str) -> None:
    assert missing_names(visitor.open(figures)) == []


def test_the_keyboard_reaches_and_opens_the_tables(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the figures"
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    reached = []
    for _ in range(36):
        page.keyboard.press("Tab")
        reached.append(focused(page))
    order = [
        "Answers",
        "listed below",
        "Show as a table: Share of positive ratings",
        "Show as a table: Ratings",
        "full comment",
        "Show as a table: Events by type",
        "Show as a table: Daily active users",
    ]
    places = [next(i for i, text in enumerate(reached) if each in text) for each in order]
    assert places == sorted(places)
    page.locator("#chart-share summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#chart-share table").is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "scroll"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def focused(page: Page) -> str:
    """Return the text of the focused element."""
    return str(page.evaluate("document.activeElement.textContent.replace(/\\s+/g, ' ').trim()"))


def test_prints_on_white_without_interactive_elements(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures, scheme="dark")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert not page.locator("#chart-share details").is_visible()
    assert page.locator(".worst blockquote").all_text_contents() == [
        "Too slow.",
        LONG_COMMENT,
        "Wrong city.",
    ]
    assert all(each.is_visible() for each in page.locator(".worst blockquote").all())
    assert not page.get_by_text("1 more comment").is_visible()
    # A title on one page and its table on the next are of no use.
    breaks = page.locator(".board > *, .pair > *").evaluate_all(
        "(all) => all.map((each) => getComputedStyle(each).breakInside)"
    )
    assert set(breaks) == {"avoid"}
    assert low_contrasts(page) == []
    assert overflows(page) == []


def test_prints_the_file_name_and_replaces_the_file_atomically(
    insights: Insights, empty_database: Database[Document]
) -> None:
    fill(empty_database)
    path = insights.folder / "dashboard.html"
    path.write_text("old")
    result = insights("dashboard", *PERIOD)
    assert (result.exit_code, result.stdout) == (0, "dashboard.html\n")
    assert path.read_text().endswith("</html>")
    assert list(insights.folder.iterdir()) == [path]


def test_an_unwritable_file_is_an_error(
    insights: Insights, empty_database: Database[Document], tmp_path: Path
) -> None:
    fill(empty_database)
    result = insights("dashboard", *PERIOD, "--out", str(tmp_path / "missing" / "page.html"))
    assert result.exit_code == 4
    assert "page.html: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("stored", "options", "said"),
    [
        (None, [], "The database {} has none at all. Is it the right one?"),
        (at(25, 9, month=10), [], "To see them, choose another period: insights dashboard --since"),
        (at(2, 9), ["--user", "u9"], "To see them, leave out the filters: insights dashboard"),
    ],
)
def test_a_page_without_data_says_what_to_do(
    insights: Insights,
    empty_database: Database[Document],
    visitor: Visitor,
    stored: datetime | None,
    options: list[str],
    said: str,
) -> None:
    if stored:
        empty_database.feedback.insert_one(a_feedback(stored))

    result = insights("dashboard", *PERIOD, *options)

    assert (result.exit_code, result.stdout) == (0, "dashboard.html\n")
    assert "from 1 Nov 2026 00:00 to 11 Nov 2026 00:00 UTC" in result.stderr
    page = visitor.open((insights.folder / "dashboard.html").as_uri())
    shown = words(page, ".empty")
    assert shown.startswith("No feedback and no events None ")
    assert said.format(empty_database.name) in shown
    assert axe_violations(page) == []
    assert missing_names(page) == []


def test_a_day_is_drawn_by_hour(
    insights: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    empty_database.feedback.insert_many(
        a_feedback(at(day, hour), message_id=f"m{hour}") for day, hour in ((1, 10), (2, 0), (2, 8))
    )
    empty_database.analytics.insert_many(an_event(at(2, hour)) for hour in (8, 8, 9))

    page = visitor.open(
        write(insights, "--since", "2026-11-01T09:30", "--until", "2026-11-02T09:30")
    )

    ratings, users = rows(page, "#chart-ratings"), rows(page, "#chart-users")
    # From the first rating, and the first event.
    assert [(row[0], row[1]) for row in ratings if row[1] != "0"] == [
        ("1 Nov 2026 10:00", "1"),
        ("2 Nov 2026 00:00", "1"),
        ("2 Nov 2026 08:00", "1"),
    ]
    assert (ratings[0][0], ratings[-1][0]) == ("1 Nov 2026 10:00", "2 Nov 2026 09:00")
    assert users == [["2 Nov 2026 08:00", "1"], ["2 Nov 2026 09:00", "1"]]
    drawn = page.locator("#chart-ratings .wide svg").text_content() or ""
    assert all(label in drawn for label in ("12:00", "2 Nov", "08:00"))
    assert words(page, "#chart-users h3") == "Hourly active users"
    # Ticks of a count are whole.
    assert page.locator("#chart-ratings .wide .role-axis-label text").all_text_contents()[-2:] == [
        "0",
        "1",
    ]
    assert axe_violations(page) == []


def test_a_single_bar_is_a_table(
    insights: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    empty_database.feedback.insert_many(a_feedback(at(9, 9)) for _ in range(3))
    page = visitor.open(write(insights, *PERIOD))
    assert page.locator("#chart-ratings svg.marks").count() == 0
    assert page.locator("#chart-ratings table").is_visible()
    assert words(page, "#chart-ratings") == (
        "Ratings 3 ratings: 3 positive. Ratings Hour (UTC) positive 9 Nov 2026 09:00 3"
    )
    assert words(page, ".question:nth-child(2)") == (
        "Which answer is worst? No negative ratings No answer has one in this period."
    )


def test_the_arrow_keys_show_the_values_of_a_chart(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    tip = page.locator(".tip")
    page.get_by_text("listed below").focus()
    page.keyboard.press("Tab")
    assert tip.inner_text().startswith("10 Nov 2026")
    for key, day in (("ArrowLeft", 9), ("Home", 1), ("ArrowRight", 2), ("End", 10)):
        page.keyboard.press(key)
        assert tip.inner_text().startswith(f"{day} Nov 2026")
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.keyboard.press("ArrowLeft")
    assert tip.is_visible()
    page.keyboard.press("Tab")
    assert not tip.is_visible()


def test_shares_have_one_style_and_series_have_data(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    shown = page.locator("body").inner_text() + (page.locator("#chart-share").text_content() or "")
    assert re.findall(r"[0-9]%", shown) == []
    assert "100\N{NO-BREAK SPACE}%" in (page.locator("#chart-share .wide").text_content() or "")
    # The axes have no labels for the pointer.
    labels = page.locator("svg [aria-label]").evaluate_all("(all) => all.map((e) => e.ariaLabel)")
    assert all("Nov 2026" in label for label in labels)


@pytest.mark.parametrize(
    ("ratings", "said"),
    [
        (["down"], "Its only rating is negative (21 to 100 %)"),
        (["down", "down"], "Both ratings are negative (34 to 100 %)"),
        (["down", "up", "up"], "1 of 3 ratings is negative (6 to 79 %)"),
    ],
)
def test_says_how_many_ratings_are_negative(
    insights: Insights,
    empty_database: Database[Document],
    visitor: Visitor,
    ratings: list[str],
    said: str,
) -> None:
    empty_database.feedback.insert_many(
        a_feedback(at(2, 9), message_id="m", user_id=f"u{number}", rating=rating)
        for number, rating in enumerate(ratings)
    )
    # So that not every answer has a single rating.
    empty_database.feedback.insert_many(
        a_feedback(at(2, 9), message_id="n", user_id=user, rating="down") for user in "abc"
    )
    page = visitor.open(write(insights, *PERIOD))
    assert f"m {said}" in page.locator(".worst .message").evaluate_all(
        "(all) => all.map((each) => each.innerText.replace(/\\s+/g, ' ').trim())"
    )


def test_stacked_accents_end_with_their_text(visitor: Visitor, figures: str) -> None:
    page = visitor.open(figures)
    for name in (".worst h3", ".worst blockquote", ".chip", ".legend bdi"):
        style = page.locator(name).first.evaluate("(each) => getComputedStyle(each).overflow")
        assert (name, style) == (name, "clip")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--since", "yesterday"], "'yesterday' is not a time"),
        (["--serve", "--out", "page.html"], "--out cannot be used with --serve"),
        (["--port", "80"], "--port needs --serve"),
        (["--serve", "--port", "70000"], "less than or equal to 65535"),
    ],
)
def test_contradictory_options_are_refused(
    command_line: Insights, options: list[str], message: str
) -> None:
    result = command_line("dashboard", *options)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(("days", "bars"), [(1, 1), (92, 92), (93, 14), (365, 53), (3650, 87)])
def test_long_periods_are_drawn_by_week(days: int, bars: int) -> None:
    first = date(2026, 1, 1)
    spans = group([FeedbackDay(first + timedelta(number), 1, 1, 0, 0) for number in range(days)])
    assert len(spans) == bars <= MAXIMUM_BARS
    assert sum(span.total("count") for span in spans) == days
    assert spans[-1].days[-1].day == first + timedelta(days - 1)


@pytest.mark.parametrize(
    ("counts", "phrase"),
    [
        ([1, 3, 2], "; peak: 2 Jan 2026 (3)"),
        ([3, 1, 3], "; peak: 1 Jan 2026 and 3 Jan 2026 (3 each)"),
        ([3, 3, 3], "; peak: 3 days (3 each)"),
        ([0, 3, 0], ""),
    ],
)
def test_all_the_highest_days_are_named(counts: list[int], phrase: str) -> None:
    first = date(2026, 1, 1)
    days = [FeedbackDay(first + timedelta(at), n, n, 0, 0) for at, n in enumerate(counts)]
    assert peak([Bar(span, [span.total("count")]) for span in group(days)]) == phrase


@pytest.mark.parametrize(
    ("name", "html"),
    [
        ("answer_shown", "answer_<wbr>shown"),
        ("/chat/new", "/<wbr>chat/<wbr>new"),
        ("gpt-4o.mini", "gpt-<wbr>4o.<wbr>mini"),
        ("pageView", "page<wbr>View"),
        ("__init__", "__<wbr>init__"),
        ("<b>_x", "&lt;b&gt;_<wbr>x"),
        (" ", "&#34; &#34;"),
    ],
)
def test_names_break_between_their_words(name: str, html: str) -> None:
    assert breakable(name) == html


def test_null_is_shown_as_nothing() -> None:
    assert finalize(None) == ""
