"""Responses, and the one place that maps exceptions to problem documents."""

import functools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import azure.functions as func

from shared_code.logs import SERVER_ERROR, log_failure
from shared_code.mongodb.deadlines import start_clock
from shared_code.problems import FieldError, InternalError, Problem, StoreUnavailable
from shared_code.settings import ConfigurationError
from shared_code.turns import wait_to_refuse

Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def json_response(
    status: int,
    body: Mapping[str, Any],
    mimetype: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """Return `body` as a JSON response."""
    return func.HttpResponse(
        json.dumps(body), status_code=status, mimetype=mimetype, headers=headers
    )


@functools.cache
def message_response(status: int, message: str) -> func.HttpResponse:
    """Return a cached `{"message": …}` response; the host adds nothing but its content type."""
    return json_response(status, {"message": message})


def problem_response(problem: Problem) -> func.HttpResponse:
    """Return `problem` as `application/problem+json` (RFC 9457, section 3)."""
    body: dict[str, Any] = {
        "type": f"urn:up2d8:problem:{problem.name}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = error_list(problem.errors)
    return json_response(
        problem.status, body, mimetype="application/problem+json", headers=problem.headers
    )


def error_list(errors: Sequence[FieldError]) -> list[dict[str, Any]]:
    """Return field errors as clients see them, in a batch with the index of the event."""
    return [
        {"index": error.path[0], "pointer": error.pointer, "detail": error.detail}
        if error.path and isinstance(error.path[0], int)
        else {"pointer": error.pointer, "detail": error.detail}
        for error in errors
    ]


def answers_problems(handler: Handler) -> Handler:
    """Make `handler` return a logged problem document for any exception it raises."""
    function = handler.__module__.rpartition(".")[2]

    @functools.wraps(handler)
    async def main(req: func.HttpRequest) -> func.HttpResponse:
        started = perf_counter()
        try:
            start_clock()
            return await handler(req)
        except Exception as error:  # noqa: BLE001 (the last resort)
            problem = to_problem(error)
            defect = error if isinstance(problem, InternalError) else None
            log_failure(problem, function, req, started, defect)
            if problem.status < SERVER_ERROR:
                await wait_to_refuse(problem)
            return problem_response(problem)

    return main


def to_problem(error: Exception) -> Problem:
    """Return the problem for an exception."""
    match error:
        case Problem():
            return error
        case ConfigurationError():
            return StoreUnavailable(str(error))
        case _:
            return InternalError()
