"""The models of feedback and events, and their MongoDB documents."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from bson import Binary
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared_code.mongodb.object_ids import new_object_id

# RFC 3339, section 5.6. Pydantic also accepts Unix times and dates without a time.
RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:[0-5]\d)", flags=re.ASCII
)


def to_utc(value: object) -> datetime:
    """Parse an RFC 3339 date-time with an offset into UTC."""
    if isinstance(value, str) and RFC_3339.fullmatch(value):
        # The day may not exist, and the offset may leave the years 1 to 9999.
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    raise PydanticCustomError("date_time", "not an RFC 3339 date-time")


def check_uuid(value: UUID) -> UUID:
    """Refuse the nil and the max UUID (RFC 9562, 5.9 and 5.10)."""
    if value in RESERVED:
        raise PydanticCustomError("uuid_reserved", "the nil or the max UUID")
    return value


RESERVED = {UUID(int=0), UUID(int=2**128 - 1)}

# No command line can pass a NUL.
NO_NUL = r"^[^\x00]*$"
NOT_BLANK = r"\S"


def check_nul(value: str) -> str:
    """Refuse NUL in a field whose pattern checks something else."""
    if "\0" in value:
        raise PydanticCustomError("nul", "has a NUL")
    return value


Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Label = Annotated[
    str, Field(min_length=1, max_length=64, pattern=NOT_BLANK), AfterValidator(check_nul)
]
EventId = Annotated[UUID, AfterValidator(check_uuid)]
DateTime = Annotated[datetime, BeforeValidator(to_utc)]


class Feedback(BaseModel):
    """One user's rating of one chat message.

    A null in an optional field counts as absent, and so does an empty list of reasons.
    """

    model_config = ConfigDict(extra="forbid")

    message_id: Identifier
    user_id: Identifier
    # Null withdraws.
    rating: Label | None
    comment: Annotated[str, Field(max_length=4000)] | None = None
    reasons: Annotated[list[Label], Field(max_length=10)] | None = None

    def to_document(self, now: datetime) -> dict[str, Any]:
        """Return the document, whose `_id` allows one feedback per user and message.

        A repeated reason is stored once. The document of a withdrawal has no rating.
        """
        document: dict[str, Any] = {
            "_id": {"user_id": self.user_id, "message_id": self.message_id},
            "message_id": self.message_id,
            "user_id": self.user_id,
        }
        if self.rating is not None:
            document["rating"] = self.rating
        document["timestamp"] = now
        if self.comment is not None:
            document["comment"] = self.comment
        if self.reasons:
            document["reasons"] = list(dict.fromkeys(self.reasons))
        return document


class Event(BaseModel):
    """One action of a user. A null in an optional field counts as absent."""

    model_config = ConfigDict(extra="forbid")

    user_id: Identifier
    event_type: Identifier
    details: dict[str, Any]
    event_id: EventId | None = None
    occurred_at: DateTime | None = None

    def to_document(self, now: datetime) -> dict[str, Any]:
        """Return the document. With `event_id` as its `_id`, sending it again is harmless."""
        document: dict[str, Any] = {
            "_id": Binary.from_uuid(self.event_id) if self.event_id else new_object_id(),
            "user_id": self.user_id,
            "event_type": self.event_type,
            "details": self.details,
            "timestamp": now,
        }
        if self.occurred_at is not None:
            document["occurred_at"] = self.occurred_at
        return document
