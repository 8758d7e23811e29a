"""POST /api/analytics: store what a user did, one event or a batch of them."""

import azure.functions as func

from shared_code.authentication import authenticate
from shared_code.privacy_signals import asks_not_to_be_tracked
from shared_code.requests import parse_json, read_body
from shared_code.responses import answers_problems, message_response

from .events import BATCH_LIMIT, log_batch, log_event

NOT_TRACKED = "Event not logged: the client asked not to be tracked."


@answers_problems
async def main(req: func.HttpRequest) -> func.HttpResponse:
    """Store the event, or the events, in the request."""
    if asks_not_to_be_tracked(req):
        return message_response(202, NOT_TRACKED)
    caller = await authenticate(req)
    body = read_body(req, BATCH_LIMIT)
    parsed = parse_json(body)
    if isinstance(parsed, list):
        return await log_batch(parsed, caller)
    return await log_event(parsed, len(body), caller)
