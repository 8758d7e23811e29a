"""The columns of an export: the stored fields, and one for each key of flattened details."""

from collections.abc import Iterable

from insights.errors import UsageError
from insights.exports.details import DETAILS, flatten
from insights.kinds import Document, Field, Kind, Type

# A bound on memory, for keys that are ids. Spreadsheets become unusable far below.
MAXIMUM_FLATTENED = 1000

# Doubles hold every integer up to this size.
LARGEST_EXACT = 2**53

DETAILS_COLUMN = Field(DETAILS, Type.JSON)


def flattened_columns(documents: Iterable[Document]) -> list[Field]:
    """Return the columns of events, with those of their flattened details by name.

    Raises:
        UsageError: the details have too many different keys.
    """
    found = detail_columns(documents)
    return [
        each
        for stored in Kind.EVENTS.fields
        for each in (found if stored == DETAILS_COLUMN else [stored])
    ]


def detail_columns(documents: Iterable[Document]) -> list[Field]:
    """Return the columns for the details of documents, by name.

    Raises:
        UsageError: there are too many.
    """
    values: dict[str, set[type | None]] = {}
    for document in documents:
        for name, value in flatten({DETAILS: document.get(DETAILS, {})}).items():
            values.setdefault(name, set()).add(class_of(value))
        if len(values) > MAXIMUM_FLATTENED:
            raise UsageError(
                f"details have more than {MAXIMUM_FLATTENED:,} different keys: "
                "export fewer events, or without --flatten, or --format jsonl"
            )
    return [Field(name, common_type(values[name])) for name in sorted(values)]


class LargeInteger(int):
    """Marks integers that a double cannot hold exactly."""


def class_of(value: object) -> type | None:
    """Return the class of a value, with `LargeInteger` for inexact integers."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return int if abs(value) <= LARGEST_EXACT else LargeInteger
    return type(value)


def common_type(classes: set[type | None]) -> Type:
    """Return the type of a column with values of these classes. Null fits every type."""
    match classes - {None}:
        case present if present <= {str}:
            return Type.TEXT
        case present if present <= {bool}:
            return Type.BOOLEAN
        case present if present <= {int, LargeInteger}:
            return Type.INTEGER
        case present if present <= {int, float}:
            return Type.NUMBER
        case _:
            return Type.JSON
