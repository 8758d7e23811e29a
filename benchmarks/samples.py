"""The bodies that the benchmarks send, and the documents that a bare client stores."""

from datetime import UTC, datetime
from itertools import count, cycle
from typing import Any

from pydantic_core import to_json

Document = dict[str, Any]

USERS = [f"user-{number:03}" for number in range(100)]
"""Few enough that the opt-out of each is cached before the clock starts."""

MESSAGES = 256
"""Number of messages that get feedback again: more than there are concurrent requests."""

_numbers = count()
_few = cycle(range(MESSAGES))
_users = cycle(USERS)


def event(size: int = 0) -> Document:
    """Return an event, padded to at least `size` bytes of JSON."""
    details = {"page": "/dashboard", "referrer": "/chat/018f4b2e", "seconds": 12.5, "theme": "dark"}
    sample = {"user_id": next(_users), "event_type": "page_view", "details": details}
    if size:
        details["padding"] = "x" * (size - len(to_json(sample)) - len('"padding":"",'))
    return sample


def event_document(sample: Document) -> Document:
    """Return the document of an event, without `_id`."""
    return sample | {"timestamp": datetime.now(UTC)}


def feedback() -> Document:
    """Return a feedback on a new message."""
    return {
        "message_id": f"message-{next(_numbers):09}",
        "user_id": next(_users),
        "rating": "up",
        "comment": "Just what I needed, and faster than I had thought.",
    }


def feedback_again() -> Document:
    """Return a feedback on a message that has one, except in the first round."""
    return feedback() | {"user_id": USERS[0], "message_id": f"again-{next(_few):03}"}


def feedback_document(sample: Document) -> Document:
    """Return the document of a feedback."""
    key = {"user_id": sample["user_id"], "message_id": sample["message_id"]}
    return {"_id": key, **sample, "timestamp": datetime.now(UTC)}
