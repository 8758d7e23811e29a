"""The built browser client, in a real browser against a server that responds as told."""

import gzip
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Page

from tests.support.chromium import WAIT_MS, Visitor
from tests.support.collector import Collector, Response, Sent, collecting
from tests.support.project import DIST

ANALYTICS, FEEDBACK = "/api/analytics", "/api/feedback"
MAX_CLIENT_BYTES = 2600

CREATE = """async (options) => {
    const { createClient } = await import('/client.js')
    window.dropped = []
    window.errors = []
    window.createClient = (more) => createClient({
        endpoint: location.origin,
        onDrop: (reason, item) => dropped.push([reason, item]),
        onError: (error) => errors.push(String(error)),
        ...options, ...more,
    })
    window.client = window.createClient()
}"""
TRACK = "(n) => { for (let i = 0; i < n; i++) client.track('click', {i}) }"
VOTE = "(message_id) => void client.feedback({message_id, rating: 'up'})"
STORED = "Object.keys(localStorage).filter((key) => / e/.test(key)).length"

# In microseconds, from ten calls each, since the clock is coarse.
MEDIAN = """async () => {
    const times = []
    for (let round = 0; round < 30; round++) {
        const start = performance.now()
        for (let i = 0; i < 10; i++) client.track('click', {page: '/dashboard'})
        times.push((performance.now() - start) * 100)
        await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return times.sort((a, b) => a - b)[15]
}"""

# Time passes so many times faster.
FASTER = """
    const later = setTimeout
    window.setTimeout = (run, ms) => later(run, ms / {0})
    const {{ now }} = Date
    const start = now()
    Date.now = () => (now() - start) * {0} + start
"""

