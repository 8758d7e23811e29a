"""The costs of a request are bounded: processor time, and the size of the response."""

import gzip
import json
import logging
import time
from statistics import median
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from tests.support.documents import Document
from tests.support.functions import GZIP, Post

pytestmark = pytest.mark.timed

LARGEST_RESPONSE = 64 * 1024
NORMAL = '{"user_id": "u1", "event_type": "page_view", "details": {"page": "/", "seconds": 12.5}}'


def event(details: str) -> str:
    """Return an event with these details."""
    return f'{{"user_id":"u1","event_type":"e","details":{details}}}'


def deep(values: str, levels: int) -> str:
    """Return details that nest values `levels` deep."""
    return '{"a":' + "[" * levels + values + "]" * levels + "}"


def batch(each: str, count: int) -> str:
    """Return a batch of equal events."""
    return "[" + ",".join([each] * count) + "]"


def unknown(keys: int) -> str:
    """Return an object with unknown fields."""
    return json.dumps({f"unknown-{number}-{'é' * 20}": number for number in range(keys)})


def with_reasons(each: str, count: int) -> str:
    """Return a feedback with equal reasons."""
    return f'{{"message_id":"m1","user_id":"u1","rating":"up","reasons":{batch(each, count)}}}'


ZEROS = ",".join(["0"] * 15_000)
# The brackets are no objects and arrays, and have the texts looked for.
TEXTS = f'"{"[" * 1600}",' + ",".join(['""'] * 10_000)
REFUSED = {
    "deeply nested infinities": batch(event(deep(",".join(["1e999"] * 3400), 175)), 24),
    "an integer among zeros": event(deep(f"{ZEROS},{2**70}", 170)),
    "integers among too many zeros": batch(event(deep(f"{ZEROS},{2**70}", 170)), 16),
    "integers among zeros": batch(event(deep(f"{ZEROS},{2**70}", 170)), 6),
    "an integer among too many empty texts": batch(event(f'{{"a":[{TEXTS},{2**70}]}}'), 15),
    "an integer among empty texts": batch(event(f'{{"a":[{TEXTS},{2**70}]}}'), 9),
    "an integer and a text like an infinity": batch(
        event(f'{{"t":":Infinity,","a":[{ZEROS},{2**70}]}}'), 6
    ),
    "tens of thousands of objects": batch(event(deep(",".join(["{}"] * 10_000), 170)), 16),
    "as many objects as are parsed": batch("[" + ",".join(["{}"] * 39) + "]", 500),
    "thousands of unknown fields": unknown(900),
    "a batch of unknown fields": batch(unknown(12), 400),
    "a batch of empty objects": batch("{}", 500),
    "keys with NUL": batch(event(json.dumps({f"\0{n}": n for n in range(1500)})), 16),
    "nested too deep to parse": "[" * 200_000,
    "a gzip bomb": " " * 2**24,
}
REFUSED_FEEDBACK = {
    "thousands of numbers as reasons": with_reasons("0", 16_000),
    "thousands of empty reasons": with_reasons('""', 10_000),
    "thousands of objects as reasons": with_reasons("{}", 10_000),
    "ten long blank reasons": with_reasons(f'"{" " * 3_000}"', 10),
}
ACCEPTED = {
    "zeros": batch(event(f'{{"a":[{ZEROS}]}}'), 6),
    "a text like an infinity": batch(event(f'{{"t":":Infinity,","a":[{ZEROS}]}}'), 6),
    "empty texts": batch(event(f'{{"a":[{TEXTS}]}}'), 9),
    "empty objects": batch(event('{"a":[' + ",".join(["{}"] * 1_200) + "]}"), 16),
    "empty objects in small events": batch(event('{"a":[' + ",".join(["{}"] * 36) + "]}"), 500),
    "empty objects and long texts": batch(
        event('{"b":"' + "x" * 28_000 + '","a":[' + ",".join(["{}"] * 1_200) + "]}"), 16
    ),
    "many events": batch(event('{"page":"/dashboard","seconds":12.5}'), 500),
}


