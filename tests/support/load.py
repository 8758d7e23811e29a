"""Many concurrent clients, and the responses they got."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pymongo.database import Database

from tests.support.documents import Document
from tests.support.functions import Post, body_of

CLIENTS = 32
BATCH = 5

# Pause of a client between requests: 100,000 requests a scenario would prove no more, and take
# longer to verify.
PAUSE_SECONDS = 0.008


@dataclass
class Request:
    """One client's request, and its outcome."""

    function: str
    body: Any
    stored: bool = False
    seconds: float = 0.0

    @property
    def events(self) -> list[Document]:
        """The events in the body."""
        return self.body if isinstance(self.body, list) else [self.body]

    @property
    def has_event_ids(self) -> bool:
        """Whether sending it again must not store its events twice."""
        return "event_id" in self.events[0]


def feedback(client: int, number: int) -> Request:
    """Return a client's feedback on the one message that it keeps rating."""
    body = {"message_id": "m1", "user_id": f"client-{client}", "rating": str(number)}
    return Request("feedback", body)


def event(client: int, number: int, position: int = 0, *, event_id: bool) -> Document:
    """Return a unique event; some belong to new users."""
    body: Document = {
        "user_id": f"client-{client}" if number % 7 else f"client-{client}-{number}",
        "event_type": "page_view",
        "details": {"number": number, "position": position},
    }
    return body | {"event_id": str(UUID(int=number * BATCH + position))} if event_id else body


def batch(client: int, number: int, *, event_id: bool) -> list[Document]:
    """Return a batch of such events."""
    return [event(client, number, position, event_id=event_id) for position in range(BATCH)]


def new_request(client: int, number: int) -> Request:
    """Return a request; the kinds take turns."""
    match number % 6:
        case 0 | 1:
            return feedback(client, number)
        case 2:
            return Request("analytics", event(client, number, event_id=True))
        case 3:
            return Request("analytics", event(client, number, event_id=False))
        case 4:
            return Request("analytics", batch(client, number, event_id=True))
        case _:
            return Request("analytics", batch(client, number, event_id=False))


class Load:
    """Many clients that send one request after another, and record the outcomes."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.requests: list[Request] = []
        self.numbers = itertools.count()
        self.over = False

    async def run(self, fault: Coroutine[Any, Any, None]) -> None:
        """Keep the clients sending while a fault comes and goes."""
        clients = [asyncio.create_task(self.client(number)) for number in range(CLIENTS)]
        await asyncio.sleep(0.5)
        await fault
        await asyncio.sleep(0.5)
        self.over = True
        await asyncio.gather(*clients)

    async def client(self, client: int) -> None:
        """Send requests until the load is over."""
        while not self.over:
            request = new_request(client, next(self.numbers))
            self.requests.append(request)
            await self.send(request)
            await asyncio.sleep(PAUSE_SECONDS)

    async def send(self, request: Request) -> None:
        """Send one request; its response must be a success or a retryable 503."""
        started = time.monotonic()
        response = await self.post(request.function, request.body)
        request.seconds = max(request.seconds, time.monotonic() - started)
        request.stored = response.status_code < 300
        body = body_of(response)
        if not request.stored:
            assert response.status_code == 503
            assert body["type"] == "urn:up2d8:problem:store-unavailable"
            assert response.headers["Retry-After"]
        elif isinstance(request.body, list):
            assert body["logged"] + body["duplicates"] == len(request.body)

    async def retry_failures(self) -> None:
        """Retry failed requests if that is safe; of each user's feedback only the latest."""
        latest = {each.body["user_id"]: each for each in self.feedback()}
        for request in [*latest.values(), *self.analytics()]:
            if not request.stored and (request.function == "feedback" or request.has_event_ids):
                await self.send(request)
                assert request.stored

    def acknowledged(self) -> int:
        """Return the number of acknowledged documents."""
        return sum(len(request.events) for request in self.requests if request.stored)

    def feedback(self) -> list[Request]:
        """Return the requests with feedback, in order."""
        return [request for request in self.requests if request.function == "feedback"]

    def analytics(self) -> list[Request]:
        """Return the requests with events."""
        return [request for request in self.requests if request.function == "analytics"]


def assert_consistent(load: Load, stored: Database[Document]) -> None:
    """Fail unless MongoDB has every acknowledged event, none twice, and the latest feedback."""
    events = Counter(
        (each["details"]["number"], each["details"]["position"]) for each in stored.analytics.find()
    )
    assert set(events.values()) == {1}
    assert events.keys() >= {
        (each["details"]["number"], each["details"]["position"])
        for request in load.analytics()
        if request.stored
        for each in request.events
    }

    ratings = {each["user_id"]: int(each["rating"]) for each in stored.feedback.find()}
    latest = {
        request.body["user_id"]: int(request.body["rating"])
        for request in load.feedback()
        if request.stored
    }
    assert latest
    assert {user: rating for user, rating in latest.items() if ratings[user] < rating} == {}


async def assert_recovered(load: Load) -> None:
    """Fail unless the next request of each kind succeeds."""
    for _ in range(6):
        request = new_request(0, next(load.numbers))
        load.requests.append(request)
        await load.send(request)
        assert request.stored
