"""The peer: the same two endpoints as most teams would write them, with FastAPI and PyMongo.

Same validation rules, write concern and documents; one `insert_one` or `replace_one` per request.
It has no batches, opt-outs, privacy signals, size limits, tokens, deadlines or problem documents.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from bson import Binary
from fastapi import FastAPI, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pymongo import AsyncMongoClient
from pymongo.errors import DuplicateKeyError

Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Label = Annotated[str, Field(min_length=1, max_length=64, pattern=r"\S")]


class Feedback(BaseModel):
    """One user's rating of one chat message."""

    model_config = ConfigDict(extra="forbid")

    message_id: Identifier
    user_id: Identifier
    rating: Label
    comment: Annotated[str, Field(max_length=4000)] | None = None
    reasons: Annotated[list[Label], Field(max_length=10)] | None = None


class Event(BaseModel):
    """One action of a user."""

    model_config = ConfigDict(extra="forbid")

    user_id: Identifier
    event_type: Identifier
    details: dict[str, Any] = {}
    event_id: UUID | None = None
    occurred_at: AwareDatetime | None = None


class Message(BaseModel):
    """The body of a response."""

    message: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep one client for the application's lifetime."""
    async with AsyncMongoClient[dict[str, Any]](
        os.environ["MONGODB_URI"], w="majority", journal=True
    ) as client:
        app.state.database = client[os.environ["MONGODB_DATABASE"]]
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/api/feedback", status_code=201)
async def post_feedback(feedback: Feedback, response: Response) -> Message:
    """Store a feedback, in place of an earlier one of the user on the message."""
    key = {"user_id": feedback.user_id, "message_id": feedback.message_id}
    document = {**feedback.model_dump(exclude_none=True), "timestamp": datetime.now(UTC)}
    result = await app.state.database.feedback.replace_one({"_id": key}, document, upsert=True)
    if result.upserted_id is None:
        response.status_code = 200
        return Message(message="Feedback updated.")
    return Message(message="Feedback received.")


@app.post("/api/analytics", status_code=202)
async def post_event(event: Event) -> Message:
    """Store an event."""
    document = event.model_dump(exclude={"event_id"}, exclude_none=True)
    document["timestamp"] = datetime.now(UTC)
    if event.event_id:
        document["_id"] = Binary.from_uuid(event.event_id)
    with suppress(DuplicateKeyError):
        await app.state.database.analytics.insert_one(document)
    return Message(message="Event logged.")
