"""The reports of arrivals: changed documents, and the state of the connection."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from insights.kinds import Document, Kind


@dataclass(frozen=True)
class Change:
    """A document that arrived. `updated` says whether it replaced another; None if unknown."""

    kind: Kind
    document: Document
    updated: bool | None


class Connection(StrEnum):
    """The state of the connection. After RESUMED come the changes made meanwhile.

    LEFT_OUT counts documents that arrived and cannot be shown.
    """

    WATCHING = "watching"
    POLLING = "polling"
    LEFT_OUT = "left out"
    LOST = "lost"
    RESUMED = "resumed"


Notify = Callable[[Connection, str], None]
"""Receives each new state of the connection, with a reason for POLLING and a count for LEFT_OUT."""


def polling_notice(reason: str) -> str:
    """Return the warning that the server is polled."""
    return f"no change stream on this server ({reason}); polling every second instead"
