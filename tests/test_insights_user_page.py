"""The page of one user, and the ways to it from the dashboard's comments."""

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from bson import ObjectId
from playwright.sync_api import Page, expect
from pymongo import MongoClient
from pymongo.database import Database

from insights.kinds import Kind
from insights.pages.links import Links, just_after
from insights.pages.questions import LAST_MONTH, question_of
from insights.pages.users import to_user_page
from insights.queries.periods import LAST_TIME, Period
from insights.users.timelines import Entry, Timeline
from insights.wording import show_day
from tests.support.chromium import DESKTOP, HEIGHT, PHONE, Visitor
from tests.support.documents import Document, a_feedback, an_event
from tests.support.insights_cli import Insights
from tests.support.mongod import Mongod
from tests.support.page_checks import low_contrasts, missing_names, overflows
from tests.support.served import SECONDS_TO_END, Served, serving

MINUTE = timedelta(minutes=1)
OID = ObjectId("5f5e10000000000000000001")

# Inside the dashboard's default period, on one day, and to the millisecond.
RATED = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=7000) - timedelta(days=2)
UNTIL = just_after(RATED)

TIME_LINE = "user's timeline"

HOSTILE = [
    "'\"><img src=x onerror=window.hacked=1>",
    "<script>window.hacked = 1</script>",
    "a&id=b&token=c",
    "javascript:alert(1)",
    "a\nb\t\x1b[31m",
    "\u202egnp.exe\u2067",
    "--yes",
    " $(touch x) `y` ",
    "../?#%00+%2B",
    "W" * 200,
    "ünï 👍🏽",
]


@pytest.fixture(scope="module")
def shared_database(mongodb_uri: str) -> Iterator[Database[Document]]:
    """Return the database of the server that the tests share."""
    with MongoClient[Document](mongodb_uri, uuidRepresentation="standard") as client:
        yield client["test_user_page"]
        client.drop_database("test_user_page")


@pytest.fixture(scope="module")
def served(
    shared_database: Database[Document],
    mongodb_uri: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """Serve the dashboard of the shared database."""
    settings = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": shared_database.name}
    lookup = {"MESSAGE_LOOKUP": "sessions.messages.message_id"}
    with serving(Insights(tmp_path_factory.mktemp("served"), **settings, **lookup)) as served:
        yield served


@pytest.fixture
def database(shared_database: Database[Document]) -> Database[Document]:
    """Return the shared database, emptied."""
    for name in ("feedback", "analytics", "sessions"):
        shared_database[name].delete_many({})
    return shared_database


def store_a_complaint(database: Database[Document], user_id: Any = "u1") -> str:
    """Store a negative rating, and events before and after it; return its comment."""
    comment = f"Wrong city ({uuid4()})."
    feedback = a_feedback(RATED, message_id="m1", rating="down", comment=comment)
    database.feedback.insert_one(feedback | {"user_id": user_id})
    database.analytics.insert_many(
        an_event(RATED + offset, event_type=name, details=details) | {"user_id": user_id}
        for offset, name, details in (
            (-2 * MINUTE, "page_view", {"page": "/chat", "seconds": 4.5}),
            (-MINUTE, "answer_shown", {"message_id": "m1"}),
            (MINUTE, "sign_out", {}),
        )
    )
    return comment


def open_dashboard(visitor: Visitor, served: Served, comment: str) -> Page:
    """Open the dashboard, and wait until it shows a comment."""
    page = visitor.open(served.url)
    expect(page.locator("#worst blockquote")).to_have_text(comment)
    return page


def titles(page: Page) -> list[str]:
    """Return the ratings and the types of the events on a page."""
    return page.locator(".entry .chip").all_text_contents()


def texts(page: Page, selector: str) -> list[str]:
    """Return the visible texts of elements, with whitespace collapsed."""
    return [" ".join(each.split()) for each in page.locator(selector).all_inner_texts()]


def open_user(visitor: Visitor, served: Served, user_id: str, **options: Any) -> Page:
    """Open the page of a user."""
    return visitor.open(str(served.at("user", id=user_id)), **options)


def test_a_comment_links_to_the_time_before_it(
    served: Served, database: Database[Document], visitor: Visitor
) -> None:
    comment = store_a_complaint(database)
    page = open_dashboard(visitor, served, comment)

    page.get_by_role("link", name=TIME_LINE).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("u1")
    assert titles(page) == ["down", "answer_shown", "page_view"]
    assert texts(page, ".entry") == [
        f"Feedback down {comment} message_id=m1",
        "Event answer_shown message_id=m1",
        "Event page_view page=/chat seconds=4.5",
    ]
    assert page.locator("section h2").all_text_contents() == [show_day(RATED)]
    times = page.locator(".entries time").all_text_contents()
    assert times == ["12:00:00", "11:59:00", "11:58:00"]
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".entry .chip").first).to_have_text("sign_out")
    assert titles(page) == ["sign_out", "down", "answer_shown", "page_view"]
    page.get_by_role("link", name="Back to the dashboard").click()
    expect(page.locator("#worst blockquote")).to_have_text(comment)


