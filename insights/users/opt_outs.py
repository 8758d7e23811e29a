"""Users who opted out of analytics: the collection `opt_outs`, `{_id: user_id, timestamp}`."""

from datetime import datetime, timedelta

from pymongo import DESCENDING
from pymongo.cursor import Cursor
from pymongo.database import Database

from insights.kinds import Document
from insights.users.ids import of_user

OPT_OUTS = "opt_outs"

# So long may a function go by what it asked before (analytics_function/opt_outs.py).
MEMORY = timedelta(minutes=1)


def add_opt_out(database: Database[Document], user_id: str, now: datetime) -> bool:
    """Opt a user out; return whether the user was not yet. The first time is kept.

    It is stored under the text, which is all that the functions look for.
    """
    result = database[OPT_OUTS].update_one(
        {"_id": user_id}, {"$setOnInsert": {"timestamp": now}}, upsert=True
    )
    return result.did_upsert


def remove_opt_out(database: Database[Document], user_id: str) -> bool:
    """Opt a user in again; return whether the user was opted out."""
    return database[OPT_OUTS].delete_many(of_user(user_id, "_id")).deleted_count > 0


def find_opt_out(database: Database[Document], user_id: str) -> Document | None:
    """Return the opt-out of a user, or None."""
    return database[OPT_OUTS].find_one({"_id": user_id})


def list_opt_outs(database: Database[Document]) -> Cursor[Document]:
    """Return all opt-outs, newest first."""
    return database[OPT_OUTS].find().sort("timestamp", DESCENDING)


def is_recent(opt_out: Document, now: datetime) -> bool:
    """Say whether events of the user may still be stored, because a function does not know yet."""
    return "timestamp" not in opt_out or now - opt_out["timestamp"] <= MEMORY
