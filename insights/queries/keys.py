"""Filters on keys that a dotted path cannot name, because they have a dot or are empty.

They match like MongoDB's own: an array matches if one of its elements does, and the objects in an
array may have the next key.
"""

from collections.abc import Callable, Sequence
from typing import Any

from insights.kinds import Document
from insights.queries.sentiment import Expression, let

NUMBERS = ["double", "int", "long", "decimal"]
TEXTS = ["string"]

Test = Callable[[str], Expression]
"""Returns the expression for whether a value passes."""


def needs_expression(keys: Sequence[str]) -> bool:
    """Say whether a dotted path cannot name one of these keys."""
    return any(not key or "." in key for key in keys)


def is_special(key: str) -> bool:
    """Say whether a path in an expression or a projection cannot name a key."""
    return not key or "." in key or key.startswith("$")


def is_one_of(values: Sequence[Any]) -> Test:
    """Return the test for one of these values."""
    return lambda value: {"$in": [value, {"$literal": list(values)}]}


def is_ordered(operator: str, limit: Any) -> Test:  # noqa: ANN401 (a text or a number)
    """Return the test that compares texts with a text, and numbers with a number."""
    types = TEXTS if isinstance(limit, str) else NUMBERS
    return lambda value: {
        "$and": [{"$in": [{"$type": value}, types]}, {operator: [value, {"$literal": limit}]}]
    }


def has_pattern(pattern: str) -> Test:
    """Return the test for a text with a case-insensitive pattern."""

    def test(value: str) -> Expression:
        is_text = {"$eq": [{"$type": value}, "string"]}
        text = {"$cond": [is_text, value, ""]}
        found = {"$regexMatch": {"input": text, "regex": {"$literal": pattern}, "options": "i"}}
        return {"$and": [is_text, found]}

    return test


def matches(keys: Sequence[str], test: Test) -> Document:
    """Return the filter for documents with a value that passes."""
    return {"$expr": passes(keys, test)}


def matches_not(keys: Sequence[str], test: Test) -> Document:
    """Return the filter for documents without such a value."""
    return {"$expr": {"$not": [passes(keys, test)]}}


def passes(keys: Sequence[str], test: Test) -> Expression:
    """Return the expression for whether the value at some keys passes, or an element of it."""
    first, *others = keys
    return let("value", value_at([first]), value_passes(others, test))


def value_passes(keys: Sequence[str], test: Test) -> Expression:
    """Return the expression for whether `$$value` passes, or the value at some keys in it."""
    is_array = {"$isArray": ["$$value"]}
    if not keys:
        elements = {"$cond": [is_array, "$$value", []]}
        return any_of({"$concatArrays": [["$$value"], elements]}, test("$$each"))
    # The keys may be those of objects in an array.
    values = {"$cond": [is_array, "$$value", ["$$value"]]}
    may_have_keys = {"$or": [{"$not": [is_array]}, {"$eq": [{"$type": "$$each"}, "object"]}]}
    objects = {"$filter": {"input": values, "as": "each", "cond": may_have_keys}}
    return any_of(objects, inner_passes(keys, test))


def inner_passes(keys: Sequence[str], test: Test) -> Expression:
    """Return the expression for whether the value at some keys in `$$each` passes."""
    first, *others = keys
    return let("value", value_of("$$each", first), value_passes(others, test))


def any_of(values: Expression, passing: Expression) -> Expression:
    """Return the expression for whether one of the values passes, as `$$each`."""
    return {"$anyElementTrue": [{"$map": {"input": values, "as": "each", "in": passing}}]}


def value_at(keys: Sequence[str]) -> str | Expression:
    """Return the expression for the value at some keys, of which the first is a field."""
    first, *others = keys
    found = value_of("$$ROOT", first) if is_special(first) else f"${first}"
    for key in others:
        found = let("object", found, value_of("$$object", key))
    return found


def value_of(value: str, key: str) -> Expression:
    """Return the expression for the value at a key of an object; missing in anything else."""
    is_object = {"$eq": [{"$type": value}, "object"]}
    entries = {"$objectToArray": {"$cond": [is_object, value, {"$literal": {}}]}}
    has_key = {"$eq": ["$$entry.k", {"$literal": key}]}
    found = {"$filter": {"input": entries, "as": "entry", "cond": has_key}}
    return let("found", found, {"$arrayElemAt": ["$$found.v", 0]})
