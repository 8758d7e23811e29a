"""MongoDB filters from the filter options of commands."""

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from insights.errors import UsageError
from insights.kinds import ID, Field, Kind, Type
from insights.queries import sentiment
from insights.queries.periods import parse_period, parse_time
from insights.queries.sentiment import Sentiment
from insights.settings import Settings
from insights.users.ids import LARGEST_INTEGER, numbers_of, of_user

Filter = dict[str, Any]

ORDERS = {"<": "$lt", ">": "$gt", "<=": "$lte", ">=": "$gte"}

# The shortest field before an operator, and the longest operator at that place.
CONDITION = re.compile(r"(?P<field>.+?)(?P<operator>!=|<=|>=|=|<|>|~)(?P<value>.*)", re.DOTALL)
# A key in an object, at any depth.
PATH = re.compile(r"(?P<object>[^.]+)(\.[^.\0]+)+")


@dataclass(frozen=True)
class Selection:
    """The filter options of a command, unparsed. Documents must match all of them."""

    user: str | None = None
    message: str | None = None
    rating: str | None = None
    event_type: str | None = None
    since: str | None = None
    until: str | None = None
    where: Sequence[str] = ()


def to_filter(kind: Kind, selection: Selection, settings: Settings, now: datetime) -> Filter:
    """Return the MongoDB filter for a selection.

    Raises:
        UsageError: a time or a condition is not valid, or an option is for the other kind.
    """
    check_options(kind, selection)
    conditions = [
        {} if selection.user is None else of_user(selection.user),
        {} if selection.message is None else of_user(selection.message, "message_id"),
        equal("event_type", selection.event_type),
        rated(selection.rating, settings.feedback_ratings),
        parse_period(selection.since, selection.until, now).condition(),
        *(parse_condition(kind, text, now) for text in selection.where),
    ]
    given = [condition for condition in conditions if condition]
    return {"$and": given} if given else {}


def check_options(kind: Kind, selection: Selection) -> None:
    """Refuse options that are for the other kind.

    Raises:
        UsageError: there is one.
    """
    others = {
        Kind.FEEDBACK: {"--event-type": selection.event_type},
        Kind.EVENTS: {"--message": selection.message, "--rating": selection.rating},
    }[kind]
    for option, value in others.items():
        if value is not None:
            raise UsageError(f"{option} cannot be used with {kind}")


def equal(field: str, value: str | None) -> Filter:
    """Return the filter for an exact text, empty without a value."""
    return {} if value is None else {field: {"$eq": value}}


def rated(rating: str | None, ratings: Sequence[str] | None) -> Filter:
    """Return the filter for the name of a sentiment, or else for an exact rating."""
    if rating in list(Sentiment):
        return {"$expr": {"$eq": [sentiment.sentiment(ratings), rating]}}
    return {} if rating is None else {"rating": {"$in": [rating, *numbers_of(rating)]}}


def parse_condition(kind: Kind, text: str, now: datetime) -> Filter:
    """Return the filter for a condition such as `details.page=/dashboard`.

    Raises:
        UsageError: it is not a condition on a field of this kind.
    """
    match = CONDITION.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--where {text!r} is not FIELD OPERATOR VALUE, such as details.page=/dashboard; "
            "the operators are =, !=, <, >, <=, >= and ~"
        )
    field, operator, value = match["field"].strip(), match["operator"], match["value"].strip()
    if operator == "=" and value.startswith("="):
        raise UsageError(
            f"--where {text!r}: use a single =, and double quotes for a value that begins with ="
        )
    return compare(find_field(kind, field), operator, value, now)


def find_field(kind: Kind, name: str) -> Field:
    """Return the field of a condition: one of this kind, or a key in an object.

    Conditions on `_id` are refused, because its type varies.

    Raises:
        UsageError: documents of this kind do not have the field.
    """
    fields = {field.name: field for field in kind.fields if field.name != ID}
    objects = [each for each, field in fields.items() if field.type is Type.JSON]
    if (path := PATH.fullmatch(name)) and path["object"] in objects:
        return Field(name, Type.JSON)
    if name in objects or name not in fields:
        allowed = [each for each in fields if each not in objects]
        allowed += [f"{each}.NAME" for each in objects]
        raise UsageError(f"unknown field {name!r} of {kind}: use one of {', '.join(allowed)}")
    return fields[name]


def compare(field: Field, operator: str, value: str, now: datetime) -> Filter:
    """Return the filter for one comparison. A list matches if a member does; != negates =.

    Raises:
        UsageError: the field is a time, but the value is not.
    """
    if operator == "~":
        return match_pattern(field, value)
    if operator in ORDERS:
        return order(field, ORDERS[operator], value, now)
    values = [parse_time_or_null(value, now)] if field.type is Type.TIME else readings(value)
    return {field.name: {"$in" if operator == "=" else "$nin": values}}


def match_pattern(field: Field, pattern: str) -> Filter:
    """Return the filter for a case-insensitive regular expression, which MongoDB checks.

    Raises:
        UsageError: the field is a time.
    """
    if field.type is Type.TIME:
        raise UsageError(f"{field.name} is a time: ~ works on text only")
    return {field.name: {"$regex": pattern, "$options": "i"}}


def order(field: Field, operator: str, value: str, now: datetime) -> Filter:
    """Return the filter that compares times, numbers with numbers, and texts with texts.

    Raises:
        UsageError: the field is a time, but the value is not.
    """
    if field.type is Type.TIME:
        return {field.name: {operator: parse_time(value, now)}}
    limit = next((each for each in readings(value) if is_number(each)), None)
    if field.name == "rating" and limit is not None:
        return rating_order(operator, limit)
    if limit is not None and field.type not in {Type.TEXT, Type.LIST}:
        return {field.name: {operator: limit}}
    return {field.name: {operator: readings(value)[-1]}}


def rating_order(operator: str, limit: float) -> Filter:
    """Return the filter that compares ratings, which are stored as text, as numbers."""
    number = sentiment.number()
    return {"$expr": {"$and": [{"$ne": [number, None]}, {operator: [number, limit]}]}}


def parse_time_or_null(value: str, now: datetime) -> datetime | None:
    """Parse a time; return None for `null`.

    Raises:
        UsageError: it is neither.
    """
    return None if value == "null" else parse_time(value, now)


def readings(value: str) -> list[Any]:
    """Return the possible readings of a value: `42`, `true` and `null` as JSON and as text.

    Double quotes make it text only.
    """
    with suppress(ValueError):
        parsed = from_json(value, allow_inf_nan=False)
        if isinstance(parsed, str):
            return [parsed]
        if parsed is None or isinstance(parsed, bool) or is_number(parsed):
            return [parsed, value]
    return [value]


def is_number(value: object) -> bool:
    """Say whether a value is a number that BSON can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= LARGEST_INTEGER
