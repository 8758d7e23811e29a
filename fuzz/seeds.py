"""The initial corpus: bodies for each way to send one."""

import gzip
import json
from typing import Any

from shared_code.models import Event, Feedback

# The value of model fields that have none here.
TEXT = "c"
EVENT: dict[str, Any] = dict.fromkeys(Event.model_fields, TEXT) | {
    "user_id": "u1",
    "event_type": "page_view",
    "details": {"page": "/", "n": [1, 1.0, -0.0, True, None, 2**63 - 1, {"": {"$ref": "a.b"}}]},
    "event_id": "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e",
    "occurred_at": "2026-01-31T09:30:00.123456+01:00",
}
FEEDBACK: dict[str, Any] = dict.fromkeys(Feedback.model_fields, TEXT) | {
    "message_id": "m1",
    "user_id": "u1",
    "rating": "\U0001f44d",
    "reasons": ["wrong", "outdated", "wrong"],
}
WITHDRAWAL: dict[str, Any] = {"message_id": "m1", "user_id": "u1", "rating": None}

# Values that some parsers get wrong.
ODD_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308),
    *(2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64, -(2**63) - 1, 10**400),
    *(
        "",
        " ",
        "\0",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\uffff",
        "\U0010ffff",
        "\ud800",
        "\udc00",
    ),
    *("x" * 201, "x" * 4001, "NaN", "2026-02-29T00:00:00Z", "0001-01-01T00:00:00Z"),
    *(
        "2026-01-31t09:30:00.9999999z",
        "9999-12-31T23:59:59.9999-00:01",
        "{018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e}",
    ),
    *([], {}, [[]], [{}], {"": {}}, {"\0": 1}, {"$set": 1}, {"a.b": 1}, {"_id": 1}),
    *({"$ref": "c", "$id": 1}, {"__proto__": 1}, {"\ud800": 1}, {"é": "é"}),
]


def seeds() -> list[bytes]:
    """Return fuzzer inputs: a first byte for the function and the content coding, then the body."""
    feedback, withdrawal, event, batch = (
        json.dumps(each).encode() for each in (FEEDBACK, WITHDRAWAL, EVENT, [EVENT, {}])
    )
    return [
        b"\0" + feedback,
        b"\0" + withdrawal,
        b"\1" + event,
        b"\1" + batch,
        b"\2" + gzip.compress(feedback, mtime=0),
        b"\3" + gzip.compress(batch, mtime=0),
        b"\4" + feedback,
        b"\5" + event,
    ]
