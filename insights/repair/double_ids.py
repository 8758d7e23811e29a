"""Feedback with several `_id` fields.

An earlier release wrote such documents on Azure DocumentDB: each replacement added an identical
`_id`. PyMongo decodes them as if there were one, and MongoDB refuses to copy them.
"""

from collections.abc import Iterator
from typing import Any

import bson
from bson import CodecOptions
from bson.raw_bson import RawBSONDocument

from insights.repair.findings import Check, Tally
from insights.repair.raw_documents import RAW, batches, unchanged


class Fields(dict[str, Any]):
    """A decoded document that remembers every `_id`; a plain dict keeps only the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[Any] = []

    def __setitem__(self, name: str, value: Any) -> None:  # noqa: ANN401 (any BSON)
        """Add a field, in the order of the BSON."""
        if name == "_id":
            self.ids.append(value)
        super().__setitem__(name, value)


COUNTING: CodecOptions[Fields] = RAW.with_options(document_class=Fields)


class DoubleIds(Check):
    """Feedback with several `_id` fields."""

    # Only an `_id` that repeats another is dropped.
    keeps_originals = False

    def find(self) -> Iterator[Tally]:
        """Read all documents whole: a projection may hide the second `_id`."""
        tally = Tally()
        yield tally
        for batch in batches(self.documents.find()):
            for document in batch:
                judge(document, tally)
            yield tally

    def repair(self) -> Iterator[Tally]:
        """Replace each document by itself with one `_id`."""
        tally = Tally()
        yield tally
        for batch in batches(self.documents.find()):
            for document in batch:
                if judge(document, tally):
                    self.replace(document, tally)
            yield tally

    def replace(self, document: RawBSONDocument, tally: Tally) -> None:
        """Replace a document that still is as read, and read it again to be sure."""
        is_unchanged = self.documents.replace_one(unchanged(document), dict(document)).matched_count
        if not is_unchanged:
            tally.changed += 1
        elif self.has_one_id(document):
            tally.repaired += 1
        else:
            tally.reasons["still several after the repair"] += 1

    def has_one_id(self, document: RawBSONDocument) -> bool:
        """Read a document again; return whether it has one `_id` now, or is gone."""
        stored = self.documents.find_one({"_id": {"$eq": document["_id"]}})
        return stored is None or len(ids_of(stored)) == 1


def judge(document: RawBSONDocument, tally: Tally) -> bool:
    """Count a document with several `_id` fields; return whether it can be repaired."""
    ids = ids_of(document)
    if len(ids) == 1:
        return False
    tally.found += 1
    are_same = len({bson.encode({"_id": each}, codec_options=COUNTING) for each in ids}) == 1
    if not are_same:
        tally.reasons["different _ids"] += 1
    return are_same


def ids_of(document: RawBSONDocument) -> list[Any]:
    """Return all `_id`s at the top level of a document."""
    return bson.decode(document.raw, COUNTING).ids
