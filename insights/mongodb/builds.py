"""The progress of an index build, as the server tells it."""

from collections.abc import Mapping
from typing import Any

from pymongo.database import Database

from insights.kinds import Document
from insights.wording import show_percentage

# MongoDB's two long phases, which count the documents and then the keys.
PHASES = {"scanning collection": "read", "inserting keys": "written"}

# The fields of MongoDB, and of Azure DocumentDB.
COUNTERS = (("done", "total"), ("blocks_done", "blocks_total"))


def build_progress(database: Database[Document], collection: str) -> str:
    """Return how far the index build on a collection is: `42 % read`.

    Empty if the server does not say.

    Raises:
        PyMongoError: the server refuses to list the operations of all users.
    """
    building = {
        "command.createIndexes": collection,
        "command.$db": database.name,
        "progress": {"$exists": True},
    }
    stages: list[Document] = [{"$currentOp": {"allUsers": True}}, {"$match": building}]
    return next(map(show_progress, database.client.admin.aggregate(stages)), "")


def show_progress(operation: Mapping[str, Any]) -> str:
    """Return the share of an operation that is done, and of which phase, if they are known."""
    message, share = str(operation.get("msg")), show_share(operation.get("progress"))
    phase = next((done for phase, done in PHASES.items() if phase in message), "")
    return f"{share} {phase}".strip() if share else ""


def show_share(progress: object) -> str:
    """Return `42 %`, or nothing if the counters are not known."""
    counts = progress if isinstance(progress, Mapping) else {}
    for done, total in COUNTERS:
        if counts.get(total):
            return show_percentage(counts.get(done, 0) / counts[total])
    return ""
