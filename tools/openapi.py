"""Write `docs/openapi.json`, the OpenAPI 3.1 description of the functions: `make openapi`.

Requests come from the models and failures from the problems, so the description cannot fall behind
them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from analytics_function import NOT_TRACKED
from analytics_function.events import BATCH_LIMIT, MAXIMUM_EVENTS, OPTED_OUT
from shared_code.models import Event, Feedback
from shared_code.problems import (
    MAXIMUM_POINTER,
    BodyTooLarge,
    FieldError,
    InternalError,
    InvalidFields,
    InvalidToken,
    KeysUnavailable,
    MalformedBody,
    OtherUser,
    Problem,
    StoreUnavailable,
    UnsupportedEncoding,
)
from shared_code.requests import OBJECT_LIMIT
from shared_code.responses import problem_response
from shared_code.validation import MAXIMUM_ERRORS

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"

DESCRIPTION = """\
Stores what the users of an AI chat application tell it. A success code always means that MongoDB \
has it: journaled, on a majority of its servers.

Bodies are UTF-8 JSON whatever their `Content-Type`. Every error of the functions is a problem \
document (RFC 9457). Before a request reaches a function, the Functions host itself answers 401 \
(no function key), 404 (no such route or method), 413 (a body above 100 MB) and 429 (too many \
requests at once), without a body.

Settings may allow fewer ratings, users and messages than the schemas do; others are answered \
422."""

# `\S` as Pydantic sees it: by Unicode, where JSON Schema's ECMA-262 differs in two characters.
NOT_BLANK = r"[^\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"

NUL = r"\u0000"

# The nil and the max UUID.
RESERVED = "^[0-]+$|^[fF-]+$"

# RFC 3339 date-times that are leap seconds or outside the years 1 to 9999 in UTC.
NO_MOMENT = r"^0000|^0001-01-01.*\+|^9999-12-31.*-[0-9:]+$|:60"

# Headers whose value varies, in seconds.
HEADERS = {"Retry-After": {"type": "string", "pattern": "^[1-9][0-9]*$"}}

REFERENCE = "#/components/schemas/{model}"

Schema = dict[str, Any]


def reference(name: str) -> Schema:
    """Return a reference to one of the schemas."""
    return {"$ref": REFERENCE.format(model=name)}


def closed_object(**properties: Schema) -> Schema:
    """Return the schema of an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of(items: Schema, maximum: int) -> Schema:
    """Return the schema of an array of 1 to `maximum` items."""
    return {"type": "array", "items": items, "minItems": 1, "maxItems": maximum}


SECURITY_SCHEMES = {
    "functionKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "The key that Azure asks for. The local server asks for none.",
    },
    "functionKeyInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "code",
        "description": "The same key, where a header cannot be set.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Asked for where the `AUTH_` settings are made; `user_id` is its user.",
    },
}

CONTENT_ENCODING = {
    "name": "Content-Encoding",
    "in": "header",
    "description": "`gzip` says that the body is compressed, as one gzip member.",
    "schema": {"enum": ["gzip", "x-gzip", "identity", ""]},
}

COUNT = {"type": "integer", "minimum": 0, "maximum": MAXIMUM_EVENTS}
INDEX = {"type": "integer", "minimum": 0, "maximum": MAXIMUM_EVENTS - 1}
COUNTS = dict.fromkeys(("logged", "duplicates", "opted_out"), COUNT)
TEXT = {"type": "string", "minLength": 1}
POINTER = {
    "type": "string",
    "description": "A JSON Pointer in URI-fragment form (RFC 6901, section 6).",
    # The characters of a URI fragment (RFC 3986, section 3.5); keys have "~" and "/" escaped.
    "pattern": r"^#(/([A-Za-z0-9._!$&'()*+,;=:@-]|~[01]|%[0-9A-F]{2})*)*$",
    "maxLength": MAXIMUM_POINTER,
}
ERRORS = {
    "FieldError": closed_object(pointer=POINTER, detail=TEXT),
    "EventError": closed_object(index=INDEX, pointer=POINTER, detail=TEXT),
}
FIELD_ERRORS = list_of(reference("FieldError"), MAXIMUM_ERRORS)
EVENT_ERRORS = list_of(reference("EventError"), MAXIMUM_ERRORS * MAXIMUM_EVENTS)


@dataclass(frozen=True)
class Response:
    """A response of a function, with its schema and an example, both under its name."""

    name: str
    status: int
    description: str
    example: Mapping[str, Any]
    schema: Schema
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def message(name: str, status: int, description: str, text: str) -> Response:
    """Return the response whose body is a message."""
    schema = closed_object(message={"const": text})
    return Response(name, status, description, {"message": text}, schema)


def problem(name: str, failure: Problem, **errors: Schema) -> Response:
    """Return the response to `failure`, as the functions send it."""
    response = problem_response(failure)
    example = json.loads(response.get_body())
    fixed = {member: {"const": example[member]} for member in ("type", "title", "status")}
    return Response(
        name,
        failure.status,
        f"{failure.title}.",
        example,
        closed_object(**fixed, detail=TEXT, **errors),
        response.mimetype,
        failure.headers or {},
    )


