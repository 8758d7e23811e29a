"""The functions, with each response checked against MongoDB."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import azure.functions as func
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from fuzz.oracle import check_document, check_error, check_problem, inflated, parse
from tests.support.documents import Document
from tests.support.functions import FUNCTIONS, body_of

READ_RAW = CodecOptions(
    document_class=RawBSONDocument, tz_aware=True, uuid_representation=UuidRepresentation.STANDARD
)


async def handle(function: str, request: func.HttpRequest) -> func.HttpResponse:
    """Call a function in a coroutine, as a runner requires."""
    return await FUNCTIONS[function](request)


class Service:
    """The functions, on a real MongoDB, in one event loop for all examples of a test."""

    def __init__(self, runner: asyncio.Runner, stored: Database[Document]) -> None:
        self.runner = runner
        self.analytics = stored.get_collection("analytics", READ_RAW)
        self.feedback = stored.get_collection("feedback", READ_RAW)

    def post(
        self, function: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> func.HttpResponse:
        """Send a request, check its response against MongoDB, and remove the documents."""
        request = func.HttpRequest("POST", "http://localhost", headers=headers, body=body)
        response = self.runner.run(handle(function, request))
        stored: dict[str, list[Mapping[str, Any]]] = {}
        for collection in (self.feedback, self.analytics):
            stored[collection.name] = list(collection.find())
            if stored[collection.name]:
                collection.delete_many({})
        documents = stored.pop(function)
        assert not any(stored.values())
        if response.status_code < 300:
            check_success(function, inflated(body, headers or {}), response, documents)
        else:
            check_problem(response)
            assert not documents
        return response


def check_success(
    function: str, body: bytes, response: func.HttpResponse, documents: list[Mapping[str, Any]]
) -> None:
    """Fail unless exactly the objects that the response does not call wrong are stored."""
    sent, result = parse(body), body_of(response)
    wrong = {error["index"] for error in result.get("errors", [])}
    for error in result.get("errors", []):
        check_error(error)
    if isinstance(sent, list):
        assert response.status_code == (207 if wrong else 202)
        right = [each for index, each in enumerate(sent) if index not in wrong]
        assert result["logged"] == len(documents)
        assert result["logged"] + result["duplicates"] == len(right)
    else:
        feedback = 200 if sent.get("rating", "") is None else 201
        assert response.status_code == {"feedback": feedback, "analytics": 202}[function]
        right = [sent]
    for each, document in in_pairs(without_repetitions(right), documents):
        check_document(function, each, document)


def in_pairs(
    sent: list[Document], stored: list[Mapping[str, Any]]
) -> Iterator[tuple[Document, Mapping[str, Any]]]:
    """Yield each sent object with its document; those without an `event_id` are in order."""
    by_id = {each["_id"]: each for each in stored if isinstance(each["_id"], UUID)}
    others = iter([each for each in stored if not isinstance(each["_id"], UUID)])
    for each in sent:
        yield each, by_id.pop(UUID(each["event_id"])) if each.get("event_id") else next(others)
    assert not by_id
    assert not list(others)


def without_repetitions(events: list[Document]) -> list[Document]:
    """Return the events without repetitions of an `event_id`."""
    seen: set[UUID] = set()
    first = []
    for event in events:
        event_id = UUID(event["event_id"]) if event.get("event_id") else uuid4()
        if event_id not in seen:
            first.append(event)
        seen.add(event_id)
    return first
