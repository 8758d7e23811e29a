"""The two kinds of documents, feedback and events, and their fields.

The fields come from the functions' models, so that lists, filters and exports pick up a new one by
themselves.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from shared_code.models import Event, Feedback

Document = dict[str, Any]


class Type(StrEnum):
    """The type of a field. `LIST` is a list of texts, `JSON` any JSON value."""

    TEXT = "text"
    TIME = "time"
    BOOLEAN = "true or false"
    INTEGER = "64-bit integer"
    NUMBER = "number"
    LIST = "list"
    JSON = "JSON"


# Keyed by JSON Schema format, or else by JSON Schema type.
TYPES = {
    "string": Type.TEXT,
    "uuid": Type.TEXT,
    "date-time": Type.TIME,
    "boolean": Type.BOOLEAN,
    "integer": Type.INTEGER,
    "number": Type.NUMBER,
    "array": Type.LIST,
}


@dataclass(frozen=True)
class Field:
    """A field of stored documents, or a column of an export."""

    name: str
    type: Type


TIMESTAMP = Field("timestamp", Type.TIME)
ID = "_id"


class Kind(StrEnum):
    """Feedback or events, by their names on the command line."""

    FEEDBACK = "feedback"
    EVENTS = "events"

    @property
    def collection(self) -> str:
        """The name of the collection."""
        return {Kind.FEEDBACK: "feedback", Kind.EVENTS: "analytics"}[self]

    @property
    def model(self) -> type[Feedback | Event]:
        """The model that clients' requests are validated with."""
        return Feedback if self is Kind.FEEDBACK else Event

    @property
    def fields(self) -> tuple[Field, ...]:
        """The stored fields in display order: times last, the server's before the client's.

        The `_id` of a feedback is left out, because it repeats two other fields.
        """
        return fields_of(self.model)

    def other_fields(self, named: Collection[str]) -> list[Field]:
        """Return the fields to show besides the `named` ones, without `_id` and times."""
        return [
            field
            for field in self.fields
            if field.name not in {ID, *named} and field.type is not Type.TIME
        ]


@cache
def fields_of(model: type[Feedback | Event]) -> tuple[Field, ...]:
    """Return the fields of a model's documents: `event_id` becomes `_id`; `timestamp` is added."""
    schemas = model.model_json_schema()["properties"]
    sent = [
        Field(ID if name == "event_id" else name, type_of(schema))
        for name, schema in schemas.items()
    ]
    return tuple(
        sorted([TIMESTAMP, *sent], key=lambda each: (each.name != ID, each.type is Type.TIME))
    )


def type_of(schema: dict[str, Any]) -> Type:
    """Return the type of a JSON Schema, ignoring `null`."""
    [schema, *_] = schema.get("anyOf", [schema])
    return TYPES.get(schema.get("format") or schema.get("type", ""), Type.JSON)