FEEDBACK_RESPONSES = [
    message("FeedbackReceived", 201, "The feedback is stored.", "Feedback received."),
    message("FeedbackUpdated", 200, "It replaced the earlier one.", "Feedback updated."),
    message("FeedbackWithdrawn", 200, "The user's feedback is withdrawn.", "Feedback withdrawn."),
]
EVENT_RESPONSES = [
    message("EventLogged", 202, "The event is stored, now or earlier.", "Event logged."),
    message("NotTracked", 202, "The client asked not to be tracked.", NOT_TRACKED),
    message("OptedOut", 202, "The user opted out of analytics.", OPTED_OUT),
    Response(
        "BatchLogged",
        202,
        "No event of the batch is invalid.",
        {"message": "2 events logged.", "logged": 2, "duplicates": 0, "opted_out": 0},
        closed_object(
            message={"type": "string", "pattern": "^[0-9]+ events? logged\\.$"}, **COUNTS
        ),
    ),
    Response(
        "BatchPartlyLogged",
        207,
        "Some events of the batch are invalid; the others are stored.",
        {
            "message": "1 of 2 events logged.",
            "logged": 1,
            "duplicates": 0,
            "opted_out": 0,
            "errors": [{"index": 1, "pointer": "#/1/event_type", "detail": "is required"}],
        },
        closed_object(
            message={"type": "string", "pattern": "^[0-9]+ of [0-9]+ events logged\\.$"},
            **COUNTS,
            errors=EVENT_ERRORS,
        ),
    ),
]
MISSING = [FieldError(("user_id",), "is required")]
INVALID_BATCH = InvalidFields([error.under(0) for error in MISSING])
PROBLEMS = [
    problem("MalformedBody", MalformedBody("The body is not valid gzip.")),
    problem("InvalidToken", InvalidToken()),
    problem("OtherUser", OtherUser()),
    problem("BodyTooLarge", BodyTooLarge(OBJECT_LIMIT)),
    problem("UnsupportedEncoding", UnsupportedEncoding()),
    problem("InvalidFields", InvalidFields(MISSING), errors=FIELD_ERRORS),
    problem("InternalError", InternalError()),
    problem("StoreUnavailable", StoreUnavailable("")),
    problem("KeysUnavailable", KeysUnavailable("")),
]
RESPONSES = {
    "/api/feedback": [*FEEDBACK_RESPONSES, *PROBLEMS],
    "/api/analytics": [
        *EVENT_RESPONSES,
        *PROBLEMS,
        problem("InvalidBatch", INVALID_BATCH, errors=EVENT_ERRORS),
    ],
}

FEEDBACK = {"message_id": "message-1", "user_id": "user-1", "rating": "up"}
EVENT = {
    "user_id": "user-1",
    "event_type": "page_view",
    "details": {"page": "/dashboard"},
    "event_id": "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e",
    "occurred_at": "2026-01-31T09:30:00Z",
}
# Sent in this order, each gets the response of its name.
FEEDBACK_REQUESTS = {
    "FeedbackReceived": FEEDBACK | {"comment": "Just what I needed."},
    "FeedbackUpdated": FEEDBACK | {"rating": "down", "reasons": ["wrong", "outdated"]},
    "FeedbackWithdrawn": FEEDBACK | {"rating": None},
}
EVENT_REQUESTS = {
    "EventLogged": EVENT,
    "BatchLogged": [
        {"user_id": f"user-{n}", "event_type": "button_click", "details": {}} for n in (1, 2)
    ],
}


