"""POST /api/feedback: store a user's rating of one chat message, or withdraw it."""

from datetime import UTC, datetime

import azure.functions as func

from shared_code.auth.caller import authenticate
from shared_code.lookups import lookup_errors
from shared_code.models import Feedback
from shared_code.mongodb.writes import replace
from shared_code.problems import FieldError, InvalidFields
from shared_code.requests import OBJECT_LIMIT, parse_json, read_body
from shared_code.responses import answers_problems, message_response
from shared_code.settings import get_settings
from shared_code.turns import in_turn
from shared_code.validation import Write, validate

COLLECTION = "feedback"

NOT_WITH_NULL = "must be absent if rating is null"


@answers_problems
async def main(req: func.HttpRequest) -> func.HttpResponse:
    """Store the feedback in the request, in place of an earlier one of the user on the message.

    A withdrawal is stored, too, even of nothing: a delayed earlier feedback then stays out.
    """
    caller = await authenticate(req)
    feedback = await in_turn(check_request, req)
    caller.check([feedback])
    rating = feedback.document.get("rating")
    check_rating(rating)
    if errors := await lookup_errors([feedback]):
        raise InvalidFields(errors[0])
    is_first = await replace(COLLECTION, feedback)
    if rating is None:
        return message_response(200, "Feedback withdrawn.")
    if is_first:
        return message_response(201, "Feedback received.")
    return message_response(200, "Feedback updated.")


def check_request(req: func.HttpRequest) -> Write:
    """Return the feedback in a request.

    Raises:
        MalformedBody: its body is not JSON.
        UnsupportedEncoding: its body is neither plain nor gzip.
        BodyTooLarge: no feedback may be that large.
        InvalidFields: a field is missing, unknown or wrong.
    """
    body = read_body(req, OBJECT_LIMIT)
    feedback = validate(Feedback, parse_json(body))
    check_withdrawal(feedback)
    return Write(feedback.to_document(datetime.now(UTC)), len(body))


def check_withdrawal(feedback: Feedback) -> None:
    """Check that a withdrawal has nothing to store.

    Raises:
        InvalidFields: it has a comment or reasons.
    """
    texts = {"comment": feedback.comment, "reasons": feedback.reasons or None}
    given = [name for name, value in texts.items() if value is not None]
    if feedback.rating is None and given:
        raise InvalidFields([FieldError((name,), NOT_WITH_NULL) for name in given])


def check_rating(rating: str | None) -> None:
    """Check a rating against the vocabulary in the settings; without one, any rating is valid.

    A withdrawal always is.

    Raises:
        InvalidFields: the vocabulary does not have it.
    """
    allowed = get_settings().feedback_ratings
    if allowed and rating is not None and rating not in allowed:
        raise InvalidFields([FieldError(("rating",), f"must be one of: {', '.join(allowed)}")])
