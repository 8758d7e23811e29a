"""A field with a wrong value, and the update that sets the right one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import Decimal128
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne

from insights.queries.filters import Filter
from insights.repair.findings import CannotRepair, Check, Tally
from insights.repair.originals import keep
from insights.repair.raw_documents import batches, in_key_order
from insights.repair.writes import write

RightValue = Callable[[RawBSONDocument], Any]
"""Returns the right value for a document, or raises `CannotRepair`."""


@dataclass(frozen=True)
class FieldCheck(Check):
    """Documents with a wrong value in `field`, which `condition` selects on the server."""

    field: str
    condition: Filter
    right_value: RightValue

    def find(self) -> Iterator[Tally]:
        """Count the documents. Only `_id` and the field are read."""
        tally = Tally()
        yield tally
        for batch in batches(self.documents.find(self.condition, {self.field: True})):
            self.judge(batch, tally)
            yield tally

    def repair(self) -> Iterator[Tally]:
        """Keep the originals of a batch, then set each field that still is as read."""
        tally = Tally()
        yield tally
        for batch in batches(self.documents.find(self.condition)):
            repairable = self.judge(in_key_order(batch), tally)
            keep(self.database, self.collection, [document for document, _ in repairable])
            repaired = self.update(repairable)
            tally.repaired += repaired
            tally.changed += len(repairable) - repaired
            yield tally

    def judge(
        self, batch: list[RawBSONDocument], tally: Tally
    ) -> list[tuple[RawBSONDocument, Any]]:
        """Count a batch; return the documents that can be repaired, with their right values."""
        repairable = []
        for document in batch:
            tally.found += 1
            try:
                repairable.append((document, self.right_value(document)))
            except CannotRepair as reason:
                tally.reasons[str(reason)] += 1
        return repairable

    def update(self, repairable: list[tuple[RawBSONDocument, Any]]) -> int:
        """Set the right values; return the number of updated documents."""
        if not repairable:
            return 0
        updates = [
            UpdateOne(self.as_read(document), {"$set": {self.field: value}})
            for document, value in repairable
        ]
        return write(self.documents, updates).matched_count

    def as_read(self, document: RawBSONDocument) -> Filter:
        """Return a filter that matches a document only while the field has the value read."""
        return {"_id": {"$eq": document["_id"]}, self.field: {"$eq": document.get(self.field)}}


def type_name(document: RawBSONDocument, field: str) -> str:  # noqa: PLR0911 (a table)
    """Return the type of a field's value in a word, or `missing`."""
    match document.get(field):
        case None:
            return "null" if field in document else "missing"
        case bool():
            return "boolean"
        case int() | float() | Decimal128():
            return "number"
        case list():
            return "array"
        case Mapping():
            return "object"
        case datetime():
            return "date"
        case DatetimeMS():
            return "date out of range"
        case _:
            return "other type"
