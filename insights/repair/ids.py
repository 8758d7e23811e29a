"""Ids that are not texts."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from bson import Decimal128, ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from insights.database import Document, Kind
from insights.filters import Filter
from insights.repair.fields import FieldCheck, type_name
from insights.repair.findings import CannotRepair

IDS = {Kind.FEEDBACK: ("user_id", "message_id"), Kind.EVENTS: ("user_id", "event_type")}

# The limit of the functions.
LONGEST = 200


def id_checks(database: Database[Document], kind: Kind) -> Iterator[FieldCheck]:
    """Return the checks of the ids in a collection."""
    for field in IDS[kind]:
        name, title = f"{field}_not_text", f"{field} is not a text"
        right_value = partial(text_of, field)
        yield FieldCheck(database, kind, name, title, field, not_text(field), right_value)


def not_text(field: str) -> Filter:
    """Return a filter for values other than texts. `$type` also looks into arrays."""
    return {"$or": [{field: {"$not": {"$type": "string"}}}, {field: {"$type": "array"}}]}


def text_of(field: str, document: RawBSONDocument) -> str:
    """Return a number or an ObjectId as text.

    Raises:
        CannotRepair: the value is something else.
    """
    value, text = document.get(field), ""
    if isinstance(value, ObjectId):
        text = str(value)
    elif isinstance(value, int | float | Decimal128) and not isinstance(value, bool):
        text = number_text(Decimal(str(value)))
    if not text:
        raise CannotRepair(type_name(document, field))
    return text


def number_text(number: Decimal) -> str:
    """Return a number in digits, `42` for 42.0; nothing if it is not finite or too long."""
    if not number.is_finite() or abs(number.adjusted()) > LONGEST:
        return ""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if len(text) <= LONGEST else ""
