"""Storing events, and the answers that say what became of each."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import azure.functions as func
from pydantic_core import ValidationError, to_json

from shared_code.authentication import Caller
from shared_code.models import Event
from shared_code.opt_outs import find_opted_out
from shared_code.problems import BodyTooLarge, FieldError, InvalidFields
from shared_code.references import find_unknown
from shared_code.requests import OBJECT_LIMIT
from shared_code.responses import error_list, json_response, message_response
from shared_code.storage import Outcome, insert
from shared_code.validation import Document, may_hold_infinity, to_document, validate

if TYPE_CHECKING:
    from pydantic import TypeAdapter

COLLECTION = "analytics"
BATCH_LIMIT = 512 * 1024
MAXIMUM_EVENTS = 500

LOGGED = "Event logged."
OPTED_OUT = "Event not logged: the user opted out of analytics."


async def log_event(event: object, size: int, caller: Caller) -> func.HttpResponse:
    """Store one event that was `size` bytes of JSON.

    Raises:
        BodyTooLarge: only a batch may be that large.
        InvalidFields: the event is wrong, or MongoDB refuses it.
    """
    if size > OBJECT_LIMIT:
        raise BodyTooLarge(OBJECT_LIMIT)
    document = to_document(validate(Event, event), size, datetime.now(UTC))
    [outcome] = await store([document], caller)
    if isinstance(outcome, list):
        raise InvalidFields(outcome)
    return message_response(202, OPTED_OUT if outcome == "opted_out" else LOGGED)


async def log_batch(events: list[Any], caller: Caller) -> func.HttpResponse:
    """Store each valid event of a batch, and say which are not.

    Raises:
        InvalidFields: no event is valid, or there are too few or too many.
    """
    if not 1 <= len(events) <= MAXIMUM_EVENTS:
        raise InvalidFields([FieldError((), f"must have 1 to {MAXIMUM_EVENTS} events")])
    # Without an offset, which means UTC to BSON, it is encoded in half the time.
    now = datetime.now(UTC).replace(tzinfo=None)
    checked = check_events(events, now)
    stored = iter(await store([each for each in checked if isinstance(each, Document)], caller))
    outcomes = [next(stored) if isinstance(each, Document) else each for each in checked]
    return batch_response(outcomes)


def check_events(events: list[Any], now: datetime) -> Sequence[Document | list[FieldError]]:
    """Return the document of each event of a batch, or what is wrong with the event.

    To look at all at once takes half as long as one by one, but does not say enough of wrong ones.
    """
    encoded = [to_json(event) for event in events]
    sizes = list(map(len, encoded))
    if max(sizes, default=0) <= OBJECT_LIMIT:
        with suppress(ValidationError):
            fields = [event.to_document(now) for event in event_list().validate_python(events)]
            return list(map(Document, fields, sizes, map(may_hold_infinity, encoded)))
    return [check_event(event, size, now) for event, size in zip(events, sizes, strict=True)]


@cache
def event_list() -> "TypeAdapter[list[Event]]":
    """Return what checks many events at once; it is made when the first batch comes."""
    from pydantic import TypeAdapter  # noqa: PLC0415 (it would only slow a cold start)

    return TypeAdapter(list[Event])


def check_event(event: object, size: int, now: datetime) -> Document | list[FieldError]:
    """Return the document of one event of a batch, or what is wrong with the event.

    Its size is that of its compact JSON.
    """
    if size > OBJECT_LIMIT:
        return [FieldError((), f"must be at most {OBJECT_LIMIT} bytes of JSON")]
    try:
        return to_document(validate(Event, event), size, now)
    except InvalidFields as invalid:
        return invalid.errors


async def store(documents: Sequence[Document], caller: Caller) -> list[Outcome]:
    """Store those documents whose users exist and did not opt out; return what became of each.

    Raises:
        OtherUser: the caller may not write one of them; none is stored.
        StoreUnavailable: MongoDB did not answer in time.
    """
    caller.check(documents)
    unknown = await find_unknown(documents)
    opted_out = await find_opted_out({each.fields["user_id"] for each in documents})
    if not (unknown or opted_out):
        return await insert(COLLECTION, documents)
    outcomes: list[Outcome | None] = [
        unknown.get(index) or ("opted_out" if each.fields["user_id"] in opted_out else None)
        for index, each in enumerate(documents)
    ]
    wanted = [each for each, outcome in zip(documents, outcomes, strict=True) if outcome is None]
    inserted = iter(await insert(COLLECTION, wanted))
    return [next(inserted) if each is None else each for each in outcomes]


def batch_response(outcomes: list[Outcome]) -> func.HttpResponse:
    """Answer 202 when every event of the batch was valid, or else 207 with what is wrong.

    Raises:
        InvalidFields: none was valid.
    """
    refused = {index: each for index, each in enumerate(outcomes) if isinstance(each, list)}
    errors = [error.under(index) for index, each in refused.items() for error in each]
    if len(refused) == len(outcomes):
        raise InvalidFields(errors)
    logged = outcomes.count("stored")
    of_all = f" of {len(outcomes)}" if errors else ""
    noun = "event" if logged == 1 and not errors else "events"
    counts = {
        "message": f"{logged}{of_all} {noun} logged.",
        "logged": logged,
        "duplicates": outcomes.count("duplicate"),
        "opted_out": outcomes.count("opted_out"),
    }
    if errors:
        return json_response(207, counts | {"errors": error_list(errors)})
    return json_response(202, counts)
