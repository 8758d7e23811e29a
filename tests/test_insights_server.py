"""The served dashboard: live updates in a browser, and access control."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import azure.functions as func
import httpx
import pytest
from bson.datetime_ms import DatetimeMS
from playwright.sync_api import Page, expect
from pymongo import MongoClient
from pymongo.database import Database

import feedback_function
from insights.kinds import Document
from local_project.addresses import free_address
from shared_code.mongodb import connection
from tests.support.chromium import PHONE, WAIT_MS, Visitor
from tests.support.documents import a_feedback, an_event
from tests.support.functions import UseSettings
from tests.support.insights_cli import Insights
from tests.support.mongod import Mongod
from tests.support.page_checks import low_contrasts, missing_names, overflows
from tests.support.served import SECONDS_TO_END, Served, serving

# The promised limit from write to display.
SHOWN_MS = 2000


@pytest.fixture
def newly_served(insights: Insights) -> Iterator[Served]:
    """Serve the dashboard of the empty database."""
    with serving(insights) as served:
        yield served


@pytest.fixture(scope="module")
def shared_database(mongodb_uri: str) -> Iterator[Database[Document]]:
    """Return the database of the server that most tests share."""
    name = "test_dashboard_served"
    with MongoClient[Document](mongodb_uri, uuidRepresentation="standard") as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture(scope="module")
def served(
    shared_database: Database[Document],
    mongodb_uri: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """Serve the dashboard of the shared database."""
    folder = tmp_path_factory.mktemp("served")
    settings = {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": shared_database.name}
    with serving(Insights(folder, **settings)) as served:
        yield served


@pytest.fixture
def emptied_database(shared_database: Database[Document]) -> Database[Document]:
    """Return the shared database, emptied."""
    shared_database.feedback.delete_many({})
    shared_database.analytics.delete_many({})
    return shared_database


def store(database: Database[Document], number: int = 1, **fields: Any) -> None:
    """Store ratings with the current time."""
    database.feedback.insert_many(a_feedback(datetime.now(UTC), **fields) for _ in range(number))


def expect_ratings(page: Page, number: int, timeout: int = WAIT_MS) -> None:
    """Wait until the page shows this number of ratings."""
    expect(page.locator(".figures .value").first).to_have_text(str(number), timeout=timeout)


def expect_state(page: Page, state: str) -> None:
    """Wait until the page shows this state."""
    expect(page.locator("#status")).to_have_attribute("data-state", state, timeout=WAIT_MS)


def open_live(visitor: Visitor, url: str, **options: Any) -> Page:
    """Open a page, and wait until it is live."""
    page = visitor.open(url, **options)
    expect_state(page, "live")
    return page


def post_feedback(status: int = 201, **fields: str | None) -> None:
    """Send a feedback to the function, in a thread for its event loop."""

    async def send() -> None:
        request = func.HttpRequest("POST", "/api/feedback", body=json.dumps(fields).encode())
        responses.append(await feedback_function.main(request))
        await connection.close()

    responses: list[func.HttpResponse] = []
    thread = Thread(target=lambda: asyncio.run(send()))
    thread.start()
    thread.join()
    assert responses[0].status_code == status


def test_what_other_programs_store_ends_nothing(
    served: Served, emptied_database: Database[Document], visitor: Visitor
) -> None:
    page = open_live(visitor, served.url)
    now = datetime.now(UTC)
    odd: list[Document] = [
        {"rating": "down", "timestamp": now},
        {"rating": "down", "timestamp": now, "message_id": 7, "comment": "A number."},
        {"rating": "down", "timestamp": now, "message_id": None},
        {"rating": "", "timestamp": [now], "message_id": "m1"},
        {"rating": None, "timestamp": now, "message_id": "m1"},
        {"rating": "down", "timestamp": "now"},
        {"rating": "down", "timestamp": DatetimeMS(10**15), "message_id": "m1"},
    ]
    emptied_database.feedback.insert_many(odd)
    emptied_database.analytics.insert_many(
        [
            {"user_id": "u1", "timestamp": now, "event_type": None},
            {"user_id": ["u1"], "timestamp": now, "event_type": "view"},
        ]
    )

    expect_ratings(page, 3)
    expect(page.locator(".worst blockquote")).to_have_text("A number.")
    expect(page.locator(".left-out")).to_have_text(
        [
            "2 feedback have no date and are left out.",
            "1 feedback is dated in the future and is left out.",
            "1 feedback has no rating (withdrawn) and is left out.",
            "2 feedback have a negative rating but no message and are not among the worst.",
            "3 feedback have no user and are in no journey.",
            "1 event has no user and is in no journey.",
            "1 event has no type and is left out.",
        ]
    )
    assert overflows(page) == []
    assert served.process.poll() is None


@pytest.mark.timed
def test_stored_feedback_is_shown_within_two_seconds(
    newly_served: Served, visitor: Visitor, insights: Insights, use_settings: UseSettings
) -> None:
    use_settings(**insights.settings)
    page = open_live(visitor, newly_served.url)
    expect(page.get_by_role("heading", name="No feedback and no events")).to_be_visible()
    post_feedback(message_id="m1", user_id="u1", rating="down", comment="Wrong city.")
    expect_ratings(page, 1, timeout=SHOWN_MS)
    expect(page.locator(".worst blockquote")).to_have_text("Wrong city.")
    post_feedback(message_id="m2", user_id="u1", rating="up")
    expect_ratings(page, 2, timeout=SHOWN_MS)
    post_feedback(200, message_id="m1", user_id="u1", rating=None)
    expect_ratings(page, 1)
    expect(page.locator(".worst blockquote")).to_have_count(0)


# Nothing of the growing section above is in view, or its last pixels.
@pytest.mark.parametrize("pixels", [0, 20])
def test_an_update_preserves_open_elements_focus_and_scroll_position(
    served: Served, visitor: Visitor, emptied_database: Database[Document], pixels: int
) -> None:
    store(emptied_database, 2, rating="down", comment="Wrong city.")
    # A chart needs data at two times.
    earlier = a_feedback(datetime.now(UTC) - timedelta(hours=2), rating="down", comment="Wrong.")
    emptied_database.feedback.insert_one(earlier)
    emptied_database.analytics.insert_one(an_event(datetime.now(UTC)))
    page = open_live(visitor, served.url)
    expect_ratings(page, 3)
    # Otherwise an update with the event may come between here and the measurement.
    expect(page.locator("#activity .ranking tbody tr")).to_have_count(1, timeout=WAIT_MS)
    # Otherwise the page is still scrolling to the focused element when its position is read.
    page.emulate_media(reduced_motion="reduce")
    page.locator("#chart-ratings summary").click()
    page.locator("#chart-ratings .scroll").focus()
    heading = page.locator("#activity-title")
    heading.evaluate("(each) => each.scrollIntoView({ behavior: 'instant', block: 'start' })")
    page.evaluate(f"scrollBy({{ top: -{pixels}, behavior: 'instant' }})")
    # As in browsers without scroll anchoring.
    page.evaluate("document.body.style.overflowAnchor = 'none'")
    before = heading.bounding_box()
    assert before
    store(emptied_database, rating="down", comment="Another.")
    expect_ratings(page, 4)
    after = heading.bounding_box()
    assert after
    assert after["y"] == pytest.approx(before["y"], abs=1)
    assert page.locator("#chart-ratings table").is_visible()
    assert page.evaluate("document.activeElement.closest('figure')?.id") == "chart-ratings"


def test_only_changed_parts_are_replaced(
    served: Served, visitor: Visitor, emptied_database: Database[Document]
) -> None:
    store(emptied_database)
    page = open_live(visitor, served.url)
    expect_ratings(page, 1)
    page.evaluate("document.querySelectorAll('section').forEach((each) => { each.old = true; })")
    store(emptied_database)
    expect_ratings(page, 2)
    old = page.evaluate(
        "[...document.querySelectorAll('section')].filter((e) => e.old).map((each) => each.id)"
    )
    assert old == ["worst", "journeys", "activity"]


def test_comparisons_are_updated(
    insights: Insights, visitor: Visitor, empty_database: Database[Document]
) -> None:
    lookup = {"MESSAGE_LOOKUP": "messages._id"}
    configured = Insights(insights.folder, **insights.settings, **lookup)
    empty_database.messages.insert_many(
        [{"_id": "m1", "model": "atlas-2"}, {"_id": "m2", "model": "atlas-3"}]
    )
    with serving(configured, "--port", "0", "--by", "message.model") as served:
        page = open_live(visitor, served.url)
        store(empty_database, message_id="m1")
        expect(page.locator("#comparisons li")).to_have_count(1)
        store(empty_database, message_id="m2", user_id="u2")
        expect(page.locator("#comparisons li")).to_have_count(2)
        expect(page.locator("#comparisons .lead")).to_have_text(
            "Too few ratings to say which message.model is better."
        )
        empty_database.messages.insert_many(
            {"_id": f"x{number}", "model": f"m{number}"} for number in range(30)
        )
        empty_database.feedback.insert_many(
            a_feedback(datetime.now(UTC), message_id=f"x{number}") for number in range(30)
        )
        expect(page.locator("#comparisons .panel")).to_contain_text("more than 30 values")
        assert served.end() == 130


def test_every_open_page_is_updated(
    served: Served, visitor: Visitor, emptied_database: Database[Document]
) -> None:
    pages = [open_live(visitor, served.url) for _ in range(3)]
    store(emptied_database, 5)
    for page in pages:
        expect_ratings(page, 5)


def test_a_live_page_is_as_readable_as_a_file(
    served: Served, visitor: Visitor, emptied_database: Database[Document]
) -> None:
    store(emptied_database, 2, rating="down")
    page = open_live(visitor, served.url, width=PHONE, scheme="dark")
    expect_ratings(page, 2)
    assert overflows(page) == []
    assert missing_names(page) == []
    assert low_contrasts(page) == []
    expect(page.locator("#status")).to_have_text(re.compile(r"Live, as of \d\d:\d\d:\d\d UTC"))


def test_an_arriving_hostile_text_has_no_effect(
    served: Served, visitor: Visitor, emptied_database: Database[Document]
) -> None:
    page = open_live(visitor, served.url)
    text = '"><img src=x onerror="window.hacked = 1"></svg><script>window.hacked = 1</script>'
    store(emptied_database, message_id=text, rating="down", comment=text)
    emptied_database.analytics.insert_one(an_event(datetime.now(UTC), event_type=text))
    expect_ratings(page, 1)
    expect(page.locator(".worst blockquote")).to_have_text(text)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, script").count() == 1


def test_a_page_in_the_background_pauses_until_it_is_visible(
    served: Served, visitor: Visitor, emptied_database: Database[Document]
) -> None:
    store(emptied_database)
    page = open_live(visitor, served.url)
    expect_ratings(page, 1)
    hide(page, hidden=True)
    expect(page.locator("#status")).to_have_text("Paused")
    store(emptied_database)
    hide(page, hidden=False)
    expect_ratings(page, 2)
    expect_state(page, "live")


def hide(page: Page, *, hidden: bool) -> None:
    """Make a page believe that it is in the background, or in front again."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_continuous_arrivals_are_shown_once_a_second(
    served: Served, emptied_database: Database[Document]
) -> None:
    with httpx.stream("GET", served.at("stream"), timeout=SECONDS_TO_END) as response:
        updates = read_updates(response)
        next(updates)
        started = monotonic()
        for _ in range(40):
            store(emptied_database)
            sleep(0.05)
        seen = list(until(updates, "Updated: 40 ratings"))
        elapsed = monotonic() - started
    # One update may be in flight at the beginning, and one comes at the end.
    assert len(seen) <= elapsed + 2


