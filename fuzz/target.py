"""What is fuzzed: everything between a request and the documents that would be stored."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import azure.functions as func
import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pydantic_core import to_json

from analytics_function.events import BATCH_LIMIT, MAXIMUM_EVENTS, check_events
from fuzz.oracle import check_document, check_problem, inflated, parse, require
from shared_code.models import Event, Feedback
from shared_code.problems import BodyTooLarge, FieldError, InvalidFields, Problem
from shared_code.requests import OBJECT_LIMIT, parse_json, read_body
from shared_code.responses import problem_response
from shared_code.validation import (
    Budget,
    Document,
    check_infinity,
    unstorable_fields,
    validate,
)

READ_RAW = CodecOptions(
    document_class=RawBSONDocument, tz_aware=True, uuid_representation=UuidRepresentation.STANDARD
)
GZIP = {"Content-Encoding": "gzip"}

Checked = Document | list[FieldError]
"""What would be stored of one object, or what is wrong with it."""


def run(data: bytes) -> None:
    """Do with one input what the functions do before they ask MongoDB, and check the outcome.

    The first byte says which function it goes to, and how.

    Raises:
        Finding: something that must hold does not.
    """
    way, body = data[0] % 6 if data else 0, data[1:]
    function = "analytics" if way % 2 else "feedback"
    headers = {} if way < 2 else GZIP  # noqa: PLR2004 (2 and 3 are gzip, 4 and 5 become it)
    if way > 3:  # noqa: PLR2004
        body = gzip.compress(body, mtime=0)
    request = func.HttpRequest("POST", "http://localhost", headers=headers, body=body)
    try:
        checked = read(function, request)
    except Problem as problem:
        check_problem(problem_response(problem))
    else:
        check(function, inflated(body, headers), checked)


def read(function: str, request: func.HttpRequest) -> Sequence[Checked]:
    """Return what a function would make of each object in a request.

    Raises:
        Problem: it is refused as a whole.
    """
    now = datetime.now(UTC)
    if function == "feedback":
        body = read_body(request, OBJECT_LIMIT)
        feedback = validate(Feedback, parse_json(body))
        return [Document(feedback.to_document(now), len(body))]
    body = read_body(request, BATCH_LIMIT)
    parsed = parse_json(body)
    if isinstance(parsed, list):
        return check_events(parsed[:MAXIMUM_EVENTS], now)
    if len(body) > OBJECT_LIMIT:
        raise BodyTooLarge(OBJECT_LIMIT)
    event = validate(Event, parsed)
    check_infinity(parsed, to_json(parsed))
    return [Document(event.to_document(now), len(body))]


def check(function: str, body: bytes, checked: Sequence[Checked]) -> None:
    """Report a finding unless the documents are those that were sent."""
    parsed = parse(body)
    sent = parsed[:MAXIMUM_EVENTS] if isinstance(parsed, list) else [parsed]
    require(len(checked) == len(sent), "an event was forgotten")
    for index, each in enumerate(checked):
        errors = wrong_fields(function, each)
        if errors:
            under = [error.under(index) for error in errors]
            check_problem(problem_response(InvalidFields(under)))
        elif isinstance(each, Document):
            encoded = bson.encode(each.fields)
            # Any reader of the collection must be able to decode it.
            bson.decode(encoded)
            stored: Mapping[str, object] = RawBSONDocument(encoded, READ_RAW)
            check_document(function, sent[index], stored)


def wrong_fields(function: str, checked: Checked) -> list[FieldError]:
    """Return what is wrong with an object; a feedback has nothing that BSON cannot hold."""
    if isinstance(checked, list):
        return checked
    return unstorable_fields(checked, Budget()) if function == "analytics" else []
