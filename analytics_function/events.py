"""Storing events, and the answers that say what became of each."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import azure.functions as func
from pydantic_core import ValidationError, to_json

from shared_code.authentication import Caller
from shared_code.models import Event
from shared_code.opt_outs import find_opted_out
from shared_code.problems import BodyTooLarge, FieldError, InvalidFields
from shared_code.references import find_unknown
from shared_code.requests import OBJECT_LIMIT, parse_json
from shared_code.responses import error_list, json_response, message_response
from shared_code.storage import Outcome, insert
from shared_code.validation import Budget, Checked, Document, check_infinity, encode, validate

if TYPE_CHECKING:
    from pydantic import TypeAdapter

COLLECTION = "analytics"
BATCH_LIMIT = 512 * 1024
MAXIMUM_EVENTS = 500

# An event of more bytes of JSON is encoded when it is checked: PyMongo passes over BSON quickly, in
# messages, in comparisons with stored events, and in the texts of its errors.
ENCODED_FROM = 512

# What an answer of at most 64 KiB can list, and what an error takes besides its pointer and detail.
LISTED_BYTES = 63 * 1024
ENTRY_BYTES = len('{"index": 499, "pointer": "", "detail": ""}, ')

# Of an event of a batch. Alone, an event is measured as it was sent.
TOO_LARGE = FieldError((), f"must be at most {OBJECT_LIMIT} bytes of JSON")

LOGGED = "Event logged."
OPTED_OUT = "Event not logged: the user opted out of analytics."


async def log_event(event: Document, caller: Caller) -> func.HttpResponse:
    """Store one event.

    Raises:
        InvalidFields: MongoDB refuses the event.
    """
    [outcome] = await store([event], caller)
    if isinstance(outcome, list):
        raise InvalidFields(outcome)
    return message_response(202, OPTED_OUT if outcome == "opted_out" else LOGGED)


async def log_batch(checked: Sequence[Checked], caller: Caller) -> func.HttpResponse:
    """Store each valid event of a batch, and say which are not.

    Raises:
        InvalidFields: MongoDB refuses every event.
    """
    stored = iter(await store([each for each in checked if isinstance(each, Document)], caller))
    outcomes = [next(stored) if isinstance(each, Document) else each for each in checked]
    return batch_response(outcomes)


def check_body(body: bytes) -> Document | Sequence[Checked]:
    """Return the event in a body, or what was found of each event of a batch.

    Raises:
        MalformedBody: it is not JSON.
        BodyTooLarge: only a batch may be that large.
        InvalidFields: the event is wrong, or every event of the batch.
    """
    parsed = parse_json(body)
    if isinstance(parsed, list):
        return check_batch(parsed)
    if len(body) > OBJECT_LIMIT:
        raise BodyTooLarge(OBJECT_LIMIT)
    checked = check_event(parsed, to_json(parsed), datetime.now(UTC), Budget())
    if isinstance(checked, list):
        raise InvalidFields(checked)
    return checked


def check_batch(events: list[Any]) -> Sequence[Checked]:
    """Return the document of each event of a batch, or what is wrong with the event.

    Raises:
        InvalidFields: no event is valid, or there are too few or too many.
    """
    if not 1 <= len(events) <= MAXIMUM_EVENTS:
        raise InvalidFields([FieldError((), f"must have 1 to {MAXIMUM_EVENTS} events")])
    # Without an offset, which means UTC to BSON, it is encoded in half the time.
    checked = check_events(events, datetime.now(UTC).replace(tzinfo=None))
    refused = {index: each for index, each in enumerate(checked) if isinstance(each, list)}
    if len(refused) == len(checked):
        raise InvalidFields(errors_to_list(refused))
    return checked


def check_events(events: list[Any], now: datetime) -> Sequence[Checked]:
    """Return the document of each event of a batch, or what is wrong with the event.

    Validate the batch in one call; fall back to single events to name their errors.
    """
    encoded = [to_json(event) for event in events]
    sizes = list(map(len, encoded))
    budget = Budget()
    if max(sizes, default=0) <= OBJECT_LIMIT and not any(b"Infinity" in each for each in encoded):
        with suppress(ValidationError):
            fields = [event.to_document(now) for event in event_list().validate_python(events)]
            return [
                encode(each, budget) if each.size > ENCODED_FROM else each
                for each in map(Document, fields, sizes)
            ]
    return [
        check_event(event, json, now, budget) if len(json) <= OBJECT_LIMIT else [TOO_LARGE]
        for event, json in zip(events, encoded, strict=True)
    ]


@cache
def event_list() -> "TypeAdapter[list[Event]]":
    """Return what checks many events at once, up to the first wrong one.

    It is made when the first batch comes.
    """
    from pydantic import Field, TypeAdapter  # noqa: PLC0415 (it would only slow a cold start)

    return TypeAdapter(Annotated[list[Event], Field(fail_fast=True)])


def check_event(event: object, json: bytes, now: datetime, budget: Budget) -> Checked:
    """Return the document of one event, or what is wrong with the event.

    `json` is its compact JSON, whose size is the event's.
    """
    try:
        valid = validate(Event, event)
        check_infinity(event, json, budget)
    except InvalidFields as invalid:
        return invalid.errors
    document = Document(valid.to_document(now), len(json))
    return encode(document, budget) if document.size > ENCODED_FROM else document


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
    errors = errors_to_list(refused)
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


def errors_to_list(refused: Mapping[int, list[FieldError]]) -> list[FieldError]:
    """Return the errors of refused events, as many as an answer of 64 KiB holds.

    It names every refused event: where all errors are too many, by the first of each, and where
    these are too long, without the path within the event.
    """
    every = [error.under(index) for index, errors in refused.items() for error in errors]
    if fits(every):
        return every
    first = [errors[0].under(index) for index, errors in refused.items()]
    if fits(first):
        return first
    return [FieldError((index,), errors[0].detail) for index, errors in refused.items()]


def fits(errors: Sequence[FieldError]) -> bool:
    """Say whether an answer can list these errors; of more than events, it is not even measured."""
    return len(errors) <= MAXIMUM_EVENTS and (
        sum(len(error.pointer) + len(error.detail) + ENTRY_BYTES for error in errors)
        <= LISTED_BYTES
    )