async def seconds_of(
    post: Post, body: str, statuses: set[int], repeat: int, function: str = "analytics"
) -> float:
    """Return the processor time of the fastest of several requests."""
    compressed = gzip.compress(body.encode())
    times = []
    for _ in range(repeat):
        started = time.thread_time()
        response = await post(function, compressed, GZIP)
        times.append(time.thread_time() - started)
        assert response.status_code in statuses, response.get_body()
        assert len(response.get_body()) <= LARGEST_RESPONSE
    return min(times)


async def ratio(post: Post, body: str, statuses: set[int], function: str) -> float:
    """Return a request's processor time as a multiple of a normal event's."""
    normal = []
    for _ in range(50):
        started = time.thread_time()
        assert (await post("analytics", NORMAL.encode())).status_code == 202
        normal.append(time.thread_time() - started)
    return await seconds_of(post, body, statuses, 4, function) / median(normal)


async def least_ratio(
    post: Post, body: str, statuses: set[int], limit: int, function: str = "analytics"
) -> float:
    """Return the ratio, measured again up to five times while it exceeds the limit."""
    ratios: list[float] = []
    while len(ratios) < 6 and min(ratios, default=limit + 1) > limit:
        ratios.append(await ratio(post, body, statuses, function))
    return min(ratios)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Log nothing: pytest would keep every line."""
    caplog.set_level(logging.CRITICAL, "up2d8")


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize("name", REFUSED)
async def test_a_refused_request_costs_at_most_40_normal_events(post: Post, name: str) -> None:
    assert await least_ratio(post, REFUSED[name], {400, 413, 422}, limit=40) <= 40


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize("name", REFUSED_FEEDBACK)
async def test_a_refused_feedback_costs_at_most_5_normal_events(post: Post, name: str) -> None:
    assert await least_ratio(post, REFUSED_FEEDBACK[name], {422}, 5, "feedback") <= 5


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize("name", ACCEPTED)
async def test_an_accepted_request_costs_at_most_100_normal_events(post: Post, name: str) -> None:
    assert await least_ratio(post, ACCEPTED[name], {202}, limit=100) <= 100


def with_ids(details: str, count: int) -> str:
    """Return a batch of events that have ids."""
    events = (event(details).replace("{", f'{{"event_id":"{uuid4()}",', 1) for _ in range(count))
    return f"[{','.join(events)}]"


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize(("zeros", "count"), [(15_000, 6), (190, 500)])
@pytest.mark.parametrize(("user", "status"), [("u1", 202), ("u2", 422)])
async def test_a_repeated_request_costs_at_most_three_times_the_first(
    post: Post, zeros: int, count: int, user: str, status: int
) -> None:
    """The same events, and others under their ids, are compared with what is stored."""
    details = f'{{"a":[{",".join(["0"] * zeros)}]}}'
    body = with_ids(details, count)
    assert (await post("analytics", body.encode())).status_code == 202
    repeated = body.replace('"user_id":"u1"', f'"user_id":"{user}"')

    ratios: list[float] = []
    while len(ratios) < 6 and min(ratios, default=4) > 3:
        new = [await seconds_of(post, with_ids(details, count), {202}, 1) for _ in range(4)]
        ratios.append(await seconds_of(post, repeated, {status}, 4) / min(new))
    assert min(ratios) <= 3


async def test_an_attack_in_the_same_group_refuses_no_honest_request(
    fresh_database: Database[Document], post: Post
) -> None:
    honest: dict[str, Any] = json.loads(NORMAL)
    responses = [
        await post("analytics", json.loads(batch(event(f'{{"a":[{2**70}]}}'), 400))),
        await post("analytics", honest),
    ]

    assert [response.status_code for response in responses] == [422, 202]
    assert fresh_database.analytics.count_documents({}) == 1
