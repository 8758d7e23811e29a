"""What following MongoDB tells: the documents that arrive, and what becomes of the connection."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from insights.kinds import Document, Kind


@dataclass(frozen=True)
class Change:
    """A document that arrived, as it is stored.

    `updated` says whether it replaced an earlier one; None where that cannot be known.
    """

    kind: Kind
    document: Document
    updated: bool | None


class Connection(StrEnum):
    """What became of the connection. After RESUMED come the changes that were made meanwhile.

    LEFT_OUT is of documents that arrived and cannot be shown.
    """

    WATCHING = "watching"
    POLLING = "polling"
    LEFT_OUT = "left out"
    LOST = "lost"
    RESUMED = "resumed"


Tell = Callable[[Connection, str], None]
"""Hears what became of the connection, and of POLLING, why the server is not watched.

Of LEFT_OUT, it hears a line that says how many documents they are."""


def polling_notice(why: str) -> str:
    """Return the line that says that the server is asked every second, and why."""
    return f"this server cannot be watched ({why}); looking for what arrives every second instead"