def until(updates: Iterator[Any], announcement: str) -> Iterator[Any]:
    """Yield the updates up to the one with this announcement."""
    for update in updates:
        yield update
        if announcement in update["announcement"]:
            break


def read_updates(response: httpx.Response) -> Iterator[Any]:
    """Yield the data of a stream of server-sent events."""
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_a_page_reports_that_a_new_server_has_another_address(
    insights: Insights, tolerant_visitor: Visitor
) -> None:
    port = str(free_address().port)
    with serving(insights, "--port", port) as served:
        page = open_live(tolerant_visitor, served.url)
        served.end()
        expect_state(page, "reconnecting")
    with serving(insights, "--port", port):
        expect_state(page, "ended")
        text = "Server restarted: open its new address"
        expect(page.locator("#status")).to_have_text(text)
        expect(page.locator("#announcement")).to_have_text(text)


def test_a_page_reconnects_by_itself(
    served: Served, tolerant_visitor: Visitor, emptied_database: Database[Document]
) -> None:
    page = tolerant_visitor.open("about:blank")
    page.route("**/stream?*", lambda route: route.fulfill(status=502))
    page.goto(served.url)
    expect_state(page, "reconnecting")
    page.unroute("**/stream?*")
    store(emptied_database, 2)
    expect_state(page, "live")
    expect_ratings(page, 2)


