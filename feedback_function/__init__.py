"""POST /api/feedback: store a user's rating of one chat message."""

from datetime import UTC, datetime

import azure.functions as func

from shared_code.authentication import authenticate
from shared_code.models import Feedback
from shared_code.problems import InvalidFields
from shared_code.ratings import check_rating
from shared_code.references import find_unknown
from shared_code.requests import OBJECT_LIMIT, parse_json, read_body
from shared_code.responses import answers_problems, message_response
from shared_code.storage import replace
from shared_code.turns import in_turn
from shared_code.validation import Document, validate

COLLECTION = "feedback"


@answers_problems
async def main(req: func.HttpRequest) -> func.HttpResponse:
    """Store the feedback in the request; a second one of the user on the message replaces it."""
    caller = await authenticate(req)
    document = await in_turn(check_body, read_body(req, OBJECT_LIMIT))
    caller.check([document])
    check_rating(document.fields["rating"])
    if unknown := await find_unknown([document]):
        raise InvalidFields(unknown[0])
    if await replace(COLLECTION, document):
        return message_response(201, "Feedback received.")
    return message_response(200, "Feedback updated.")


def check_body(body: bytes) -> Document:
    """Return the feedback in a body, as it will be stored.

    Raises:
        MalformedBody: it is not JSON.
        InvalidFields: a field is missing, unknown or wrong.
    """
    feedback = validate(Feedback, parse_json(body))
    return Document(feedback.to_document(datetime.now(UTC)), len(body))
