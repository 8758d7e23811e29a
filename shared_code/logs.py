"""The log: one structured line for each failed request, without personal data."""

import json
import logging
import re
from time import perf_counter

import azure.functions as func

from shared_code.problems import Problem, Unavailable

logger = logging.getLogger("up2d8")

# Version, trace id, parent id and flags (W3C Trace Context, section 3.2).
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")

SERVER_ERROR = 500


def log_failure(
    problem: Problem, function: str, req: func.HttpRequest, started: float, defect: Exception | None
) -> None:
    """Log one line of JSON, with the fields in docs/logs.md, and the traceback of a defect.

    `started` is the value of `perf_counter` when the request arrived.
    """
    line = {
        "status": problem.status,
        "problem": problem.name,
        "function": function,
        "duration_ms": round((perf_counter() - started) * 1000, 1),
        "trace_id": trace_id(req),
    }
    if isinstance(problem, Unavailable):
        line |= {"cause": problem.cause, "mongodb_code": problem.code}
    level = logging.ERROR if problem.status >= SERVER_ERROR else logging.WARNING
    logger.log(level, "%s", json.dumps(line), exc_info=defect)


def trace_id(req: func.HttpRequest) -> str | None:
    """Return the trace id of the request, if it has one."""
    match = TRACEPARENT.fullmatch(req.headers.get("traceparent", ""))
    return match[1] if match else None
