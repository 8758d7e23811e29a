"""What is collected: feedback and events, and which fields the documents of each have.

The fields are those of the models that the functions store, so that a new one is in every list,
filter and export without being named there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from shared_code.models import Event, Feedback

Document = dict[str, Any]


class Type(StrEnum):
    """What the values of a field are. `TIME` is shown as ISO 8601 in UTC; `JSON` is anything."""

    TEXT = "text"
    TIME = "time"
    BOOLEAN = "true or false"
    INTEGER = "64-bit integer"
    NUMBER = "number"
    JSON = "JSON"


# By the format, or else the type, that the JSON Schema of a model says.
TYPES = {
    "string": Type.TEXT,
    "uuid": Type.TEXT,
    "date-time": Type.TIME,
    "boolean": Type.BOOLEAN,
    "integer": Type.INTEGER,
    "number": Type.NUMBER,
}


@dataclass(frozen=True)
class Field:
    """A field of stored documents, or a column of an export: its name, and what its values are."""

    name: str
    type: Type


TIMESTAMP = Field("timestamp", Type.TIME)
ID = "_id"


class Kind(StrEnum):
    """What is collected, by the names that commands use."""

    FEEDBACK = "feedback"
    EVENTS = "events"

    @property
    def collection(self) -> str:
        """The name of its collection."""
        return {Kind.FEEDBACK: "feedback", Kind.EVENTS: "analytics"}[self]

    @property
    def model(self) -> type[Feedback | Event]:
        """The model of what clients send."""
        return Feedback if self is Kind.FEEDBACK else Event

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of its documents, times last, and the server's before the client's.

        The `_id` of a feedback is none of them: it only repeats two others.
        """
        return fields_of(self.model)

    def further_fields(self, named: Collection[str]) -> list[Field]:
        """Return the fields that a line shows beside those that it names.

        It has no `_id`, and of the times only the server's.
        """
        return [
            field
            for field in self.fields
            if field.name not in {ID, *named} and field.type is not Type.TIME
        ]


@cache
def fields_of(model: type[Feedback | Event]) -> tuple[Field, ...]:
    """Return the fields that `to_document` makes of a model's, in the order in which to show them.

    It adds the timestamp, and an `event_id` becomes the `_id`.
    """
    schemas = model.model_json_schema()["properties"]
    sent = [
        Field(ID if name == "event_id" else name, type_of(schema))
        for name, schema in schemas.items()
    ]
    return tuple(
        sorted([TIMESTAMP, *sent], key=lambda each: (each.name != ID, each.type is Type.TIME))
    )


def type_of(schema: dict[str, Any]) -> Type:
    """Return what the values of a JSON Schema are, which may allow null beside them."""
    [schema, *_] = schema.get("anyOf", [schema])
    return TYPES.get(schema.get("format") or schema.get("type", ""), Type.JSON)
