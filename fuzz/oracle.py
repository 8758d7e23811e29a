"""Invariants of every response and document, independent of the service's own code."""

import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import unquote
from uuid import UUID

import azure.functions as func

PROBLEMS = {
    "malformed-body": 400,
    "invalid-token": 401,
    "other-user": 403,
    "body-too-large": 413,
    "unsupported-encoding": 415,
    "invalid-fields": 422,
}
# The fields of every document. Optional ones are stored after them, except `event_id`, which is the
# `_id`.
FIELDS = {
    "feedback": ["_id", "message_id", "user_id", "rating", "timestamp"],
    "analytics": ["_id", "user_id", "event_type", "details", "timestamp"],
}
LONGEST = {"message_id": 200, "user_id": 200, "event_type": 200, "rating": 64, "comment": 4000}
MOST_REASONS = 10
LONGEST_POINTER = 200 + len("/499")
LONGEST_RESPONSE = 64 * 1024
# MongoDB stores milliseconds.
PRECISION = timedelta(milliseconds=1)


class Finding(AssertionError):
    """A violated invariant."""


def require(condition: object, text: str) -> None:
    """Report a finding unless `condition` holds.

    Raises:
        Finding: `condition` is false.
    """
    if not condition:
        raise Finding(text)


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and infinities, which JSON does not have.

    Raises:
        ValueError: always.
    """
    raise ValueError(name)


def parse(body: bytes) -> Any:  # noqa: ANN401 (any JSON)
    """Parse JSON with a parser other than the service's.

    Raises:
        ValueError: it is not JSON.
    """
    return json.loads(body.decode(), parse_constant=refuse_constant)


def inflated(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the body without its content coding."""
    if headers.get("Content-Encoding", "").strip().lower() in {"gzip", "x-gzip"}:
        return zlib.decompress(body, wbits=zlib.MAX_WBITS | 16)
    return body


def check_problem(response: func.HttpResponse) -> None:
    """Report a finding unless a response is a problem document that blames the client."""
    require(len(response.get_body()) <= LONGEST_RESPONSE, "the response is too long")
    problem = json.loads(response.get_body())
    name = problem["type"].removeprefix("urn:up2d8:problem:")
    require(response.mimetype == "application/problem+json", "not a problem document")
    require(PROBLEMS.get(name) == response.status_code == problem["status"], "wrong status")
    members = {"type", "title", "status", "detail"} | ({"errors"} & problem.keys())
    require(problem.keys() == members, "a member is missing or unknown")
    require(
        all(isinstance(problem[each], str) and problem[each] for each in ("title", "detail")),
        "empty",
    )
    require(("errors" in problem) == (name == "invalid-fields"), "errors and type disagree")
    for error in problem.get("errors", []):
        check_error(error)


def check_error(error: dict[str, Any]) -> None:
    """Report a finding unless an error has the documented form."""
    require(error.keys() - {"index"} == {"pointer", "detail"}, "a member is missing or unknown")
    pointer = error["pointer"]
    require(pointer == "#" or pointer.startswith("#/"), "not a pointer")
    require(pointer.isascii() and len(pointer) <= LONGEST_POINTER, "no URI fragment, or too long")
    unquote(pointer, errors="strict")
    if "index" in error:
        require(f"{pointer}/".startswith(f"#/{error['index']}/"), "index and pointer disagree")


def plain(value: object) -> object:
    """Return a raw BSON document as plain values; decoding it would turn a `$ref` into a DBRef."""
    match value:
        case Mapping():
            return {key: plain(member) for key, member in value.items()}
        case list():
            return [plain(member) for member in value]
        case _:
            return value


def check_document(function: str, sent: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Report a finding unless `stored` is exactly the client's object, and valid."""
    given = {name: value for name, value in sent.items() if value is not None}
    if function == "feedback" and "reasons" in given:
        given["reasons"] = check_reasons(given["reasons"])
        given = {name: value for name, value in given.items() if value != []}
    withdrawn = {"rating"} if sent.get("rating", "") is None else set()
    fields = [name for name in FIELDS[function] if name not in withdrawn]
    optional = given.keys() - {*fields, "event_id"}
    require(optional <= stored.keys(), "a field was dropped")
    in_order = [*stored][: len(fields)] == fields
    require(in_order and stored.keys() == {*fields, *optional}, "other fields, or another order")
    for name in optional - {"occurred_at"}:
        require(stored[name] == given[name], f"{name} differs")
    for name in LONGEST.keys() & stored.keys():
        require(type(stored[name]) is str and stored[name] == given[name], f"{name} differs")
        require(len(given[name]) <= LONGEST[name], f"{name} is too long")
        require(given[name] or name == "comment", f"{name} is empty")
        require("\0" not in given[name] or name == "comment", f"{name} holds NUL")
    age = datetime.now(UTC) - stored["timestamp"]
    require(-PRECISION <= age < timedelta(minutes=1), "timestamp is not now")
    if function == "feedback":
        check_feedback(given, stored)
    else:
        check_event(given, stored)


def check_feedback(given: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Report a finding unless a feedback is stored under its natural key."""
    key = [("user_id", given["user_id"]), ("message_id", given["message_id"])]
    require(list(stored["_id"].items()) == key, "_id differs")
    if "rating" in given:
        require(given["rating"].strip(), "rating is blank")
    else:
        require(given.keys() == {"message_id", "user_id"}, "a withdrawal has more")


def check_reasons(sent: list[str]) -> list[str]:
    """Report a finding unless reasons are valid; return each once."""
    require(type(sent) is list and len(sent) <= MOST_REASONS, "no list, or too many reasons")
    for reason in sent:
        require(type(reason) is str and reason.strip(), "a reason is blank or no text")
        require(len(reason) <= LONGEST["rating"] and "\0" not in reason, "a reason is not valid")
    return sorted(set(sent), key=sent.index)


def check_event(given: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """Report a finding unless an event is stored with its details unchanged."""
    # JSON text distinguishes 1, 1.0 and true, -0.0 and 0.0, and orders of keys. Infinity, as most
    # parsers read 1e999, has none.
    details = json.dumps(plain(stored["details"]), allow_nan=False)
    require(details == json.dumps(given["details"]), "details differ")
    if "event_id" in given:
        require(UUID(given["event_id"]).int not in {0, 2**128 - 1}, "event_id is reserved")
        require(stored["_id"] == UUID(given["event_id"]), "_id differs")
    if "occurred_at" in given:
        sent = datetime.fromisoformat(given["occurred_at"].upper())
        require(timedelta(0) <= sent - stored["occurred_at"] < PRECISION, "occurred_at differs")
