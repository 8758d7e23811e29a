"""Erasing what is stored of a user."""

from pymongo.database import Database

from insights.database import Document, Kind

Counts = dict[Kind, int]

# What arrives while its user is being erased is erased too, unless it never ends to arrive.
ROUNDS = 10


def count_stored(database: Database[Document], user_id: str) -> Counts:
    """Return how much is stored of a user."""
    of_user = {"user_id": user_id}
    return {kind: database[kind.collection].count_documents(of_user) for kind in Kind}


def erase(database: Database[Document], user_id: str) -> Counts:
    """Erase all feedback and events of a user; return how much it was.

    Whatever ends it before its time, it can be run again.
    """
    erased = dict.fromkeys(Kind, 0)
    for _ in range(ROUNDS):
        found = erase_once(database, user_id)
        if not any(found.values()):
            break
        erased = {kind: erased[kind] + found[kind] for kind in Kind}
    return erased


def erase_once(database: Database[Document], user_id: str) -> Counts:
    """Erase what is stored of a user now; return how much it was."""
    of_user = {"user_id": user_id}
    return {kind: database[kind.collection].delete_many(of_user).deleted_count for kind in Kind}
