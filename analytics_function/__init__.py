"""POST /api/analytics: store what a user did, one event or a batch of them."""

import azure.functions as func

from shared_code.auth.caller import authenticate
from shared_code.responses import answers_problems, message_response
from shared_code.turns import in_turn
from shared_code.validation import Write

from .events import check_request, log_batch, log_event
from .privacy_signals import refuses_tracking

NOT_TRACKED = "Event not logged: the client asked not to be tracked."


@answers_problems
async def main(req: func.HttpRequest) -> func.HttpResponse:
    """Store the event or events in the request."""
    if refuses_tracking(req):
        return message_response(202, NOT_TRACKED)
    caller = await authenticate(req)
    checked = await in_turn(check_request, req)
    if isinstance(checked, Write):
        return await log_event(checked, caller)
    return await log_batch(checked, caller)
