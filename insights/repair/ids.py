"""Ids that are not texts."""

from collections.abc import Iterator
from functools import partial

from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.queries.filters import Filter
from insights.repair.fields import FieldCheck, type_name
from insights.repair.findings import CannotRepair
from insights.users import ids as user_ids

IDS = {Kind.FEEDBACK: ("user_id", "message_id"), Kind.EVENTS: ("user_id", "event_type")}


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
    text = user_ids.text_of(document.get(field))
    if not text:
        raise CannotRepair(type_name(document, field))
    return text
