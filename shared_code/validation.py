"""Validation: from parsed JSON to a model that BSON can hold, or to the list of wrong fields."""

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

# For one object, so that responses stay bounded.
MAXIMUM_ERRORS = 10

# Our texts for Pydantic's error types: its own may repeat the client's values.
DETAILS = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be an array",
    "too_long": "must have at most {max_length} items",
    "string_type": "must be a string",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "must have at most {max_length} characters",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "nul": "must not hold a NUL character",
    "uuid_reserved": "must not be the nil or the max UUID",
    "date_time": "must be an RFC 3339 date-time with an offset, such as 2026-01-31T09:30:00Z",
}

# The texts for strings that do not match a pattern.
PATTERNS = {NOT_BLANK: "must not be blank", NO_NUL: DETAILS["nul"]}

# The models have at most five fields. Pydantic creates an error for each unknown one.
MAXIMUM_FIELDS = 12
TOO_MANY_FIELDS = f"must have at most {MAXIMUM_FIELDS} fields"

BEYOND_64_BITS = "is an integer that needs more than 64 bits"
NUL_IN_KEY = "has a key with a NUL character"
INFINITE = "is a number too large for a 64-bit float"
UNSTORABLE = "holds a number or a key that cannot be stored"

# An infinity as `to_json` writes it, or a text that looks like one.
INFINITY = re.compile(rb"[:,\[]-?Infinity[,\]}]")

# A few milliseconds of the processor. Later errors point to `details` as a whole.
SEARCH_STEPS = 2_500
MEMBERS_A_STEP = 16

LOWEST, HIGHEST = -(2**63), 2**63 - 1
INFINITIES = (math.inf, -math.inf)
END: tuple[None, None] = (None, None)

Model = TypeVar("Model", Feedback, Event)


Document = dict[str, Any]
"""A MongoDB document."""


class Encoded(RawBSONDocument):
    """An event's BSON, with a short `repr`: PyMongo puts what it sent into the texts of errors."""

    def __repr__(self) -> str:
        """Leave the content out."""
        return "Encoded()"


class Write(NamedTuple):
    """A checked feedback or event, as the document to store.

    `size` is in bytes of JSON. `again` means that an earlier attempt may have stored it. `encoded`
    is its BSON, if that is known already.
    """

    document: Document
    size: int
    again: bool = False
    encoded: Encoded | None = None

    @property
    def written(self) -> Document | Encoded:
        """The document in the form for PyMongo."""
        return self.document if self.encoded is None else self.encoded


Checked = Write | list[FieldError]
"""A feedback or an event, or its errors."""


class Budget:
    """The members that a search through one request or group may still examine."""

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
    """Refuse an infinity, such as 1e999, in a valid event; `to_json` wrote it as `json`.

    Raises:
        InvalidFields: there is one.
    """
    if b"Infinity" not in json or not INFINITY.search(json):
        return
    errors = find_unstorable(event, budget)
    # The search ended early. Texts are the same in both modes, infinities are not.
    if not errors and budget.steps <= 0 and json != to_json(event, inf_nan_mode="null"):
        errors = [FieldError(("details",), UNSTORABLE)]
    if errors:
        raise InvalidFields(errors)


def encode(event: Write, budget: Budget) -> Checked:
    """Return an event together with its BSON, or the fields that BSON cannot hold."""
    if event.encoded is not None:
        return event
    with suppress(OverflowError, InvalidDocument):
        return event._replace(encoded=Encoded(bson.encode(event.document)))
    return find_unstorable(event.document, budget) or [FieldError(("details",), UNSTORABLE)]


def field_error(error: dict[str, Any]) -> FieldError:
    """Return one of Pydantic's errors without the client's values."""
    context = error.get("ctx", {})
    detail = PATTERNS.get(context.get("pattern"), DETAILS.get(error["type"], "is not valid"))
    return FieldError(error["loc"], detail.format_map(context))


def find_unstorable(value: Document, budget: Budget) -> list[FieldError]:
    """List the first integers, floats and keys that BSON cannot hold, within the budget."""
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


def suspects(value: Document | list[Any], budget: Budget) -> list[tuple[Any, Any]]:
    """Return the members of an object or array that are refused or have members themselves."""
    items: Iterable[tuple[Any, Any]]
    values, items = (
        (value.values(), value.items()) if isinstance(value, dict) else (value, enumerate(value))
    )
    kinds = set(map(type, values))
    if kinds == {int}:
        # Integers alone need just one comparison each.
        found = first((key, each) for key, each in items if each > HIGHEST or each < LOWEST)
    elif kinds & {dict, list}:
        found = [(key, each) for key, each in items if is_suspect(each)]
    elif kinds & {int, float}:
        found = first(
            (key, each)
            for key, each in items
            if (type(each) is int or type(each) is float) and is_suspect(each)
        )
    else:
        found = []
    if isinstance(value, dict) and "\0" in "".join(value):
        named = [pair for pair in found if "\0" not in pair[0]]
        found = [(key, None) for key in value if "\0" in key] + named
    budget.steps -= 1 + len(found) + len(value) // MEMBERS_A_STEP
    return found


def first(found: Iterator[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return at most `MAXIMUM_ERRORS` members."""
    return list(islice(found, MAXIMUM_ERRORS))


def is_suspect(value: Any) -> bool:  # noqa: ANN401 (any JSON)
    """Say whether a value is a refused number or has members itself."""
    kind = type(value)
    if kind is int:
        return not LOWEST <= int(value) <= HIGHEST
    return kind is dict or kind is list or (kind is float and value in INFINITIES)