@pytest.mark.parametrize("user_id", HOSTILE)
def test_any_user_id_leads_to_its_own_page_and_runs_nothing(
    served: Served, database: Database[Document], visitor: Visitor, user_id: str
) -> None:
    page = open_dashboard(visitor, served, store_a_complaint(database, user_id))
    link = page.get_by_role("link", name=TIME_LINE)
    expect(link).to_have_count(1)
    assert httpx.URL(str(link.evaluate("(each) => each.href"))).path == "/user"

    link.click()

    expect(page.locator(".entry")).to_have_count(3)
    shown = page.get_by_role("heading", level=1).inner_text()
    assert not re.search(r"[\x00-\x1f\u202a-\u202e\u2066-\u2069]", shown)
    assert page.evaluate("window.hacked") is None
    assert page.locator("script, img").count() == 0
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".entry")).to_have_count(4)
    assert overflows(page) == []


@pytest.mark.parametrize(("user_id", "shown"), [(42, "42"), (4.5, "4.5"), (OID, str(OID))])
def test_ids_of_other_types_are_linked_as_texts(
    served: Served, database: Database[Document], visitor: Visitor, user_id: Any, shown: str
) -> None:
    page = open_dashboard(visitor, served, store_a_complaint(database, user_id))

    page.get_by_role("link", name=TIME_LINE).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(shown)
    assert titles(page) == ["down", "answer_shown", "page_view"]


@pytest.mark.parametrize("user_id", [None, True, ["u1"], {"id": "u1"}])
def test_a_comment_of_no_user_has_no_link(
    served: Served, database: Database[Document], visitor: Visitor, user_id: Any
) -> None:
    page = open_dashboard(visitor, served, store_a_complaint(database, user_id))

    assert page.get_by_text(TIME_LINE).count() == 0


def test_shows_messages_and_unfolds_long_texts(
    served: Served, database: Database[Document], visitor: Visitor
) -> None:
    store_a_complaint(database)
    question = {"message_id": "q1", "role": "user", "content": "Capital of <b>Germany</b>?"}
    answer = {"message_id": "m1", "role": "model", "content": "Bonn. " * 60 + "End."}
    database.sessions.insert_one({"messages": [question, answer]})

    page = open_user(visitor, served, "u1")

    assert page.locator("dl.exchange").count() == 1
    assert page.locator("dd").first.inner_text() == "Capital of <b>Germany</b>?"
    assert not page.get_by_text("End.").is_visible()
    page.get_by_text("whole answer").click()
    assert page.get_by_text("End.").is_visible()
    assert low_contrasts(page) == []


