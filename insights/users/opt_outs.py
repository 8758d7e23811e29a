"""Users who opted out of analytics: the collection `opt_outs`, `{_id: user_id, timestamp}`."""

from datetime import datetime, timedelta

from pymongo import DESCENDING
from pymongo.cursor import Cursor
from pymongo.database import Database

from insights.kinds import Document
from insights.users.ids import of_user

OPT_OUTS = "opt_outs"

# The functions cache opt-outs for up to a minute (analytics_function/opt_outs.py).
CACHE_LIFETIME = timedelta(minutes=1)


def add_opt_out(database: Database[Document], user_id: str, now: datetime) -> bool:
    """Opt a user out, unless already done; return whether this call did.

    The id is stored as text, the only type that the functions look up.
    """
    result = database[OPT_OUTS].update_one(
        {"_id": user_id}, {"$setOnInsert": {"timestamp": now}}, upsert=True
    )
    return result.did_upsert


def remove_opt_out(database: Database[Document], user_id: str) -> bool:
    """Opt a user in; return whether the user was opted out."""
    return database[OPT_OUTS].delete_many(of_user(user_id, "_id")).deleted_count > 0


def find_opt_out(database: Database[Document], user_id: str) -> Document | None:
    """Return the opt-out of a user, or None."""
    return database[OPT_OUTS].find_one({"_id": user_id})


def list_opt_outs(database: Database[Document]) -> Cursor[Document]:
    """Return all opt-outs, newest first."""
    return database[OPT_OUTS].find().sort("timestamp", DESCENDING)


def is_recent(opt_out: Document, now: datetime) -> bool:
    """Say whether a function's cache may lack the opt-out, so that events are still stored."""
    return "timestamp" not in opt_out or now - opt_out["timestamp"] <= CACHE_LIFETIME
