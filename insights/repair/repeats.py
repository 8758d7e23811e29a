"""Feedback that is stored several times for one user and message.

The functions store one, under the `_id` `{"user_id": …, "message_id": …}`. An earlier backend
stored each rating as a new document under an ObjectId.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne
from pymongo.cursor import Cursor
from pymongo.errors import DuplicateKeyError

from insights.kinds import Document
from insights.queries.filters import Filter
from insights.repair.findings import Check, Tally
from insights.repair.originals import keep
from insights.repair.raw_documents import BATCH_SIZE, batches, in_key_order, key_order, unchanged
from insights.repair.writes import write

TOLERANCE = timedelta(days=1)
NO_DATE = datetime.min.replace(tzinfo=UTC)

# `$type` also looks into arrays.
A_TEXT = {"$type": "string", "$not": {"$type": "array"}}

REPEATED: list[dict[str, Any]] = [
    {"$match": {"user_id": A_TEXT, "message_id": A_TEXT}},
    {
        "$group": {
            "_id": {"user_id": "$user_id", "message_id": "$message_id"},
            "count": {"$sum": 1},
        }
    },
    {"$match": {"count": {"$gt": 1}}},
]


class Repeats(Check):
    """Feedback beyond the first for a user and message."""

    def find(self) -> Iterator[Tally]:
        """Count the surplus documents."""
        tally = Tally()
        yield tally
        for _, count in self.pairs():
            tally.found += count - 1
            yield tally

    def repair(self) -> Iterator[Tally]:
        """Leave one document per user and message, the newest, and move the others."""
        tally = Tally()
        yield tally
        for key, count in self.pairs():
            surplus = count - 1
            removed = self.merge(key)
            tally.found += surplus
            tally.repaired += min(removed, surplus)
            tally.changed += max(surplus - removed, 0)
            yield tally

    def pairs(self) -> Iterator[tuple[Document, int]]:
        """Return the `_id` that the functions use for each repeated feedback, and its count."""
        found = self.documents.aggregate(REPEATED, allowDiskUse=True, batchSize=BATCH_SIZE)
        for group in found:
            ids = group["_id"]
            # The order is part of an `_id`.
            yield {"user_id": ids["user_id"], "message_id": ids["message_id"]}, group["count"]

    def merge(self, key: Document) -> int:
        """Merge the documents of a user and message; return the number removed.

        The originals are kept first, then the newest is written under `key`, then the others are
        deleted. At every moment each document is in one of the two collections.
        """
        newest = newest_of(self.others(key))
        if newest is None:
            return 0
        current = self.documents.find_one({"_id": {"$eq": key}})
        if current is None:
            return self.remove_others(key, newest) - 1 if self.insert(key, newest) else 0
        if date_of(current) >= date_of(newest):
            return self.remove_others(key, current)
        return self.remove_others(key, newest) if self.replace(current, newest) else 0

    def others(self, key: Document) -> Cursor[RawBSONDocument]:
        """Return the documents under other `_id`s."""
        condition: Filter = {field: {"$eq": value} | A_TEXT for field, value in key.items()}
        condition["_id"] = {"$ne": key}
        return self.documents.find(condition)

    def insert(self, key: Document, newest: RawBSONDocument) -> bool:
        """Insert the newest document under `key`, unless one is there now; return whether."""
        keep(self.database, self.collection, [newest])
        try:
            self.database[self.collection].insert_one(under(key, newest))
        except DuplicateKeyError:
            return False
        return True

    def replace(self, current: RawBSONDocument, newest: RawBSONDocument) -> bool:
        """Replace the document under the right `_id`, if it still is as read; return whether."""
        keep(self.database, self.collection, [current, newest])
        document = under(current["_id"], newest)
        return self.documents.replace_one(unchanged(current), document).matched_count == 1

    def remove_others(self, key: Document, newest: RawBSONDocument) -> int:
        """Delete the documents under other `_id`s, except newer ones; return their number."""
        removed = 0
        for batch in batches(self.others(key)):
            older = in_key_order(each for each in batch if date_of(each) <= date_of(newest))
            keep(self.database, self.collection, older)
            removed += self.delete(older)
        return removed

    def delete(self, documents: list[RawBSONDocument]) -> int:
        """Delete the documents that still are as read; return their number."""
        if not documents:
            return 0
        operations = [DeleteOne(unchanged(document)) for document in documents]
        return write(self.documents, operations).deleted_count


def newest_of(documents: Iterable[RawBSONDocument]) -> RawBSONDocument | None:
    """Return the newest document; the last `_id` wins among equals."""
    return max(documents, key=lambda each: (date_of(each), key_order(each)), default=None)


def date_of(document: RawBSONDocument) -> datetime:
    """Return the timestamp. A document with no date or a future one counts as the oldest.

    Otherwise a mistaken future date would discard all newer feedback until then.
    """
    timestamp = document.get("timestamp")
    if isinstance(timestamp, datetime) and timestamp <= datetime.now(UTC) + TOLERANCE:
        return timestamp
    return NO_DATE


def under(key: object, document: RawBSONDocument) -> Document:
    """Return a document with another `_id`, its other fields as stored."""
    return {"_id": key} | {name: value for name, value in document.items() if name != "_id"}
