"""What is fuzzed: everything between a request and the documents that would be stored."""

import gzip
from collections.abc import Mapping

import azure.functions as func
import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from analytics_function.events import BATCH_LIMIT, MAXIMUM_EVENTS, Documents, check_batch
from fuzz.oracle import check_document, check_problem, inflated, parse, require
from shared_code.models import Event, Feedback
from shared_code.problems import BodyTooLarge, Errors, InvalidFields, Problem
from shared_code.requests import OBJECT_LIMIT, parse_json, read_body
from shared_code.responses import problem_response
from shared_code.validation import to_document

READ_RAW = CodecOptions(
    document_class=RawBSONDocument, tz_aware=True, uuid_representation=UuidRepresentation.STANDARD
)
GZIP = {"Content-Encoding": "gzip"}


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
        documents, errors = read(function, request)
    except Problem as problem:
        check_problem(problem_response(problem))
    else:
        check(function, inflated(body, headers), documents, errors)


def read(function: str, request: func.HttpRequest) -> tuple[Documents, Errors]:
    """Return the documents that a function would store, and the errors of the others.

    Raises:
        Problem: it is refused as a whole.
    """
    if function == "feedback":
        return {0: to_document(Feedback, parse_json(read_body(request, OBJECT_LIMIT)))}, {}
    body = read_body(request, BATCH_LIMIT)
    parsed = parse_json(body)
    if isinstance(parsed, list):
        return check_batch(parsed[:MAXIMUM_EVENTS])
    if len(body) > OBJECT_LIMIT:
        raise BodyTooLarge(OBJECT_LIMIT)
    return {0: to_document(Event, parsed)}, {}


def check(function: str, body: bytes, documents: Documents, errors: Errors) -> None:
    """Report a finding unless the documents are those that were sent."""
    parsed = parse(body)
    sent = parsed[:MAXIMUM_EVENTS] if isinstance(parsed, list) else [parsed]
    require(documents.keys() | errors.keys() == set(range(len(sent))), "an event was forgotten")
    require(not documents.keys() & errors.keys(), "an event is both right and wrong")
    for index, document in documents.items():
        # Any reader of the collection must be able to decode it.
        bson.decode(document.encoded.raw)
        stored: Mapping[str, object] = RawBSONDocument(document.encoded.raw, READ_RAW)
        check_document(function, sent[index], stored)
    for index, wrong in errors.items():
        check_problem(problem_response(InvalidFields([error.under(index) for error in wrong])))
