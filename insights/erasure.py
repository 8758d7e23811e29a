"""Erasing what is stored of a user."""

from contextlib import suppress
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from insights.database import Document, Kind
from insights.filters import Filter
from insights.repair.originals import REPAIRED

Counts = dict[str, int]
"""How much there is of each `Kind`, and of the originals that `doctor` kept, if there are any."""

ORIGINALS = "originals"

# What arrives while its user is being erased is erased too, unless it never ends to arrive.
ROUNDS = 10


def count_stored(database: Database[Document], user_id: str) -> Counts:
    """Return how much is stored of a user."""
    of_user = {"user_id": user_id}
    counts = {kind: database[kind.collection].count_documents(of_user) for kind in Kind}
    return with_originals(counts, database[REPAIRED].count_documents(originals_of(user_id)))


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
    of_user = {"user_id": user_id}
    counts = {kind: database[kind.collection].delete_many(of_user).deleted_count for kind in Kind}
    originals = database[REPAIRED].delete_many(originals_of(user_id)).deleted_count
    return with_originals(counts, originals)


def with_originals(counts: dict[Kind, int], originals: int) -> Counts:
    """Return the counts together; originals are named only where there are any."""
    stored: Counts = {str(kind): count for kind, count in counts.items()}
    return stored | {ORIGINALS: originals} if originals else stored


def originals_of(user_id: str) -> Filter:
    """Return the filter for the originals of a user, whose id may have been none that is a text."""
    ids: list[Any] = [user_id]
    with suppress(ValueError):
        ids.append(float(user_id))
    if ObjectId.is_valid(user_id):
        ids.append(ObjectId(user_id))
    return {"document.user_id": {"$in": ids}}
