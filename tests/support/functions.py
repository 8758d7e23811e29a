"""The functions, requests to them, and their responses."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func

import analytics_function
import feedback_function

FUNCTIONS = {"feedback": feedback_function.main, "analytics": analytics_function.main}
NAMES = sorted(FUNCTIONS)

# The minimal body of each function.
FEEDBACK = {"message_id": "m1", "user_id": "u1", "rating": "up"}
EVENT = {"user_id": "u1", "event_type": "page_view", "details": {}}
BODIES: dict[str, Any] = {"feedback": FEEDBACK, "analytics": EVENT}

GZIP = {"Content-Encoding": "gzip"}

# The fixtures `post` and `use_settings`.
Post = Callable[..., Awaitable[func.HttpResponse]]
UseSettings = Callable[..., None]


def body_of(response: func.HttpResponse) -> Any:
    """Return the JSON of a response."""
    return json.loads(response.get_body())
