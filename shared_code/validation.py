"""From parsed JSON to a checked model and to what BSON holds, or to the list of wrong fields."""

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import bson
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pydantic import ValidationError
from pydantic_core import to_json

from shared_code.models import NO_NUL, NOT_BLANK, Event, Feedback
from shared_code.problems import FieldError, InvalidFields

# A client that gets ten errors for one object has enough to go on; an answer stays bounded.
MAXIMUM_ERRORS = 10

# Pydantic's error types in our words: its own texts may repeat what the client sent.
DETAILS = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "string_type": "must be a string",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "must have at most {max_length} characters",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "nul": "must not hold a NUL character",
    "uuid_reserved": "must not be the nil or the max UUID",
    "date_time": "must be an RFC 3339 date-time with an offset, such as 2026-01-31T09:30:00Z",
}

# The same of strings, by the pattern that they do not match.
PATTERNS = {NOT_BLANK: "must not be blank", NO_NUL: DETAILS["nul"]}

# An object of the contract has at most five fields. Pydantic makes an error of each unknown one.
MAXIMUM_FIELDS = 12
TOO_MANY_FIELDS = f"must have at most {MAXIMUM_FIELDS} fields"

BEYOND_64_BITS = "is an integer that needs more than 64 bits"
NUL_IN_KEY = "has a key with a NUL character"
INFINITE = "is a number too large for a 64-bit float"
UNSTORABLE = "holds a number or a key that cannot be stored"

# How `to_json` writes one, or a text that looks like that.
INFINITY = re.compile(rb"[:,\[]-?Infinity[,\]}]")

# A few milliseconds of the processor. After that, an error points to the details as a whole.
SEARCH_STEPS = 2_500
MEMBERS_A_STEP = 16

LOWEST, HIGHEST = -(2**63), 2**63 - 1
INFINITIES = (math.inf, -math.inf)
END: tuple[None, None] = (None, None)

Model = TypeVar("Model", Feedback, Event)


Fields = dict[str, Any]
"""What will be stored of a feedback or an event."""


class Encoded(RawBSONDocument):
    """An event's BSON. PyMongo writes what it sent into the text of an error, at some length."""

    def __repr__(self) -> str:
        """Return nothing of what it holds."""
        return "Encoded()"


class Document(NamedTuple):
    """A feedback or an event that was checked, as it will be stored.

    `size` is in bytes of JSON. `again` says that an earlier attempt may have stored it.
    `encoded` is its BSON, where that is known already.
    """

    fields: Fields
    size: int
    again: bool = False
    encoded: Encoded | None = None

    @property
    def written(self) -> "Fields | Encoded":
        """What PyMongo is given."""
        return self.fields if self.encoded is None else self.encoded


Checked = Document | list[FieldError]
"""A feedback or an event as it will be stored, or what is wrong with it."""


class Budget:
    """How many members a search through one request or group may still look at."""

    def __init__(self) -> None:
        self.steps = SEARCH_STEPS


def validate(model: type[Model], value: object) -> Model:
    """Return `value` as a `model`.

    Raises:
        InvalidFields: a field is missing, unknown or wrong.
    """
    if isinstance(value, dict) and len(value) > MAXIMUM_FIELDS:
        raise InvalidFields([FieldError((), TOO_MANY_FIELDS)])
    try:
        # Bypass `model_validate`, which adds a third.
        validated: Model = model.__pydantic_validator__.validate_python(value)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[:MAXIMUM_ERRORS]
        raise InvalidFields([field_error(dict(each)) for each in wrong]) from None
    return validated


def check_infinity(event: Any, json: bytes, budget: Budget) -> None:  # noqa: ANN401 (any JSON)
    """Refuse an infinity in a valid event, which `to_json` wrote into `json`; 1e999 is one.

    Raises:
        InvalidFields: there is one.
    """
    if b"Infinity" not in json or not INFINITY.search(json):
        return
    errors = find_unstorable(event, budget)
    # Where the search ended early: as a text, it is the same in both modes.
    if not errors and budget.steps <= 0 and json != to_json(event, inf_nan_mode="null"):
        errors = [FieldError(("details",), UNSTORABLE)]
    if errors:
        raise InvalidFields(errors)


def encode(event: Document, budget: Budget) -> Checked:
    """Return an event together with its BSON, or what BSON cannot hold of it."""
    if event.encoded is not None:
        return event
    with suppress(OverflowError, InvalidDocument):
        return event._replace(encoded=Encoded(bson.encode(event.fields)))
    return find_unstorable(event.fields, budget) or [FieldError(("details",), UNSTORABLE)]


def field_error(error: dict[str, Any]) -> FieldError:
    """Turn one of Pydantic's errors into one that repeats nothing of the value."""
    context = error.get("ctx", {})
    detail = PATTERNS.get(context.get("pattern"), DETAILS.get(error["type"], "is not valid"))
    return FieldError(error["loc"], detail.format_map(context))


def find_unstorable(value: Fields, budget: Budget) -> list[FieldError]:
    """List the first integers, keys and numbers in `value` that are refused.

    A path is only made for an error, and the search ends where the budget does.
    """
    errors: list[FieldError] = []
    path: list[str | int] = []
    levels = [iter(suspects(value, budget))]
    while levels and len(errors) < MAXIMUM_ERRORS and budget.steps > 0:
        key, member = next(levels[-1], END)
        if key is None:
            levels.pop()
            del path[-1:]
        elif isinstance(key, str) and "\0" in key:
            errors.append(FieldError(tuple(path), NUL_IN_KEY))
        elif isinstance(member, dict | list):
            path.append(key)
            levels.append(iter(suspects(member, budget)))
        else:
            detail = BEYOND_64_BITS if isinstance(member, int) else INFINITE
            errors.append(FieldError((*path, key), detail))
    return errors


def suspects(value: Fields | list[Any], budget: Budget) -> list[tuple[Any, Any]]:
    """Return the members of an object or an array that hold others, or are refused."""
    items: Iterable[tuple[Any, Any]]
    values, items = (
        (value.values(), value.items()) if isinstance(value, dict) else (value, enumerate(value))
    )
    kinds = set(map(type, values))
    # One comparison for each member is all that integers alone need.
    if kinds == {int}:
        found = first((key, each) for key, each in items if each > HIGHEST or each < LOWEST)
    elif kinds & {dict, list}:
        found = [(key, each) for key, each in items if is_suspect(each)]
    elif kinds & {int, float}:
        found = first((key, each) for key, each in items if is_suspect(each))
    else:
        found = []
    if isinstance(value, dict) and "\0" in "".join(value):
        named = [pair for pair in found if "\0" not in pair[0]]
        found = [(key, None) for key in value if "\0" in key] + named
    budget.steps -= 1 + len(found) + len(value) // MEMBERS_A_STEP
    return found


def first(found: Iterator[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return as many of the found members as are told."""
    return list(islice(found, MAXIMUM_ERRORS))


def is_suspect(value: Any) -> bool:  # noqa: ANN401 (any JSON)
    """Say whether a value holds others, or is a number that is refused."""
    kind = type(value)
    if kind is int:
        return not LOWEST <= int(value) <= HIGHEST
    return kind is dict or kind is list or (kind is float and value in INFINITIES)