def test_a_reload_keeps_the_address(served: Served, visitor: Visitor) -> None:
    page = open_live(visitor, served.url)
    page.reload()
    expect_state(page, "live")
    assert {httpx.URL(url).path for url in visitor.requests} == {"/", "/stream"}


@pytest.mark.parametrize("path", ["", "stream", "user", "feedback", "events", "favicon.ico"])
@pytest.mark.parametrize(
    "query",
    [
        *("", "?token", "?token=", "?token=x", "?token=%C3%A9", "?token=%FF", "?Token={token}"),
        *("?token={token}x", "?token={token}&token=", "?token[]={token}", "?token={token}%00"),
    ],
)
def test_nothing_can_be_read_without_the_token(served: Served, path: str, query: str) -> None:
    origin = served.url.partition("?")[0]
    url = f"{origin}{path}{query.format(token=served.token)}"

    response = httpx.get(url)

    assert response.status_code == 403
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.text == (
        "Only the user who started the dashboard may read it. "
        "Open the address that the command printed, with its token.\n"
    )
    assert httpx.post(url).status_code == 403
    head = httpx.head(url)
    assert (head.status_code, head.content) == (403, b"")


def test_accepts_the_token_only_in_the_query(served: Served) -> None:
    headers = {"Cookie": f"token={served.token}", "Authorization": f"Bearer {served.token}"}

    assert httpx.get(served.at("", token=""), headers=headers).status_code == 403
    assert "Set-Cookie" not in httpx.get(served.url).headers


