"""Filling a database with the demo's documents."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from insights.demo.rhythms import Rhythm
from insights.demo.stories import Story
from insights.demo.users import User
from insights.kinds import Document, Kind

NAME = "up2d8_demo"

BATCH_SIZE = 5_000
DUPLICATE_KEY = 11000


@dataclass
class Filling:
    """The progress of filling a database. `stored` counts only new documents."""

    users: int = 0
    stored: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))


def fill(database: Database[Document], days: int, users: int, now: datetime) -> Iterator[Filling]:
    """Store the documents of so many users in the days before `now`; yield progress.

    Idempotent: documents that are already stored stay as they are. Memory use is constant.
    """
    story, rhythm = Story(days), Rhythm(days, now)
    filling, waiting = Filling(), {kind: list[Document]() for kind in Kind}
    for filling.users in range(1, users + 1):
        for kind, document in User(filling.users, story, rhythm).documents():
            waiting[kind].append(document)
            if len(waiting[kind]) == BATCH_SIZE:
                filling.stored[kind] += insert_new(database[kind.collection], waiting[kind])
                waiting[kind].clear()
        yield filling
    for kind, documents in waiting.items():
        filling.stored[kind] += insert_new(database[kind.collection], documents)
    yield filling


def insert_new(collection: Collection[Document], documents: list[Document]) -> int:
    """Insert the documents whose `_id` is not stored yet; return their number."""
    if not documents:
        return 0
    try:
        return len(collection.insert_many(documents, ordered=False).inserted_ids)
    except BulkWriteError as error:
        if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
            raise
        return int(error.details["nInserted"])
