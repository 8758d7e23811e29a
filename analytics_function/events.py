"""Storing events, and the answers that say what became of each."""

from dataclasses import dataclass
from typing import Any

import azure.functions as func
from pydantic_core import to_json

from shared_code.authentication import Caller
from shared_code.models import Event
from shared_code.opt_outs import find_opted_out
from shared_code.problems import BodyTooLarge, Errors, FieldError, InvalidFields
from shared_code.references import find_unknown
from shared_code.requests import OBJECT_LIMIT
from shared_code.responses import error_list, json_response
from shared_code.storage import InsertOutcome, insert
from shared_code.validation import Document, to_document

COLLECTION = "analytics"
BATCH_LIMIT = 512 * 1024
MAXIMUM_EVENTS = 500

OPTED_OUT = "Event not logged: the user opted out of analytics."

Documents = dict[int, Document]
"""The documents of valid events, by the events' index in the request."""


@dataclass
class Outcome:
    """What became of a request's events."""

    stored: int
    duplicates: int
    opted_out: int
    errors: Errors


async def log_event(event: object, size: int, caller: Caller) -> func.HttpResponse:
    """Store one event that was `size` bytes of JSON.

    Raises:
        BodyTooLarge: only a batch may be that large.
        InvalidFields: the event is wrong, or MongoDB refuses it.
    """
    if size > OBJECT_LIMIT:
        raise BodyTooLarge(OBJECT_LIMIT)
    outcome = await store({0: to_document(Event, event)}, {}, caller)
    if outcome.errors:
        raise InvalidFields(outcome.errors[0])
    return json_response(202, {"message": OPTED_OUT if outcome.opted_out else "Event logged."})


async def log_batch(events: list[Any], caller: Caller) -> func.HttpResponse:
    """Store each valid event of a batch, and say which are not.

    Raises:
        InvalidFields: no event is valid, or there are too few or too many.
    """
    if not 1 <= len(events) <= MAXIMUM_EVENTS:
        raise InvalidFields([FieldError((), f"must have 1 to {MAXIMUM_EVENTS} events")])
    outcome = await store(*check_batch(events), caller)
    errors = [
        error.under(index) for index in sorted(outcome.errors) for error in outcome.errors[index]
    ]
    if len(outcome.errors) == len(events):
        raise InvalidFields(errors)
    return batch_response(len(events), outcome, errors)


def check_batch(events: list[Any]) -> tuple[Documents, Errors]:
    """Return the documents of the valid events, and the errors of the others."""
    documents: Documents = {}
    errors: Errors = {}
    for index, event in enumerate(events):
        try:
            documents[index] = check_event(event)
        except InvalidFields as invalid:
            errors[index] = invalid.errors
    return documents, errors


def check_event(event: object) -> Document:
    """Return the document of one event of a batch; its size is that of its compact JSON.

    Raises:
        InvalidFields: it is wrong or too large.
    """
    if len(to_json(event, inf_nan_mode="constants")) > OBJECT_LIMIT:
        raise InvalidFields([FieldError((), f"must be at most {OBJECT_LIMIT} bytes of JSON")])
    return to_document(Event, event)


async def store(documents: Documents, errors: Errors, caller: Caller) -> Outcome:
    """Store those documents whose users exist and did not opt out.

    Raises:
        OtherUser: the caller may not write one of them; none is stored.
        StoreUnavailable: MongoDB did not answer in time.
    """
    caller.check(documents.values())
    errors |= await find_unknown(documents)
    known = {index: each for index, each in documents.items() if index not in errors}
    opted_out = await find_opted_out({each.fields["user_id"] for each in known.values()})
    wanted = {
        index: each for index, each in known.items() if each.fields["user_id"] not in opted_out
    }
    inserted = await insert(COLLECTION, wanted) if wanted else InsertOutcome()
    return Outcome(
        stored=inserted.stored,
        duplicates=inserted.duplicates,
        opted_out=len(known) - len(wanted),
        errors=errors | inserted.refused,
    )


def batch_response(size: int, outcome: Outcome, errors: list[FieldError]) -> func.HttpResponse:
    """Answer 202 when every event of the batch was valid, or else 207 with what is wrong."""
    of_all = f" of {size}" if errors else ""
    noun = "event" if outcome.stored == 1 and not errors else "events"
    counts = {
        "message": f"{outcome.stored}{of_all} {noun} logged.",
        "logged": outcome.stored,
        "duplicates": outcome.duplicates,
        "opted_out": outcome.opted_out,
    }
    if errors:
        return json_response(207, counts | {"errors": error_list(errors)})
    return json_response(202, counts)