def test_says_what_is_left_out(
    served: Served, database: Database[Document], visitor: Visitor
) -> None:
    database.analytics.insert_many(
        [an_event(RATED + number * MINUTE) for number in range(101)]
        + [an_event(RATED) | {"timestamp": "today"}]
    )

    page = open_user(visitor, served, "u1")

    expect(page.locator(".entry")).to_have_count(100)
    assert texts(page, ".top p") == [
        "0 feedback and 101 events, newest first",
        "1 event has no date and is left out.",
    ]
    assert page.locator("footer").inner_text().split("\n")[0] == (
        "Older ones are left out. This command shows more: insights user --limit 1000 u1"
    )


def test_shows_what_other_programs_stored(
    served: Served, database: Database[Document], visitor: Visitor
) -> None:
    database.analytics.insert_many(
        [
            {"user_id": "u1", "timestamp": RATED},
            {"user_id": "u1", "timestamp": RATED, "event_type": 7, "details": ["<b>"]},
        ]
    )
    database.feedback.insert_one(
        {"user_id": "u1", "timestamp": RATED, "rating": "", "comment": {"a": "<i>"}}
    )

    page = open_user(visitor, served, "u1")

    assert sorted(texts(page, ".entry")) == [
        "Event (no type)",
        'Event 7 details=["<b>"]',
        'Feedback (no rating) {"a": "<i>"}',
    ]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"id": "nobody"}, "Nothing is stored for this user."),
        ({"id": "<b>nobody</b>"}, "&lt;b&gt;nobody&lt;/b&gt;"),
        ({"id": ""}, "Nothing is stored for this user."),
        ({}, "Nothing is stored for this user."),
        ({"id": "u1", "until": "2020-01-01"}, "Nothing is stored for this user in this period."),
    ],
)
def test_a_page_without_entries_is_not_found(
    served: Served, database: Database[Document], query: dict[str, str], said: str
) -> None:
    store_a_complaint(database)

    response = httpx.get(served.at("user", **query))

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert said in response.text


def test_undated_documents_alone_are_named(served: Served, database: Database[Document]) -> None:
    database.feedback.insert_one({"user_id": "u1", "rating": "up"})

    response = httpx.get(served.at("user", id="u1"))

    assert response.status_code == 404
    assert "Nothing else is stored for this user." in response.text
    assert "1 feedback has no date and is left out." in response.text


def test_a_wrong_time_is_refused(served: Served) -> None:
    response = httpx.get(served.at("user", id="u1", until="<b>"))

    assert (response.status_code, response.headers["Content-Type"]) == (
        400,
        "text/plain; charset=utf-8",
    )
    assert response.text.startswith("'<b>' is not a time: use an ISO 8601 date or time")


@pytest.mark.parametrize("user_id", ["u1", "nobody"])
def test_a_head_request_has_no_body(
    served: Served, database: Database[Document], user_id: str
) -> None:
    store_a_complaint(database)

    response = httpx.head(served.at("user", id=user_id), timeout=SECONDS_TO_END)

    assert (response.status_code, response.content) == (200 if user_id == "u1" else 404, b"")


def test_has_the_same_headers_as_the_dashboard(
    served: Served, database: Database[Document]
) -> None:
    store_a_complaint(database)
    addresses = [served.at("user", id=user_id) for user_id in ("u1", "nobody")]

    dashboard, *pages = (httpx.get(each).headers for each in (served.at(""), *addresses))

    varying = {"date", "content-length"}
    assert {name: dashboard[name] for name in dashboard if name not in varying} == {
        name: pages[0][name] for name in pages[0] if name not in varying
    }
    assert pages[1]["Content-Security-Policy"] == dashboard["Content-Security-Policy"]
    assert pages[1]["Referrer-Policy"] == "no-referrer"


