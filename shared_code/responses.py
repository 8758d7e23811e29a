"""Answers, and the one place that maps every failure to a problem document."""

import functools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import azure.functions as func

from shared_code.problems import FieldError, InternalError, Problem, StoreUnavailable, Unavailable
from shared_code.settings import ConfigurationError

logger = logging.getLogger("up2d8")

Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def json_response(
    status: int,
    body: Mapping[str, Any],
    mimetype: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """Return `body` as a JSON answer."""
    return func.HttpResponse(
        json.dumps(body), status_code=status, mimetype=mimetype, headers=headers
    )


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
    """Return field errors as clients see them; those of a batch say their event's index."""
    return [
        {"index": error.path[0], "pointer": error.pointer, "detail": error.detail}
        if error.path and isinstance(error.path[0], int)
        else {"pointer": error.pointer, "detail": error.detail}
        for error in errors
    ]


def answers_problems(handler: Handler) -> Handler:
    """Make `handler` answer a problem document for whatever it raises."""

    @functools.wraps(handler)
    async def main(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except Exception as error:  # noqa: BLE001 (the one last resort)
            return problem_response(to_problem(error))

    return main


def to_problem(error: Exception) -> Problem:
    """Map what a handler raised to the problem to answer, and log what operators must know."""
    match error:
        case Unavailable():
            logger.error("not stored, %s: %s", error.name, error.cause)
            return error
        case Problem():
            return error
        case ConfigurationError():
            logger.error("not stored, %s", error)
            return StoreUnavailable(str(error))
        case _:
            logger.error("not stored, a defect", exc_info=error)
            return InternalError()
