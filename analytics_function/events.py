"""Events: one or a batch, checked, stored, and answered one by one."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import azure.functions as func
from pydantic_core import ValidationError, to_json

from shared_code.auth.caller import Caller
from shared_code.lookups import lookup_errors
from shared_code.models import Event
from shared_code.mongodb.writes import Outcome, insert
from shared_code.problems import BodyTooLarge, FieldError, InvalidFields
from shared_code.requests import OBJECT_LIMIT, parse_json, read_body
from shared_code.responses import error_list, json_response, message_response
from shared_code.validation import Budget, Checked, Write, check_infinity, encode, validate

from .opt_outs import find_opted_out

if TYPE_CHECKING:
    from pydantic import TypeAdapter

COLLECTION = "analytics"
BATCH_LIMIT = 512 * 1024
MAXIMUM_EVENTS = 500

# Larger events are encoded when they are checked, so that encoding belongs to their turn. PyMongo
# handles their BSON faster, in messages, in comparisons, and in the texts of its errors.
ENCODED_FROM = 256

# The room for errors in an answer of 64 KiB, and an error's size without pointer and detail.
LISTED_BYTES = 63 * 1024
ENTRY_BYTES = len('{"index": 499, "pointer": "", "detail": ""}, ')

# For an event of a batch. A single event has the size of its body.
TOO_LARGE = FieldError((), f"must be at most {OBJECT_LIMIT} bytes of JSON")

LOGGED = "Event logged."
OPTED_OUT = "Event not logged: the user opted out of analytics."


async def log_event(event: Write, caller: Caller) -> func.HttpResponse:
    """Store one event.

    Raises:
        InvalidFields: MongoDB refuses the event.
    """
    [outcome] = await store([event], caller)
    if isinstance(outcome, list):
        raise InvalidFields(outcome)
    return message_response(202, OPTED_OUT if outcome == "opted_out" else LOGGED)


async def log_batch(events: Sequence[Checked], caller: Caller) -> func.HttpResponse:
    """Store the valid events of a batch.

    Raises:
        InvalidFields: MongoDB refuses every event.
    """
    stored = iter(await store([each for each in events if isinstance(each, Write)], caller))
    outcomes = [next(stored) if isinstance(each, Write) else each for each in events]
    return batch_response(outcomes)


def check_request(req: func.HttpRequest) -> Write | Sequence[Checked]:
    """Return the event in a request; of a batch, each event or its errors.

    Raises:
        MalformedBody: its body is not JSON.
        UnsupportedEncoding: its body is neither plain nor gzip.
        BodyTooLarge: only a batch may be that large, or none.
        InvalidFields: the event is wrong, or every event of the batch.
    """
    body = read_body(req, BATCH_LIMIT)
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
    """Return each event of a batch or its errors.

    Raises:
        InvalidFields: no event is valid, or there are too few or too many.
    """
    if not 1 <= len(events) <= MAXIMUM_EVENTS:
        raise InvalidFields([FieldError((), f"must have 1 to {MAXIMUM_EVENTS} events")])
    # BSON takes a naive datetime for UTC, and encodes it in half the time.
    checked = check_events(events, datetime.now(UTC).replace(tzinfo=None))
    find_refused(checked)
    return checked


def check_events(events: list[Any], now: datetime) -> Sequence[Checked]:
    """Return each event of a batch or its errors.

    Validate the batch in one call; fall back to single events to name their errors.
    """
    encoded = [to_json(event) for event in events]
    sizes = list(map(len, encoded))
    budget = Budget()
    if max(sizes, default=0) <= OBJECT_LIMIT and not any(b"Infinity" in each for each in encoded):
        with suppress(ValidationError):
            fields = [event.to_document(now) for event in event_list().validate_python(events)]
            writes = map(Write, fields, sizes)
            return [encode(each, budget) if each.size > ENCODED_FROM else each for each in writes]
    return [
        check_event(event, json, now, budget) if len(json) <= OBJECT_LIMIT else [TOO_LARGE]
        for event, json in zip(events, encoded, strict=True)
    ]


@cache
def event_list() -> "TypeAdapter[list[Event]]":
    """Return the validator of a whole batch, which stops at the first wrong event.

    Created with the first batch.
    """
    from pydantic import Field, TypeAdapter  # noqa: PLC0415 (slows a cold start)

    return TypeAdapter(Annotated[list[Event], Field(fail_fast=True)])


def check_event(event: object, json: bytes, now: datetime, budget: Budget) -> Checked:
    """Return an event or its errors; `json` is its compact JSON, which determines its size."""
    try:
        valid = validate(Event, event)
        check_infinity(event, json, budget)
    except InvalidFields as invalid:
        return invalid.errors
    write = Write(valid.to_document(now), len(json))
    return encode(write, budget) if write.size > ENCODED_FROM else write


async def store(events: Sequence[Write], caller: Caller) -> list[Outcome]:
    """Store the events whose users exist and did not opt out; return the outcome of each.

    Raises:
        OtherUser: the caller may not write one of them; none is stored.
        StoreUnavailable: MongoDB did not answer in time.
    """
    caller.check(events)
    errors = await lookup_errors(events)
    opted_out = await find_opted_out({each.document["user_id"] for each in events})
    if not (errors or opted_out):
        return await insert(COLLECTION, events)
    outcomes: list[Outcome | None] = [
        errors.get(index) or ("opted_out" if each.document["user_id"] in opted_out else None)
        for index, each in enumerate(events)
    ]
    wanted = [each for each, outcome in zip(events, outcomes, strict=True) if outcome is None]
    inserted = iter(await insert(COLLECTION, wanted))
    return [next(inserted) if each is None else each for each in outcomes]


def batch_response(outcomes: list[Outcome]) -> func.HttpResponse:
    """Return 202 when every event of the batch was valid, else 207 with the errors.

    Raises:
        InvalidFields: none was valid.
    """
    errors = errors_to_list(find_refused(outcomes))
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


def find_refused(outcomes: Sequence[object]) -> dict[int, list[FieldError]]:
    """Return the errors of the refused events by index.

    Raises:
        InvalidFields: every event is refused.
    """
    refused = {index: each for index, each in enumerate(outcomes) if isinstance(each, list)}
    if len(refused) == len(outcomes):
        raise InvalidFields(errors_to_list(refused))
    return refused


def errors_to_list(refused: Mapping[int, list[FieldError]]) -> list[FieldError]:
    """Return the errors of refused events, as many as an answer of 64 KiB holds.

    Every refused event is named: by all its errors, or by its first, or by that one's detail alone.
    """
    every = [error.under(index) for index, errors in refused.items() for error in errors]
    if fits(every):
        return every
    first = [errors[0].under(index) for index, errors in refused.items()]
    if fits(first):
        return first
    return [FieldError((index,), errors[0].detail) for index, errors in refused.items()]


def fits(errors: Sequence[FieldError]) -> bool:
    """Say whether an answer can list these errors, which are at most one an event."""
    return len(errors) <= MAXIMUM_EVENTS and (
        sum(len(error.pointer) + len(error.detail) + ENTRY_BYTES for error in errors)
        <= LISTED_BYTES
    )
