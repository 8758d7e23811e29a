"""The fuzz target: all steps from a request to the documents to store."""

import gzip
from collections.abc import Mapping, Sequence

import azure.functions as func
import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

import analytics_function.events
import feedback_function
from analytics_function.events import MAXIMUM_EVENTS
from fuzz.oracle import check_document, check_problem, inflated, parse, require
from shared_code.problems import FieldError, InvalidFields, Problem
from shared_code.responses import problem_response
from shared_code.validation import Budget, Checked, Write, encode

READ_RAW = CodecOptions(
    document_class=RawBSONDocument, tz_aware=True, uuid_representation=UuidRepresentation.STANDARD
)
GZIP = {"Content-Encoding": "gzip"}


def run(data: bytes) -> None:
    """Run one input through the functions' steps before MongoDB, and check the outcome.

    The first byte selects the function and the content coding.

    Raises:
        Finding: an invariant is violated.
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
    """Return each object in a request as its function checked it.

    Raises:
        Problem: the request is refused as a whole.
    """
    if function == "feedback":
        return [feedback_function.check_request(request)]
    checked = analytics_function.events.check_request(request)
    return [checked] if isinstance(checked, Write) else checked


def check(function: str, body: bytes, checked: Sequence[Checked]) -> None:
    """Report a finding unless the documents match the body."""
    parsed = parse(body)
    sent = parsed[:MAXIMUM_EVENTS] if isinstance(parsed, list) else [parsed]
    require(len(checked) == len(sent), "an event is missing")
    for index, each in enumerate(checked):
        errors = wrong_fields(function, each)
        if errors:
            under = [error.under(index) for error in errors]
            check_problem(problem_response(InvalidFields(under)))
        elif isinstance(each, Write):
            encoded = bson.encode(each.document)
            # Readers of the collection must be able to decode it.
            bson.decode(encoded)
            stored: Mapping[str, object] = RawBSONDocument(encoded, READ_RAW)
            check_document(function, sent[index], stored)


def wrong_fields(function: str, checked: Checked) -> list[FieldError]:
    """Return the errors of an object; only an event can hold values that BSON cannot."""
    if isinstance(checked, list):
        return checked
    encoded = encode(checked, Budget()) if function == "analytics" else checked
    return encoded if isinstance(encoded, list) else []