def test_a_mongodb_that_is_down_is_named(own_mongod: Mongod, tmp_path: Any) -> None:
    own = Insights(tmp_path, MONGODB_URI=own_mongod.uri, MONGODB_DATABASE="up2d8")
    with serving(own) as served:
        own_mongod.kill()

        response = httpx.get(served.at("user", id="u1"), timeout=2 * SECONDS_TO_END)

    assert response.status_code == 503
    assert response.text == "MongoDB does not answer. Reload the page to try again.\n"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_is_readable_at_every_width(
    served: Served, database: Database[Document], visitor: Visitor, scheme: Any
) -> None:
    store_a_complaint(database)
    long = {"a" * 90: "b" * 900, "texts": ["word " * 100]}
    database.analytics.insert_one(an_event(RATED, event_type="c" * 200, details=long))

    page = open_user(visitor, served, "u1", scheme=scheme)

    assert missing_names(page) == []
    assert low_contrasts(page) == []
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for width in (PHONE, 768, DESKTOP):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert (width, overflows(page)) == (width, [])


def write(insights: Insights) -> str:
    """Write the dashboard to a file; return its address."""
    path = insights.folder / "page.html"
    assert insights("dashboard", "--out", str(path)).exit_code == 0
    return path.as_uri()


@pytest.mark.parametrize(
    "user_id", ["user-0042", "it's <b>\"&", "--yes", " $(x)  `y` ", "ünï 👍🏽"]
)
def test_a_file_has_a_command_that_works(
    insights: Insights, empty_database: Database[Document], visitor: Visitor, user_id: str
) -> None:
    store_a_complaint(empty_database, user_id)
    page = visitor.open(write(insights))
    code = page.locator("#worst code")
    assert not code.is_visible()

    page.get_by_text(TIME_LINE).click()

    assert code.is_visible()
    program, *arguments = shlex.split(code.inner_text())
    assert (program, arguments[:3]) == ("insights", ["user", "--until", UNTIL])
    lines = insights(*arguments, "--json").lines if user_id != "--yes" else None
    result = insights(*arguments)
    assert result.stdout.startswith(f"1 feedback and 2 events of {user_id}\n")
    assert lines is None or [each["user_id"] for each in lines] == [user_id] * 3
    code.click()
    assert page.evaluate("getSelection().toString()") == code.inner_text()
    assert page.locator("#worst a").count() == 0
    assert missing_names(page) == []


@pytest.mark.parametrize("user_id", ["a\nb", "a\x1b[31m", "\u202egnp.exe"])
def test_a_file_has_no_command_with_control_characters(
    insights: Insights, empty_database: Database[Document], visitor: Visitor, user_id: str
) -> None:
    store_a_complaint(empty_database, user_id)

    page = visitor.open(write(insights))

    code = page.locator("#worst code").text_content()
    assert code == f"insights user --until {UNTIL} USER_ID"


def test_a_command_is_not_printed(
    insights: Insights, empty_database: Database[Document], visitor: Visitor
) -> None:
    store_a_complaint(empty_database)
    page = visitor.open(write(insights))

    page.emulate_media(media="print")

    assert not page.get_by_text(TIME_LINE).is_visible()


def test_says_why_messages_are_missing() -> None:
    notes: list[str] = []

    def entries() -> Iterator[Entry]:
        yield Entry(Kind.EVENTS, an_event(RATED))
        notes.append("the MongoDB user may not read <messages>")

    timeline = Timeline("u1", Period(), 5, {Kind.FEEDBACK: 0, Kind.EVENTS: 1}, [], entries(), notes)

    html = to_user_page(timeline, links("t"))

    assert "the MongoDB user may not read &lt;messages&gt;." in html


def test_an_address_includes_the_time_of_the_comment() -> None:
    time = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
    assert links("t-_").user("a b&c", time) == (
        "/user?id=a+b%26c&until=2026-11-01T09%3A30%3A00.001Z&token=t-_"
    )
    assert links("t").user("u1") == "/user?id=u1&token=t"
    assert just_after(LAST_TIME) == "9999-12-31T23:59:59.999Z"


def links(token: str) -> Links:
    """Return the links of a page about the default question."""
    default = question_of(LAST_MONTH)
    return Links(token, default, default)
