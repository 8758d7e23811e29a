"""Erasure of a user's feedback and events."""

from collections.abc import Sequence
from typing import Any

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.repair.originals import REPAIRED
from insights.users.ids import of_user

Counts = dict[str, int]
"""The number of documents by `Kind`, and of originals that `doctor` kept, if there are any."""

ORIGINALS = "originals"
ORIGINAL_USER = "document.user_id"

# More documents may arrive during each round.
ROUNDS = 10


def count_stored(database: Database[Document], user_id: str) -> Counts:
    """Count a user's documents."""
    counts = {kind: database[kind.collection].count_documents(of_user(user_id)) for kind in Kind}
    originals = database[REPAIRED].count_documents(of_user(user_id, ORIGINAL_USER))
    return with_originals(counts, originals)


def count_by_ids(database: Database[Document], ids: Sequence[Any]) -> dict[Kind, int]:
    """Count the documents with exactly these ids, by the kinds that have some."""
    if not ids:
        return {}
    condition = {"user_id": {"$in": ids}}
    counts = {kind: database[kind.collection].count_documents(condition) for kind in Kind}
    return {kind: count for kind, count in counts.items() if count}


def erase(database: Database[Document], user_id: str) -> Counts:
    """Erase a user's feedback, events and originals until no new ones arrive; return the counts.

    Idempotent: after an interruption, it can be run again.
    """
    erased: Counts = dict.fromkeys(map(str, Kind), 0)
    for _ in range(ROUNDS):
        found = erase_once(database, user_id)
        if not any(found.values()):
            break
        erased |= {name: erased.get(name, 0) + count for name, count in found.items()}
    return erased


def erase_once(database: Database[Document], user_id: str) -> Counts:
    """Erase a user's documents once; return the counts."""
    counts = {
        kind: database[kind.collection].delete_many(of_user(user_id)).deleted_count for kind in Kind
    }
    originals = database[REPAIRED].delete_many(of_user(user_id, ORIGINAL_USER)).deleted_count
    return with_originals(counts, originals)


def with_originals(counts: dict[Kind, int], originals: int) -> Counts:
    """Return the counts, with that of the originals unless it is 0."""
    stored: Counts = {str(kind): count for kind, count in counts.items()}
    return stored | {ORIGINALS: originals} if originals else stored