Open = Callable[..., Page]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a server in place of the functions."""
    with collecting() as collector:
        yield collector


@pytest.fixture
def open_page(tolerant_visitor: Visitor, collector: Collector) -> Open:
    """Return a function that opens a page with a client."""

    def open_page(script: str = "", **options: object) -> Page:
        page = tolerant_visitor.open("about:blank")
        page.add_init_script(script)
        page.goto(collector.url)
        page.evaluate(CREATE, options)
        return page

    return open_page


def drained(page: Page) -> None:
    """Wait until nothing is pending."""
    page.wait_for_function("client.pending === 0", timeout=WAIT_MS)


# What is sent.


def test_events_are_stored_at_once_and_sent_together(open_page: Open, collector: Collector) -> None:
    page = open_page(functionKey="a b")
    assert page.evaluate(f"({TRACK})(3), {STORED}") == 3
    drained(page)
    [sent] = collector.received
    assert (sent.path, sent.query) == (ANALYTICS, "code=a%20b")
    assert [event["details"]["i"] for event in sent.events] == [0, 1, 2]
    assert set(sent.events[0]) == {"user_id", "event_type", "details", "event_id", "occurred_at"}
    assert {UUID(event["event_id"]).version for event in sent.events} == {7}
    assert page.evaluate(STORED) == 0


def test_fifty_events_are_sent_without_waiting(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("window.setTimeout = () => 0")
    page.evaluate(TRACK, 50)
    collector.wait_for_events(50)
    assert collector.received[0].headers["content-encoding"] == "gzip"


def test_batches_stay_within_the_limits(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("for (let i = 0; i < 600; i++) client.track('x', {text: 'é'.repeat(800)})")
    collector.wait_for_events(600)
    assert all(len(sent.events) <= 500 for sent in collector.received)
    assert all(int(sent.headers["content-length"]) <= 512 * 1024 for sent in collector.received)


def test_feedback_resolves_once_acknowledged(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("client.feedback({message_id: 'm1', rating: 'up'})")
    [sent] = collector.received
    assert (sent.path, sent.body["rating"]) == (FEEDBACK, "up")
    # A repeated vote replaces the first one, also after a reload.
    page.reload()
    page.evaluate(CREATE, {})
    page.evaluate("client.feedback({message_id: 'm1', rating: null})")
    assert collector.received[1].body == sent.body | {"rating": None}


def test_the_newest_feedback_wins(open_page: Open, collector: Collector) -> None:
    collector.respond = lambda _: Response(503)
    page = open_page()
    page.evaluate("void client.feedback({message_id: 'm1', rating: 'up'})")
    collector.wait_for(1)
    page.evaluate("void client.feedback({message_id: 'm1', rating: 'down'})")
    assert page.evaluate("client.pending") == 1
    collector.respond = lambda _: Response()
    drained(page)
    assert [sent.body["rating"] for sent in collector.received][-1] == "down"


# What the server refuses.


def test_refused_events_of_a_batch_are_reported(open_page: Open, collector: Collector) -> None:
    errors = [{"index": 1, "pointer": "#/1/details", "detail": "is required"}] * 2
    collector.respond = lambda _: Response(207, body={"errors": errors})
    page = open_page()
    page.evaluate(TRACK, 3)
    drained(page)
    [[reason, item]] = page.evaluate("dropped")
    assert (reason, item["details"]) == ("rejected", {"i": 1})


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_batch_is_sent_singly(open_page: Open, collector: Collector, status: int) -> None:
    def respond(sent: Sent) -> Response:
        bad = len(sent.events) > 1 or sent.events[0]["details"]["i"] == 1
        return Response(status if bad else 202)

    collector.respond = respond
    page = open_page()
    page.evaluate(TRACK, 3)
    drained(page)
    assert [len(sent.events) for sent in collector.received] == [3, 1, 1, 1]
    assert [item["details"]["i"] for _, item in page.evaluate("dropped")] == [1]


def test_a_refusal_drops(open_page: Open, collector: Collector) -> None:
    collector.respond = lambda _: Response(403)
    page = open_page()
    page.evaluate(TRACK, 2)
    drained(page)
    assert len(collector.received) == 1
    assert [reason for reason, _ in page.evaluate("dropped")] == ["rejected"] * 2
    vote = "client.feedback({message_id: 'm1', rating: 'up'}).catch((error) => error.message)"
    assert page.evaluate(vote) == "rejected"


# Failures, and the pauses after them.


# Not 408, which Chromium itself sends again.
@pytest.mark.parametrize("status", [429, 503])
def test_nothing_bypasses_the_pause(open_page: Open, collector: Collector, status: int) -> None:
    collector.respond = lambda _: Response(status, {"Retry-After": "2"})
    page = open_page()
    page.evaluate(TRACK, 1)
    collector.wait_for(1)
    collector.respond = lambda _: Response()
    page.evaluate(TRACK, 60)
    page.evaluate("client.flush()")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    drained(page)
    first, second, *_ = collector.received
    assert second.at - first.at >= 1.9
    assert len({event["event_id"] for event in collector.events()}) == 61


@pytest.mark.parametrize("failing", [ANALYTICS, FEEDBACK])
def test_neither_route_waits_for_the_other(
    open_page: Open, collector: Collector, failing: str
) -> None:
    collector.respond = lambda sent: Response(
        503 if sent.path == failing else 202, {"Retry-After": "60"}
    )
    page = open_page()
    for message in "ab":
        page.evaluate(VOTE, message)
        page.evaluate(TRACK, 1)
        collector.wait_for(1, failing)
    page.wait_for_function("client.pending === 2", timeout=WAIT_MS)
    assert len(collector.wait_for(1, failing)) == 1


def test_events_do_not_wait_for_the_end_of_voting(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("""() => void setInterval(() => {
        client.track('x')
        client.feedback({message_id: 'm1', rating: 'up'})
    }, 100)""")
    collector.wait_for(1, ANALYTICS)


def test_a_vote_does_not_wait_for_events_that_get_no_response(open_page: Open) -> None:
    page = open_page()
    page.route(f"**{ANALYTICS}", lambda _: None)
    with page.expect_request(f"**{ANALYTICS}"):
        page.evaluate(TRACK, 50)
    page.evaluate(VOTE, "m1")
    # Less than the time limit of a request.
    page.wait_for_function("client.pending === 50", timeout=8000)


@pytest.mark.parametrize("missing", ["", "delete AbortSignal.timeout;"])
def test_a_request_without_a_response_ends(
    open_page: Open, collector: Collector, missing: str
) -> None:
    page = open_page(missing + FASTER.format(10))
    page.route(f"**{ANALYTICS}", lambda _: None, times=1)
    page.evaluate(TRACK, 2)
    drained(page)
    assert len(collector.received) == 1


@pytest.mark.parametrize("token", ["new Promise(() => {})", "Promise.reject('expired')"])
def test_a_token_that_does_not_come_is_asked_for_again(
    open_page: Open, collector: Collector, token: str
) -> None:
    collector.respond = lambda sent: Response(202 if "authorization" in sent.headers else 401)
    page = open_page(FASTER.format(10))
    page.evaluate(f"""() => {{
        client.close()
        let asked = 0
        window.client = createClient({{token: () => asked++ ? 't' : {token}}})
    }}""")
    page.evaluate(TRACK, 2)
    drained(page)
    assert page.evaluate("dropped") == []


@pytest.mark.parametrize(
    ("status", "headers"), [(200, {"Content-Type": "text/html; charset=utf-8"}), (300, {})]
)
def test_an_answer_of_somebody_else_is_no_acknowledgement(
    open_page: Open, collector: Collector, status: int, headers: dict[str, str]
) -> None:
    collector.respond = lambda _: Response(status, headers)
    page = open_page()
    page.evaluate(TRACK, 2)
    collector.wait_for(1)
    collector.respond = lambda _: Response()
    drained(page)
    assert [len(sent.events) for sent in collector.received] == [2, 2]
    assert page.evaluate("dropped") == []


def test_a_pause_is_no_longer_than_browsers_can_wait(open_page: Open, collector: Collector) -> None:
    collector.respond = lambda _: Response(503, {"Retry-After": "1e9"})
    page = open_page("""
        const later = setTimeout
        window.waits = []
        window.setTimeout = (run, ms) => (waits.push(ms), later(run, ms))
    """)
    page.evaluate(TRACK, 1)
    page.wait_for_function("Math.max(...waits) > 60_000", timeout=WAIT_MS)
    assert page.evaluate("Math.max(...waits)") < 2**31


def test_online_ends_the_pause(open_page: Open, collector: Collector) -> None:
    collector.respond = lambda _: Response(503, {"Retry-After": "60"})
    page = open_page()
    page.evaluate(TRACK, 1)
    page.wait_for_function("Object.keys(localStorage).some((key) => key.includes(' up2d8 p'))")
    collector.respond = lambda _: Response()
    page.evaluate("dispatchEvent(new Event('online'))")
    drained(page)


def test_a_clock_that_is_set_back_ends_the_pause(open_page: Open, collector: Collector) -> None:
    collector.respond = lambda _: Response(503, {"Retry-After": "2"})
    page = open_page()
    page.evaluate(TRACK, 1)
    collector.wait_for(1)
    collector.respond = lambda _: Response()
    page.evaluate("{ const now = Date.now; Date.now = () => now() - 7_200_000 }")
    drained(page)
    page.evaluate(TRACK, 2)
    drained(page)
    ids = [event["event_id"] for event in collector.events()]
    assert ids == sorted(ids)


def test_an_expired_token_loses_nothing(open_page: Open, collector: Collector) -> None:
    def respond(sent: Sent) -> Response:
        return Response(202 if sent.headers["authorization"] == "Bearer t2" else 401)

    collector.respond = respond
    page = open_page()
    page.evaluate("client.close()")
    page.evaluate("{ let n = 0; window.client = createClient({token: async () => `t${++n}`}) }")
    page.evaluate(TRACK, 2)
    drained(page)
    assert page.evaluate("dropped") == []
    assert [len(sent.events) for sent in collector.received] == [2, 2]


# Users.


def test_events_of_two_users_are_not_sent_together(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("client.identify('u1'), client.track('a'), client.identify('u2')")
    page.evaluate("client.track('b'), client.identify(null), client.track('c')")
    drained(page)
    users = [{event["user_id"] for event in sent.events} for sent in collector.received]
    assert users[:2] == [{"u1"}, {"u2"}]
    assert len(users) == 3


def test_a_numeric_user_id_is_sent_as_text(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("client.identify(42), client.track('a')")
    drained(page)
    assert [event["user_id"] for event in collector.events()] == ["42"]


# Leaving the page.


@pytest.mark.parametrize("event", ["pagehide", "visibilitychange"])
def test_a_leaving_page_hands_over_once(open_page: Open, collector: Collector, event: str) -> None:
    page = open_page("Object.defineProperty(document, 'hidden', {get: () => window.gone})")
    page.evaluate("window.gone = true; void (window.fetch = () => new Promise(() => {}))")
    page.evaluate(TRACK, 20)
    page.evaluate(f"dispatchEvent(new Event({event!r})), dispatchEvent(new Event('pagehide'))")
    [beacon] = collector.wait_for(1)
    assert len(beacon.events) == 20
    # Whether it arrived, the page cannot know.
    assert page.evaluate("client.pending") == 20


def test_a_beacon_is_small(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("void (window.fetch = () => new Promise(() => {}))")
    page.evaluate("for (let i = 0; i < 20; i++) client.track('x', {text: 'y'.repeat(9_000)})")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    [beacon] = collector.wait_for(1)
    assert 50_000 < int(beacon.headers["content-length"]) <= 60_000


def test_a_closed_page_has_sent_its_events(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate(TRACK, 30)
    page.goto("about:blank")
    collector.wait_for_events(30)


def test_close_ends_all_also_where_beacons_are_blocked(
    open_page: Open, collector: Collector
) -> None:
    page = open_page()
    page.evaluate("void (navigator.sendBeacon = () => { throw new Error() })")
    page.evaluate("client.track('x'), client.close(), dispatchEvent(new Event('online'))")
    page.wait_for_timeout(1500)
    assert collector.received == []
    assert page.evaluate("client.pending") == 1


def test_works_after_the_back_button(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate(TRACK, 1)
    page.goto(f"{collector.url}/other")
    page.go_back()
    if page.evaluate("typeof client") == "undefined":
        page.evaluate(CREATE, {})
    page.evaluate(TRACK, 1)
    drained(page)
    assert len({event["event_id"] for event in collector.events()}) == 2


# Privacy signals.


@pytest.mark.parametrize("signal", ["globalPrivacyControl: true", "doNotTrack: '1'"])
def test_privacy_signals_stop_events(open_page: Open, collector: Collector, signal: str) -> None:
    name, value = signal.split(": ")
    script = f"Object.defineProperty(navigator, '{name}', {{value: {value}}})"
    page = open_page(script)
    assert page.evaluate(f"({TRACK})(3), {STORED}") == 0
    page.evaluate("client.feedback({message_id: 'm1', rating: 'up'})")
    assert [sent.path for sent in collector.received] == [FEEDBACK]
    page.evaluate("window.client = createClient({respectPrivacySignals: false})")
    page.evaluate(TRACK, 3)
    collector.wait_for_events(3)


# Several clients.


def test_two_clients_send_once(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("client.close(), window.client = createClient(), window.other = createClient()")
    page.evaluate(TRACK, 20)
    page.evaluate("Promise.all([client.flush(), other.flush(), other.flush()])")
    drained(page)
    assert len(collector.events()) == 20


def test_endpoints_do_not_mix(open_page: Open, collector: Collector) -> None:
    page = open_page()
    with collecting() as second:
        page.evaluate("(endpoint) => { window.other = createClient({endpoint}) }", second.url)
        page.evaluate("client.track('here'), other.track('there')")
        [there] = second.wait_for_events(1)
        [here] = collector.wait_for_events(1)
    assert (here["event_type"], there["event_type"]) == ("here", "there")


# The storage.


def test_a_full_storage_loses_nothing(open_page: Open, collector: Collector) -> None:
    page = open_page("Storage.prototype.setItem = () => { throw new Error('quota') }")
    page.evaluate("client.track('x'), void client.feedback({message_id: 'm1', rating: 'up'})")
    drained(page)
    assert {sent.path for sent in collector.received} == {ANALYTICS, FEEDBACK}


def test_a_forbidden_storage_loses_nothing(open_page: Open, collector: Collector) -> None:
    forbid = "Object.defineProperty(window, '{}', {{get() {{ throw new Error('forbidden') }}}});"
    page = open_page(forbid.format("localStorage") + forbid.format("indexedDB"))
    page.evaluate("client.track('x'), void client.feedback({message_id: 'm1', rating: 'up'})")
    drained(page)
    assert len(collector.received) == 2


def test_foreign_items_do_not_stop_the_queue(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("client.close()")
    for kind in "efup":
        for text in ["{", "null", "5", '{"user_id": 1}', "1e99 1e99"]:
            page.evaluate(
                "([k, t]) => localStorage.setItem(k, t)",
                [f"{collector.url} up2d8 {kind}{text}", text],
            )
    page.evaluate("window.client = createClient()")
    page.evaluate(TRACK, 2)
    page.evaluate("client.feedback({message_id: 'm1', rating: 'up'})")
    drained(page)
    assert {event.get("event_type") for event in collector.events()} == {None, "click"}


def test_events_overflow_into_a_database(open_page: Open, collector: Collector) -> None:
    collector.respond = lambda _: Response(503)
    page = open_page()
    page.evaluate("for (let i = 0; i < 900; i++) client.track('x', {i, text: 'y'.repeat(900)})")
    assert page.evaluate("Object.entries(localStorage).join('').length") <= 256 * 1024
    page.wait_for_timeout(500)
    assert page.evaluate("client.pending") == 900
    collector.respond = lambda _: Response()
    page.reload()
    page.evaluate(CREATE, {})
    page.evaluate("dispatchEvent(new Event('online'))")
    collector.wait_for_events(900)
    drained(page)


def test_the_oldest_events_are_dropped(open_page: Open, collector: Collector) -> None:
    collector.respond = lambda _: Response(503)
    page = open_page("Object.defineProperty(window, 'indexedDB', {value: undefined})")
    page.evaluate("for (let i = 0; i < 900; i++) client.track('x', {i, text: 'y'.repeat(900)})")
    page.wait_for_function("dropped.length")
    assert page.evaluate("client.pending + dropped.length") == 900
    dropped = page.evaluate("dropped")
    assert {reason for reason, _ in dropped} == {"overflow"}
    assert [item["details"]["i"] for _, item in dropped] == list(range(len(dropped)))


# Errors of the page.


def test_what_cannot_be_stored_is_reported(open_page: Open) -> None:
    page = open_page()
    page.evaluate("""() => {
        const cycle = {}
        cycle.cycle = cycle
        client.track('cycle', cycle)
        client.track('bigint', {big: 1n})
        client.track('large', {text: 'é'.repeat(16_400)})
        client.feedback({message_id: 'm1', rating: 'up', comment: 'y'.repeat(33_000)})
    }""")
    assert page.evaluate("client.pending") == 0
    assert [reason for reason, _ in page.evaluate("dropped")] == ["too-large"] * 2
    assert len(page.evaluate("errors")) == 4


def test_errors_of_the_page_do_not_stop_it(open_page: Open, collector: Collector) -> None:
    collector.respond = lambda _: Response(400)
    page = open_page()
    page.evaluate("""() => {
        const fail = () => { throw new Error('page') }
        window.client = createClient({onDrop: fail, onError: fail})
        client.track('x', {big: 1n})
    }""")
    page.evaluate(TRACK, 2)
    drained(page)


# Content blockers.


def test_blocked_events_are_given_up(open_page: Open) -> None:
    page = open_page(FASTER.format(99))
    page.route(f"**{ANALYTICS}*", lambda route: route.abort("blockedbyclient"))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate(TRACK, 1)
    page.wait_for_timeout(3000)
    assert len(requests) == 10
    page.evaluate("client.feedback({message_id: 'm1', rating: 'up'})")
    assert page.evaluate("client.pending") == 1


def test_an_outage_after_an_answer_is_not_taken_for_a_blocker(
    open_page: Open, collector: Collector
) -> None:
    page = open_page(FASTER.format(99))
    page.evaluate(TRACK, 1)
    drained(page)
    page.route(f"**{ANALYTICS}*", lambda route: route.abort("connectionrefused"), times=12)
    page.evaluate(TRACK, 1)
    drained(page)
    assert len(collector.received) == 2


def test_the_page_can_ask_for_blocked_events_again(open_page: Open) -> None:
    page = open_page(FASTER.format(99))
    page.route(f"**{ANALYTICS}*", lambda route: route.abort("blockedbyclient"), times=10)
    page.evaluate(TRACK, 1)
    page.wait_for_function("errors.length === 10", timeout=WAIT_MS)
    page.wait_for_timeout(1000)
    assert page.evaluate("client.pending") == 1
    page.evaluate("client.flush()")
    drained(page)


# Other environments.


def test_another_storage_is_used_alone(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("""() => {
        client.close()
        const map = new Map()
        window.storage = {
            get length() { return map.size }, key: (i) => [...map.keys()][i] ?? null,
            getItem: (k) => map.get(k) ?? null, setItem: (k, v) => void map.set(k, v),
            removeItem: (k) => void map.delete(k), clear: () => map.clear(),
        }
        window.client = createClient({storage})
    }""")
    assert page.evaluate(f"({TRACK})(2), storage.length") == 3
    assert page.evaluate("localStorage.length") == 0
    drained(page)
    assert len(collector.events()) == 2


def test_works_in_a_worker_without_a_window(open_page: Open, collector: Collector) -> None:
    page = open_page()
    page.evaluate("""() => {
        const source = `import(origin + '/client.js').then(({createClient}) => {
            const client = createClient({endpoint: origin}); client.track('worker'); client.flush()
        })`
        const url = URL.createObjectURL(new Blob([`const origin = '${location.origin}';` + source]))
        window.worker = new Worker(url)
    }""")
    [event] = collector.wait_for_events(1)
    assert event["event_type"] == "worker"


def test_works_from_another_origin(open_page: Open) -> None:
    page = open_page()
    with collecting() as second:
        page.evaluate(
            "(endpoint) => { window.client = createClient({endpoint: endpoint + '/'}) }", second.url
        )
        page.evaluate(TRACK, 60)
        assert len(second.wait_for_events(60)) == 60


# Cost and size.


@pytest.mark.timed
def test_tracking_takes_less_than_50_microseconds(open_page: Open) -> None:
    page = open_page()
    medians = [page.evaluate(MEDIAN) for _ in range(5)]
    assert min(medians) < 50


def test_the_client_is_small_and_does_not_use_unload() -> None:
    built = (DIST / "client.js").read_bytes()
    assert len(gzip.compress(built, 9)) <= MAX_CLIENT_BYTES
    for path in DIST.glob("*.js"):
        assert not re.search(r"unload", path.read_text("utf-8"))


def test_can_be_imported_on_a_server() -> None:
    """Where Node is at hand; the worker without a window is the same elsewhere."""
    if node := shutil.which("node"):
        module = f"{DIST.as_uri()}/client.js"
        script = f"import('{module}').then((m) => m.createClient({{endpoint: ''}}).close())"
        subprocess.run([node, "-e", script], check=True, timeout=30)
