"""Both sides of a comparison without HTTP: the handlers, and a bare client that writes the same."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch

import azure.functions as func
from pydantic_core import to_json
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

import analytics_function
import feedback_function
from benchmarks.load import Act
from benchmarks.samples import Document, event_document, feedback_document
from shared_code import settings
from shared_code.mongodb import connection

MAINS = {"analytics": analytics_function.main, "feedback": feedback_function.main}

Collection = AsyncCollection[Document]


@asynccontextmanager
async def bare_client(
    uri: str, timeout_ms: int | None = None
) -> AsyncIterator[AsyncMongoClient[Document]]:
    """Open a client with the functions' write concern, without a timeout by default."""
    async with AsyncMongoClient[Document](
        uri, w="majority", journal=True, timeoutMS=timeout_ms
    ) as client:
        yield client


@asynccontextmanager
async def functions(uri: str, name: str) -> AsyncIterator[None]:
    """Let the functions write to the database `name`."""
    with settings_for(uri, name):
        try:
            yield
        finally:
            await connection.close()


@contextmanager
def settings_for(uri: str, name: str) -> Iterator[None]:
    """Point the functions' settings at a database."""
    environment = {"MONGODB_URI": uri, "MONGODB_DATABASE": name}
    with patch.object(settings, "environment", environment):
        settings.get_settings.cache_clear()
        try:
            yield
        finally:
            settings.get_settings.cache_clear()


def posting(function: str, sample: Callable[[], Any]) -> Act[func.HttpRequest]:
    """Return the action of posting a new sample to a function."""

    async def post(request: func.HttpRequest) -> None:
        response = await MAINS[function](request)
        if response.status_code not in {200, 201, 202}:
            raise RuntimeError(f"{function}: {response.status_code}, {response.get_body()!r}")

    return Act(lambda: new_request(function, to_json(sample())), post)


def new_request(function: str, body: bytes) -> func.HttpRequest:
    """Return a request as the host passes it to a function."""
    url = f"http://localhost:7071/api/{function}"
    return func.HttpRequest("POST", url, headers={"Host": "localhost:7071"}, body=body)


def inserting(collection: Collection, sample: Callable[[], Document]) -> Act[Document]:
    """Return the action of inserting a new event with the bare client."""
    return Act(sample, lambda event: collection.insert_one(event_document(event)))


def replacing(collection: Collection, sample: Callable[[], Document]) -> Act[Document]:
    """Return the action of upserting a new feedback with the bare client."""

    async def replace(feedback: Document) -> None:
        document = feedback_document(feedback)
        await collection.replace_one({"_id": document["_id"]}, document, upsert=True)

    return Act(sample, replace)


def inserting_many(collection: Collection, batch: list[Document]) -> Act[list[Document]]:
    """Return the action of inserting a batch of events with the bare client."""

    async def insert(events: list[Document]) -> None:
        await collection.insert_many(map(event_document, events), ordered=False)

    return Act(batch.copy, insert)
