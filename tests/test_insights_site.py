"""Questions to the served dashboard: the form, the lists, and the links between the pages."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
from playwright.sync_api import expect
from pymongo import MongoClient
from pymongo.database import Database

from tests.support.chromium import PHONE, Visitor
from tests.support.documents import Document, a_feedback, an_event
from tests.support.insights_cli import Insights
from tests.support.page_checks import low_contrasts, missing_names, overflows
from tests.support.served import SECONDS_TO_END, Served, serving

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)

NAME = "test_site"

SCRIPT = "\"'><script>window.hacked = 1</script>"


@pytest.fixture(scope="module")
def configured(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Insights:
    """Return a runner of the operator's tool for the shared database."""
    return Insights(
        tmp_path_factory.mktemp("served"),
        MONGODB_URI=mongodb_uri,
        MONGODB_DATABASE=NAME,
        MESSAGE_LOOKUP="messages._id",
        SYSTEM_USERS="system",
    )


@pytest.fixture(scope="module")
def database(mongodb_uri: str) -> Iterator[Database[Document]]:
    """Return a database with a few ratings, events and messages, which tests only read."""
    with MongoClient[Document](mongodb_uri, uuidRepresentation="standard") as client:
        client.drop_database(NAME)
        database = client[NAME]
        database.feedback.insert_many(
            [
                *(
                    a_feedback(
                        # Seven have the same time, two before the fiftieth.
                        NOW - DAY - timedelta(seconds=number if not 48 < number < 55 else 48),
                        message_id=f"m{number:03}",
                        user_id="u1",
                        rating="down",
                    )
                    for number in range(120)
                ),
                a_feedback(NOW - 2 * DAY, message_id="m001", user_id="u2", rating="down"),
                a_feedback(NOW - 2 * DAY, message_id="m002", user_id="u2", rating="positive"),
                a_feedback(
                    NOW - 10 * DAY, message_id="m3", user_id="u3", rating="up", comment=SCRIPT
                ),
                a_feedback(NOW - DAY, user_id="system", rating="down"),
            ]
        )
        database.analytics.insert_many(
            an_event(
                NOW - DAY - timedelta(seconds=number),
                event_type=SCRIPT if number % 2 else "page_view",
                details={"model": ["atlas-1", "atlas-2"][number % 2]},
            )
            for number in range(60)
        )
        database.messages.insert_one({"_id": "m001", "content": "Bonn.", "model": "atlas-2"})
        yield database
        client.drop_database(NAME)


@pytest.fixture(scope="module")
def served(configured: Insights, database: Database[Document]) -> Iterator[Served]:
    """Serve the dashboard of the database."""
    assert database.name == NAME
    with serving(configured) as served:
        yield served


def get(served: Served, path: str = "", query: str = "") -> httpx.Response:
    """Request a page with a query that is already encoded."""
    address = f"{served.at(path)}&{query}".rstrip("&")
    return httpx.get(address, timeout=6 * SECONDS_TO_END)


def links(html: str, path: str) -> list[str]:
    """Return the addresses of a page's links to a path."""
    return [unescape(each) for each in re.findall(rf'href="(/{path}\?[^"]*)"', html)]


def ids(response: httpx.Response) -> list[str]:
    """Return the ids of the messages in a list of feedback."""
    assert response.status_code == 200
    return re.findall(r"message_id=(\w+)", response.text)


def test_an_address_asks(served: Served) -> None:
    assert '<dd class="value">123</dd>' in get(served).text
    assert '<dd class="value">122</dd>' in get(served, query="since=7d").text
    asked = get(served, query="since=7d&user=u2&where=details.model%3Datlas-2&by=message.model")
    assert '<dd class="value">2</dd>' in asked.text
    assert "details.model = atlas-2" in asked.text
    assert "message.model</bdi> is better?" in asked.text


def test_suggests_what_is_stored(served: Served) -> None:
    html = get(served).text

    suggested = [unescape(each) for each in re.findall(r'<option value="([^"]*)">', html)]
    stored = {"negative", "down", "page_view", SCRIPT, "details.model=atlas-2", "message.model"}
    assert stored <= {*suggested}
    # Ids are not repeated.
    assert not [each for each in suggested if each.startswith("message._id=")]


def test_the_options_of_the_command_are_asked_without_a_query(configured: Insights) -> None:
    options = ("--port", "0", "--since", "7d", "--user", "u2")
    with serving(configured, *options) as served:
        assert '<dd class="value">2</dd>' in get(served).text
        assert '<dd class="value">122</dd>' in get(served, query="user=").text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=x", "&#39;x&#39; is not a time"),
        ("where=foo", "is not FIELD OPERATOR VALUE"),
        ("where=details.a~[", "the pattern after ~ is not valid"),
        ("user=%00", "a text with a NUL"),
        (f"user={'x' * 10_000}", "longer than 1,000 characters"),
        ("&".join(f"where=details.a={number}" for number in range(200)), "more than 20"),
        (f"since={SCRIPT}", "is not a time"),
        ("since=%FF%FE%F0%9F&until=%E2%80%AE", "is not a time"),
    ],
)
@pytest.mark.parametrize("path", ["", "feedback", "stream"])
def test_a_wrong_value_is_named_beside_its_field(
    served: Served, path: str, query: str, said: str
) -> None:
    response = get(served, path, query)

    if path == "feedback" and said.startswith("the pattern"):
        # Feedback has no details, so this condition is not asked.
        assert response.status_code == 200
        return
    assert response.status_code == 400
    assert said in re.sub(r"\s+", " ", response.text)
    assert 'aria-invalid="true"' in response.text
    assert "<script>window" not in response.text


