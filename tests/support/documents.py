"""Documents as MongoDB stores them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from shared_code.models import Event, Feedback

Document = dict[str, Any]

# The time of most test documents.
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def a_feedback(timestamp: datetime, **fields: Any) -> Document:
    """Return a feedback as the function stores it, by default on a new message."""
    given = {"message_id": uuid4().hex, "user_id": "u1", "rating": "up"} | fields
    return Feedback.model_validate(given).to_document(timestamp)


def an_event(timestamp: datetime, **fields: Any) -> Document:
    """Return an event as the function stores it."""
    given = {"user_id": "u1", "event_type": "page_view", "details": {}} | fields
    return Event.model_validate(given).to_document(timestamp)


def nested(levels: int) -> Document:
    """Return objects nested `levels` deep."""
    document: Document = {}
    for _ in range(levels - 1):
        document = {"a": document}
    return document