def describe() -> Schema:
    """Return the whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "UP2D8 feedback and analytics",
            "version": "1",
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://localhost:7071", "description": "The local server."}],
        "security": security_alternatives(),
        "paths": {
            "/api/feedback": {"post": feedback_operation()},
            "/api/analytics": {"post": analytics_operation()},
        },
        "components": {
            "schemas": request_schemas() | response_schemas(),
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def security_alternatives() -> list[Schema]:
    """Return the alternatives for access: with or without a key, with or without a token."""
    keys: list[Schema] = [{}, {"functionKey": []}, {"functionKeyInQuery": []}]
    return [*keys, *(key | {"token": []} for key in keys)]


def feedback_operation() -> Schema:
    """Return the description of POST /api/feedback."""
    return {
        "operationId": "sendFeedback",
        "summary": "Store a user's rating of one chat message, or withdraw it",
        "description": "A second feedback of the user on the message replaces the first. "
        "A null as the rating withdraws it, and is stored even if there was none. "
        f"A body may have {OBJECT_LIMIT} bytes, as sent and inflated.",
        "parameters": [CONTENT_ENCODING],
        "requestBody": request_body("FeedbackOrWithdrawal", FEEDBACK_REQUESTS),
        "responses": by_status(RESPONSES["/api/feedback"]),
    }


def analytics_operation() -> Schema:
    """Return the description of POST /api/analytics."""
    return {
        "operationId": "sendEvents",
        "summary": "Store what users did: one event, or a batch of them",
        "description": "An `event_id` makes an event safe to send again. "
        f"The body of one event may have {OBJECT_LIMIT} bytes, that of a batch {BATCH_LIMIT}, "
        f"as sent and inflated, and each of its events {OBJECT_LIMIT}.",
        "parameters": [CONTENT_ENCODING, privacy_signal("Sec-GPC"), privacy_signal("DNT")],
        "requestBody": request_body("Events", EVENT_REQUESTS),
        "responses": by_status(RESPONSES["/api/analytics"]),
    }


def privacy_signal(name: str) -> Schema:
    """Return the description of a header with which browsers refuse tracking."""
    return {
        "name": name,
        "in": "header",
        "schema": {"type": "string"},
        "description": "With `1`, the body is not read and nothing is stored.",
    }


def request_body(schema: str, requests: Mapping[str, Any]) -> Schema:
    """Return the description of a body. Browsers send text/plain while they close a page."""
    media = {"schema": reference(schema), "examples": examples(requests)}
    return {"required": True, "content": {"application/json": media, "text/plain": media}}


def examples(values: Mapping[str, Any]) -> Schema:
    """Return named examples."""
    return {name: {"value": value} for name, value in values.items()}


def by_status(responses: Sequence[Response]) -> Schema:
    """Return the description of a function's responses, by status."""
    status = attrgetter("status")
    grouped = groupby(sorted(responses, key=status), key=status)
    described = {str(number): describe_responses(list(alike)) for number, alike in grouped}
    return described | {"429": {"description": "Too many requests at once."}}


def describe_responses(responses: Sequence[Response]) -> Schema:
    """Return the description of the responses that share a status."""
    media = {
        "schema": {"oneOf": [reference(response.name) for response in responses]},
        "examples": examples({response.name: response.example for response in responses}),
    }
    return {
        "description": " ".join(dict.fromkeys(response.description for response in responses)),
        "headers": {
            name: {"required": True, "schema": HEADERS.get(name, {"const": value})}
            for name, value in responses[0].headers.items()
        },
        "content": {responses[0].media_type: media},
    }


def response_schemas() -> dict[str, Schema]:
    """Return the schemas of the responses and of the errors in them."""
    responses = [response for of_path in RESPONSES.values() for response in of_path]
    return {response.name: response.schema for response in responses} | ERRORS


def request_schemas() -> dict[str, Schema]:
    """Return the schemas of requests, as the models check them."""
    models: list[Any] = [(model, "validation") for model in (Feedback, Event)]
    schemas: dict[str, Schema] = models_json_schema(models, ref_template=REFERENCE)[1]["$defs"]
    feedback, event = (schemas[name]["properties"] for name in ("Feedback", "Event"))
    schemas |= withdrawal_schemas(schemas["Feedback"])
    feedback["rating"] |= feedback["rating"].pop("anyOf")[0]
    for label in (feedback["rating"], feedback["reasons"]["anyOf"][0]["items"]):
        label |= {"pattern": NOT_BLANK, "not": {"pattern": NUL}}
    event["occurred_at"]["anyOf"][0]["not"] = {"pattern": NO_MOMENT}
    event["event_id"]["anyOf"][0]["not"] = {"pattern": RESERVED}
    # The model takes any object; MongoDB decides.
    event["details"] = reference("StorableObject")
    batch = list_of(reference("Event"), MAXIMUM_EVENTS)
    return schemas | {"Events": {"anyOf": [reference("Event"), batch]}} | storable_schemas()


def withdrawal_schemas(feedback: Schema) -> dict[str, Schema]:
    """Return the schemas of a withdrawal, which has neither comment nor reasons, and of both."""
    nothing = {
        "rating": {"type": "null"},
        "comment": {"type": "null"},
        "reasons": {"type": ["array", "null"], "maxItems": 0},
    }
    withdrawal = feedback | {
        "title": "Withdrawal",
        "description": "The withdrawal of a user's feedback on one chat message.",
        "properties": feedback["properties"] | nothing,
    }
    either = {"anyOf": [reference("Feedback"), reference("Withdrawal")]}
    return {"Withdrawal": withdrawal, "FeedbackOrWithdrawal": either}


def storable_schemas() -> dict[str, Schema]:
    """Return the schemas of storable JSON."""
    # Larger integers are storable when written with an exponent, which a schema cannot express.
    number = {"type": "number", "minimum": -(2**63), "maximum": 2**63 - 1}
    array = {"type": "array", "items": reference("Storable")}
    others = [{"type": name} for name in ("null", "boolean", "string")]
    return {
        "Storable": {"anyOf": [*others, number, array, reference("StorableObject")]},
        "StorableObject": {
            "type": "object",
            "description": "Any JSON object of up to 178 levels. Integers must fit into 64 bits.",
            "propertyNames": {"pattern": r"^[^\u0000]*$"},
            "additionalProperties": reference("Storable"),
        },
    }


def render() -> str:
    """Return the text of the file."""
    return json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
