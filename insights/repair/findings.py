"""The base of all checks, and the counts of their findings."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.repair.raw_documents import raw_collection


class CannotRepair(Exception):
    """A document cannot be repaired. The text is the reason to count, such as `null`."""


@dataclass
class Tally:
    """The counts of one check.

    `reasons` counts findings that cannot be repaired. `changed` counts those that another writer
    changed between the read and the repair; they are left for the next run.
    """

    found: int = 0
    repaired: int = 0
    changed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def repairable(self) -> int:
        """The number of findings that can be repaired."""
        return self.found - self.reasons.total()


@dataclass(frozen=True)
class Check(ABC):
    """One kind of damage in one collection.

    `name` is its key in JSON, `title` its name in tables. Both methods yield the same tally
    repeatedly as it grows, at least once.
    """

    database: Database[Document]
    kind: Kind
    name: str
    title: str

    # Whether the repair stores originals in `repaired`.
    keeps_originals: ClassVar[bool] = True

    @property
    def collection(self) -> str:
        """The name of the collection."""
        return self.kind.collection

    @property
    def documents(self) -> Collection[RawBSONDocument]:
        """The collection, in raw BSON."""
        return raw_collection(self.database, self.collection)

    @abstractmethod
    def find(self) -> Iterator[Tally]:
        """Count the findings. Nothing is changed."""

    @abstractmethod
    def repair(self) -> Iterator[Tally]:
        """Find again, and repair. An interrupted repair can be run again."""
