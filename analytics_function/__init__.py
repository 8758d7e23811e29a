"""POST /api/analytics: store what a user did, one event or a batch of them."""

import azure.functions as func

from shared_code.requests import parse_json, read_body
from shared_code.responses import answers_problems

from .events import BATCH_LIMIT, log_batch, log_event


@answers_problems
async def main(req: func.HttpRequest) -> func.HttpResponse:
    """Store the event, or the events, in the request."""
    body = read_body(req, BATCH_LIMIT)
    parsed = parse_json(body)
    if isinstance(parsed, list):
        return await log_batch(parsed)
    return await log_event(parsed, len(body))
