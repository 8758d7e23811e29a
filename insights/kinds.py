"""What is collected: two kinds of documents, each in a collection of its own."""

from enum import StrEnum
from typing import Any

Document = dict[str, Any]


class Kind(StrEnum):
    """What is collected, by the names that commands use."""

    FEEDBACK = "feedback"
    EVENTS = "events"

    @property
    def collection(self) -> str:
        """The name of its collection."""
        return {Kind.FEEDBACK: "feedback", Kind.EVENTS: "analytics"}[self]
