"""The conditions of --where: `FIELD OPERATOR VALUE`, as MongoDB filters."""

import json
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from insights.errors import UsageError
from insights.kinds import ID, Document, Kind, Type
from insights.queries import keys, sentiment
from insights.queries.periods import parse_time
from insights.users.ids import LARGEST_INTEGER

ORDERS = {"<": "$lt", ">": "$gt", "<=": "$lte", ">=": "$gte"}

# A key in double quotes is a JSON string, as `export` prints keys with dots or operators.
QUOTED = r'"(?:[^"\\]|\\.)*"'
KEY = re.compile(rf"(?:^|\.)\s*(?:(?P<quoted>{QUOTED})\s*(?=\.|$)|(?P<plain>[^.]*))", re.DOTALL)

# The shortest field before an operator, and the longest operator at that place.
CONDITION = re.compile(
    rf"(?P<field>(?:(?:^|(?<=\.))\s*{QUOTED}|.)+?)(?P<operator>!=|<=|>=|=|<|>|~)(?P<value>.*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Target:
    """The field of a condition, or a key in it at any depth."""

    keys: tuple[str, ...]
    type: Type

    @property
    def path(self) -> str:
        """The dotted path."""
        return ".".join(self.keys)


def parse_condition(kind: Kind, text: str, now: datetime) -> Document:
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
    target = find_target(kind, field)
    compare = compare_values if keys.needs_expression(target.keys) else compare_field
    return compare(target, operator, value, now)


def find_target(kind: Kind, name: str) -> Target:
    """Return the target of a condition: a field of this kind, or a key in an object.

    Conditions on `_id` are refused, because its type varies.

    Raises:
        UsageError: documents of this kind do not have the field.
    """
    fields = {field.name: field.type for field in kind.fields if field.name != ID}
    objects = [each for each, type_ in fields.items() if type_ is Type.JSON]
    first, *others = split_keys(name) or [name]
    if first in fields and bool(others) == (first in objects):
        return Target((first, *others), fields[first])
    allowed = [each for each in fields if each not in objects]
    allowed += [f"{each}.NAME" for each in objects]
    raise UsageError(f"unknown field {name!r} of {kind}: use one of {', '.join(allowed)}")


def split_keys(name: str) -> list[str]:
    """Return the keys of a path, such as `details."gen_ai.request.model"`.

    There are none if a key without quotes is empty.

    Raises:
        UsageError: a key in quotes is not a JSON string, or has a NUL, which no key may have.
    """
    found = [(key["quoted"], key["plain"]) for key in KEY.finditer(name)]
    if any(not quoted and not plain.strip() for quoted, plain in found):
        return []
    try:
        keys = [json.loads(quoted) if quoted else plain.strip() for quoted, plain in found]
    except ValueError:
        raise UsageError(f"{name!r} has a key in quotes that is not a JSON string") from None
    if any("\0" in key for key in keys):
        raise UsageError(f"{name!r} has a key with a NUL")
    return keys


def compare_values(target: Target, operator: str, value: str, _now: datetime) -> Document:
    """Return the filter for one comparison of a value that no dotted path can name."""
    if operator == "~":
        return keys.matches(target.keys, keys.has_pattern(value))
    if operator in ORDERS:
        test = keys.is_ordered(ORDERS[operator], limit_in(value))
        return keys.matches(target.keys, test)
    compare = keys.matches if operator == "=" else keys.matches_not
    return compare(target.keys, keys.is_one_of(readings(value)))


def compare_field(target: Target, operator: str, value: str, now: datetime) -> Document:
    """Return the filter for one comparison of a field. A list matches if a member does.

    Raises:
        UsageError: the field is a time, but the value is not.
    """
    if operator == "~":
        return match_pattern(target, value)
    if operator in ORDERS:
        return order(target, ORDERS[operator], value, now)
    values = [parse_time_or_null(value, now)] if target.type is Type.TIME else readings(value)
    return {target.path: {"$in" if operator == "=" else "$nin": values}}


def match_pattern(target: Target, pattern: str) -> Document:
    """Return the filter for a case-insensitive regular expression, which MongoDB checks.

    Raises:
        UsageError: the field is a time.
    """
    if target.type is Type.TIME:
        raise UsageError(f"{target.path} is a time: ~ works on text only")
    return {target.path: {"$regex": pattern, "$options": "i"}}


def order(target: Target, operator: str, value: str, now: datetime) -> Document:
    """Return the filter that compares times, numbers with numbers, and texts with texts.

    Raises:
        UsageError: the field is a time, but the value is not.
    """
    if target.type is Type.TIME:
        return {target.path: {operator: parse_time(value, now)}}
    limit = limit_in(value)
    if target.path == "rating" and not isinstance(limit, str):
        return rating_order(operator, limit)
    if target.type in {Type.TEXT, Type.LIST}:
        limit = readings(value)[-1]
    return {target.path: {operator: limit}}


def limit_in(value: str) -> Any:  # noqa: ANN401 (a text or a number)
    """Return the number in a value, or else its text."""
    given = readings(value)
    return next((each for each in given if is_number(each)), given[-1])


def rating_order(operator: str, limit: float) -> Document:
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
