"""The log line of a failed request."""

import json
import logging
from typing import Any

import pytest
from pymongo.database import Database

from tests.support.documents import Document
from tests.support.functions import Post, UseSettings

FEEDBACK = {"message_id": "m1", "user_id": "someone@example.com", "rating": "up"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


def line_of(caplog: pytest.LogCaptureFixture, level: int) -> Document:
    """Return the only log line, parsed."""
    [record] = caplog.records
    assert record.name == "up2d8"
    assert record.levelno == level
    line: Document = json.loads(record.getMessage())
    assert 0 <= line.pop("duration_ms") < 5000
    return line


async def test_a_success_is_not_logged(
    fresh_database: Database[Document], post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "up2d8")

    assert (await post("feedback", FEEDBACK, TRACEPARENT)).status_code == 201
    assert not caplog.records
    assert fresh_database.feedback.count_documents({}) == 1


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize(
    ("function", "body", "status", "problem"),
    [
        ("feedback", b"someone@example.com", 400, "malformed-body"),
        ("feedback", FEEDBACK | {"someone@example.com": 1}, 422, "invalid-fields"),
        ("analytics", bytes(2**20), 413, "body-too-large"),
        ("analytics", {"user_id": "someone@example.com"}, 422, "invalid-fields"),
    ],
)
async def test_a_clients_error_is_a_warning(
    post: Post,
    caplog: pytest.LogCaptureFixture,
    function: str,
    body: Any,
    status: int,
    problem: str,
) -> None:
    await post(function, body, TRACEPARENT)

    assert line_of(caplog, logging.WARNING) == {
        "status": status,
        "problem": problem,
        "function": f"{function}_function",
        "trace_id": TRACE,
    }
    assert "someone" not in caplog.text


async def test_our_own_failure_is_an_error_with_its_cause(
    post: Post, use_settings: UseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    use_settings()
    await post("feedback", FEEDBACK, TRACEPARENT)

    assert line_of(caplog, logging.ERROR) == {
        "status": 503,
        "problem": "store-unavailable",
        "function": "feedback_function",
        "trace_id": TRACE,
        "cause": "missing or wrong setting: MONGODB_URI",
        "mongodb_code": None,
    }
    assert "someone" not in caplog.text


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        "nonsense",
        f"00-{TRACE}",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        "00-someone@example.com-b7ad6b7169203331-01",
    ],
)
@pytest.mark.usefixtures("fresh_database")
async def test_ignores_invalid_traceparents(
    post: Post, caplog: pytest.LogCaptureFixture, traceparent: str | None
) -> None:
    await post("feedback", b"", {} if traceparent is None else {"traceparent": traceparent})

    assert line_of(caplog, logging.WARNING)["trace_id"] is None
