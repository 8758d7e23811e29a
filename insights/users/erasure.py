"""Erasing what is stored of a user."""

from collections.abc import Sequence
from typing import Any

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.repair.originals import REPAIRED
from insights.users.ids import of_user

Counts = dict[str, int]
"""How much there is of each `Kind`, and of the originals that `doctor` kept, if there are any."""

ORIGINALS = "originals"
ORIGINAL_USER = "document.user_id"

# Repeat until nothing new arrives, at most ten rounds.
ROUNDS = 10


def count_stored(database: Database[Document], user_id: str) -> Counts:
    """Return how much is stored of a user."""
    counts = {kind: database[kind.collection].count_documents(of_user(user_id)) for kind in Kind}
    originals = database[REPAIRED].count_documents(of_user(user_id, ORIGINAL_USER))
    return with_originals(counts, originals)


def count_under(database: Database[Document], ids: Sequence[Any]) -> dict[Kind, int]:
    """Return how much is stored under some of the ids of a user, if there is anything."""
    if not ids:
        return {}
    under = {"user_id": {"$in": ids}}
    counts = {kind: database[kind.collection].count_documents(under) for kind in Kind}
    return {kind: count for kind, count in counts.items() if count}


def erase(database: Database[Document], user_id: str) -> Counts:
    """Erase all feedback and events of a user, and their originals; return how much it was.

    Whatever ends it before its time, it can be run again.
    """
    erased: Counts = dict.fromkeys(map(str, Kind), 0)
    for _ in range(ROUNDS):
        found = erase_once(database, user_id)
        if not any(found.values()):
            break
        erased |= {name: erased.get(name, 0) + count for name, count in found.items()}
    return erased


def erase_once(database: Database[Document], user_id: str) -> Counts:
    """Erase what is stored of a user now; return how much it was."""
    counts = {
        kind: database[kind.collection].delete_many(of_user(user_id)).deleted_count for kind in Kind
    }
    originals = database[REPAIRED].delete_many(of_user(user_id, ORIGINAL_USER)).deleted_count
    return with_originals(counts, originals)


def with_originals(counts: dict[Kind, int], originals: int) -> Counts:
    """Return the counts together; originals are named only where there are any."""
    stored: Counts = {str(kind): count for kind, count in counts.items()}
    return stored | {ORIGINALS: originals} if originals else stored