def test_the_token_is_random_and_long(served: Served, newly_served: Served) -> None:
    assert len(served.token) >= 43
    assert served.token != newly_served.token


@pytest.mark.parametrize(("path", "form"), [("", "text/html"), ("stream", "text/event-stream")])
def test_a_head_request_ends(served: Served, path: str, form: str) -> None:
    response = httpx.head(served.at(path), timeout=SECONDS_TO_END)

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == f"{form}; charset=utf-8"


def test_a_page_survives_a_restart_of_mongodb(
    own_mongod: Mongod, tolerant_visitor: Visitor, tmp_path: Path
) -> None:
    own = Insights(tmp_path, MONGODB_URI=own_mongod.uri, MONGODB_DATABASE="up2d8")
    with serving(own) as served, MongoClient[Document](own_mongod.uri) as client:
        store(client.up2d8)
        page = open_live(tolerant_visitor, served.url)
        expect_ratings(page, 1)
        own_mongod.kill()
        expect_state(page, "stale")
        expect(page.locator("#announcement")).to_have_text(
            re.compile(r"MongoDB does not answer; figures as of \d\d:\d\d:\d\d UTC")
        )
        expect_ratings(page, 1)
        own_mongod.start()
        store(client.up2d8)
        expect_ratings(page, 2)
        expect_state(page, "live")


def test_ctrl_c_ends_the_server_with_open_pages(
    newly_served: Served, tolerant_visitor: Visitor
) -> None:
    pages = [open_live(tolerant_visitor, newly_served.url) for _ in range(2)]
    assert newly_served.end() == 130
    assert newly_served.process.stderr
    assert newly_served.process.stderr.read() == ""
    for page in pages:
        expect_state(page, "reconnecting")


@pytest.mark.parametrize("path", ["", "user", "feedback"])
def test_ctrl_c_does_not_wait_for_a_mongodb_that_hangs(
    own_mongod: Mongod, tmp_path: Path, path: str
) -> None:
    own = Insights(tmp_path, MONGODB_URI=own_mongod.uri, MONGODB_DATABASE="up2d8")
    with serving(own) as served, ThreadPoolExecutor() as requests:
        own_mongod.hang()
        request = requests.submit(httpx.get, served.at(path, id="u1", since="7d"), timeout=60)
        sleep(1)
        started = monotonic()

        assert served.end() == 130

        assert monotonic() - started < SECONDS_TO_END / 2
        assert request.result().status_code == 503


def test_accepts_only_its_own_host_names(served: Served) -> None:
    port = httpx.URL(served.url).port
    allowed = {
        host: httpx.get(served.url, headers={"Host": host}).status_code
        for host in (
            f"localhost:{port}",
            f"127.0.0.1:{port}",
            f"evil.example:{port}",
            "evil.example",
        )
    }
    assert list(allowed.values()) == [200, 200, 400, 400]


@pytest.mark.parametrize("path", ["docs", "stream/", "index.html", "static/x", "..%2f..%2fetc"])
def test_other_paths_are_not_found(served: Served, path: str) -> None:
    assert httpx.get(served.at(path)).status_code == 404


def test_accepts_no_writes(served: Served) -> None:
    assert httpx.post(served.url, content="x").status_code == 405


def test_forbids_caching_framing_and_foreign_content(served: Served) -> None:
    headers = httpx.get(served.url).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Server" not in headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert re.fullmatch(r"'sha256-\S+'", policy["script-src"])
    assert re.fullmatch(r"'sha256-\S+'", policy["style-src"])


def test_a_port_in_use_is_an_error(insights: Insights) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = insights("dashboard", "--serve", "--port", port)
    assert result.exit_code == 2
    assert result.stderr == (
        f"insights: port {port} cannot be used (Address already in use): give another --port\n"
    )


def test_mongodb_must_answer_at_the_start(insights: Insights) -> None:
    result = insights(
        "dashboard", "--serve", "--port", "0", MONGODB_URI=f"mongodb://{free_address()}"
    )
    assert result.exit_code == 3


def test_opens_the_browser_only_on_request(
    insights: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("insights.pages.server.Server.run", lambda *_, **__: None)
    assert insights("dashboard", "--serve", "--port", "0").exit_code == 0
    assert opened == []
    assert insights("dashboard", "--serve", "--port", "0", "--open").exit_code == 0
    [url] = opened
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", url)