def test_a_list_compares_nothing(served: Served) -> None:
    assert get(served, query="by=foo").status_code == 400
    assert get(served, "feedback", "by=foo").status_code == 200


@pytest.mark.parametrize("name", ["user", "rating", "event_type", "message", "not_user", "zz"])
@pytest.mark.parametrize("path", ["", "feedback", "events"])
def test_any_text_is_only_a_text(served: Served, path: str, name: str) -> None:
    value = "%22%27%3E%3Cscript%3Ewindow.hacked+%3D+1%3C/script%3E%E2%80%AE%0A%F0%9F%91%8D"

    response = get(served, path, f"{name}={value}")

    assert response.status_code == 200
    assert "<script>window" not in response.text
    assert "&lt;script&gt;window" in response.text or name == "zz"


def test_a_rating_leads_to_its_feedback_and_a_type_to_its_events(served: Served) -> None:
    html = get(served, query="since=7d").text

    feedback = {
        httpx.URL(each).params.get("rating") or httpx.URL(each).params["where"]: each
        for each in links(html, "feedback")
    }
    assert [*feedback] == ["down", 'rating="positive"']
    found = httpx.get(httpx.URL(served.url).join(feedback['rating="positive"']))
    assert ids(found) == ["m002"]
    events = links(html, "events")
    assert [httpx.URL(each).params["event_type"] for each in events] == ["page_view", SCRIPT] or [
        SCRIPT,
        "page_view",
    ]
    listed = httpx.get(httpx.URL(served.url).join(events[0])).text
    assert "30 events, newest first" in listed
    assert httpx.URL(links(listed, "")[0]).params["since"] == "7d"


def test_a_list_has_the_documents_of_the_command(served: Served, configured: Insights) -> None:
    listed = configured(
        "feedback", "--rating", "down", "--since", "30d", "--limit", "999", "--json"
    )
    expected = [each["message_id"] for each in listed.lines]

    page = get(served, "feedback", "rating=down")
    shown = [ids(page)]
    while older := re.findall(r'<a href="([^"]+)" rel="next">', page.text):
        page = httpx.get(httpx.URL(served.url).join(unescape(older[0])))
        shown.append(ids(page))

    # Documents of the same time have no order.
    assert [len(each) for each in shown] == [55, 50, 16]
    assert [sorted(each) for each in shown] == [
        sorted(each) for each in (expected[:55], expected[55:105], expected[105:])
    ]
    assert "121 feedback, newest first" in page.text
    assert "1 feedback is of a system user and is left out." in page.text
    assert "insights feedback --since 30d --rating down" in page.text


def test_a_list_has_the_texts_of_messages(served: Served) -> None:
    assert "<bdi>Bonn.</bdi>" in get(served, "feedback", "message=m001&user=u2").text


def test_the_way_back_from_a_user_keeps_the_question(served: Served) -> None:
    [user] = links(get(served, "feedback", "message=m001&user=u2&since=7d").text, "user")

    html = httpx.get(httpx.URL(served.url).join(user)).text

    back = httpx.URL(links(html, "")[0])
    assert (back.path, back.params["user"], back.params["since"]) == ("/", "u2", "7d")


@pytest.mark.parametrize(
    ("before", "status"), [("x", 400), ("", 400), ("9999-12-31", 200), ("0001-01-01", 200)]
)
def test_a_list_begins_before_any_time(served: Served, before: str, status: int) -> None:
    assert get(served, "feedback", f"before={before}").status_code == status


def test_the_form_works_without_a_script(served: Served, visitor: Visitor) -> None:
    context = visitor.browser.new_context(
        java_script_enabled=False, viewport={"width": PHONE, "height": 800}
    )
    page = context.new_page()
    page.goto(f"{served.url}&where=details.model%3Datlas-2")

    expect(page.locator("#status-text")).to_have_text(re.compile(r"As of \d\d:\d\d:\d\d UTC"))
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    expect(page.get_by_role("button", name="Copy link")).to_be_hidden()
    page.locator(".ask summary").click()
    page.get_by_label("Since").fill("7d")
    page.get_by_label("Compare by").fill("message.model")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".filters bdi")).to_have_text(
        ["details.model = atlas-2", "compared by message.model"]
    )
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Remove: details.model = atlas-2").click()
    expect(page.locator(".filters bdi")).to_have_text(["compared by message.model"])
    expect(page.locator(".figures .value").first).to_have_text("122")
    context.close()


def test_the_pages_are_readable_and_a_link_can_be_copied(served: Served, visitor: Visitor) -> None:
    page = visitor.open(
        f"{served.url}&since=7d&user=u1&where=comment~x", width=PHONE, scheme="dark"
    )
    page.locator(".ask summary").click()
    assert overflows(page) == missing_names(page) == low_contrasts(page) == []
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#copied")).to_contain_text("on this computer")
    copied = httpx.URL(str(page.evaluate("navigator.clipboard.readText()")))
    assert (copied.params["since"], copied.params["token"]) == ("7d", served.token)
    page.emulate_media(media="print")
    assert not page.locator(".ask form").is_visible()
    assert page.locator(".filters bdi").all_inner_texts() == ["user is u1", "comment ~ x"]
    page.goto(str(served.at("feedback", rating="down", event_type="x")))
    assert overflows(page) == missing_names(page) == low_contrasts(page) == []
