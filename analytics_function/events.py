"""Storing events, and the answers that say what became of each."""

from typing import Any

import azure.functions as func
from bson.raw_bson import RawBSONDocument
from pydantic_core import to_json

from shared_code.models import Event
from shared_code.problems import BodyTooLarge, FieldError, InvalidFields
from shared_code.requests import OBJECT_LIMIT
from shared_code.responses import error_list, json_response
from shared_code.storage import InsertOutcome, insert
from shared_code.validation import to_document

COLLECTION = "analytics"
BATCH_LIMIT = 512 * 1024
MAXIMUM_EVENTS = 500


async def log_event(event: object, size: int) -> func.HttpResponse:
    """Store one event that was `size` bytes of JSON.

    Raises:
        BodyTooLarge: only a batch may be that large.
        InvalidFields: the event is wrong, or MongoDB refuses it.
    """
    if size > OBJECT_LIMIT:
        raise BodyTooLarge(OBJECT_LIMIT)
    outcome = await insert(COLLECTION, [to_document(Event, event)])
    if outcome.refused:
        raise InvalidFields([*outcome.refused.values()])
    return json_response(202, {"message": "Event logged."})


async def log_batch(events: list[Any]) -> func.HttpResponse:
    """Store each valid event of a batch, and say which are not.

    Raises:
        InvalidFields: no event is valid, or there are too few or too many.
    """
    if not 1 <= len(events) <= MAXIMUM_EVENTS:
        raise InvalidFields([FieldError((), f"must have 1 to {MAXIMUM_EVENTS} events")])
    documents, errors = check_batch(events)
    outcome = await insert(COLLECTION, list(documents.values())) if documents else InsertOutcome()
    indexes = list(documents)
    errors += [error.under(indexes[at]) for at, error in outcome.refused.items()]
    errors.sort(key=lambda error: error.path[0])
    if not outcome.stored + outcome.duplicates:
        raise InvalidFields(errors)
    return batch_response(len(events), outcome, errors)


def check_batch(events: list[Any]) -> tuple[dict[int, RawBSONDocument], list[FieldError]]:
    """Return the documents of the valid events by their index, and the errors of the others."""
    documents: dict[int, RawBSONDocument] = {}
    errors: list[FieldError] = []
    for index, event in enumerate(events):
        try:
            documents[index] = check_event(event)
        except InvalidFields as invalid:
            errors += [error.under(index) for error in invalid.errors]
    return documents, errors


def check_event(event: object) -> RawBSONDocument:
    """Return the document of one event of a batch; its size is that of its compact JSON.

    Raises:
        InvalidFields: it is wrong or too large.
    """
    if len(to_json(event, inf_nan_mode="constants")) > OBJECT_LIMIT:
        raise InvalidFields([FieldError((), f"must be at most {OBJECT_LIMIT} bytes of JSON")])
    return to_document(Event, event)


def batch_response(
    size: int, outcome: InsertOutcome, errors: list[FieldError]
) -> func.HttpResponse:
    """Answer 202 when every event of the batch was valid, or else 207 with what is wrong."""
    of_all = f" of {size}" if errors else ""
    noun = "event" if outcome.stored == 1 and not errors else "events"
    counts = {
        "message": f"{outcome.stored}{of_all} {noun} logged.",
        "logged": outcome.stored,
        "duplicates": outcome.duplicates,
        "opted_out": 0,
    }
    if errors:
        return json_response(207, counts | {"errors": error_list(errors)})
    return json_response(202, counts)
