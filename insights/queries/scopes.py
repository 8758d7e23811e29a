"""The documents that figures cover."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.queries.filters import Filter, all_of
from insights.queries.periods import Period

# Stages have their oldest names, which every server knows: `$addFields` instead of `$set`.
Stage = dict[str, Any]


@dataclass(frozen=True)
class Scope:
    """The documents of one kind in a period that match a filter."""

    database: Database[Document]
    kind: Kind
    period: Period
    matching: Filter = field(default_factory=dict)

    def during(self, period: Period) -> "Scope":
        """Return the same of another period."""
        return replace(self, period=replace(period, dates_only=self.period.dates_only))

    def condition(self, *conditions: Filter) -> Filter:
        """Return the filter for those documents that meet the conditions, too."""
        return all_of(*conditions, self.period.condition(), self.matching)

    def aggregate(self, pipeline: Sequence[Stage], *conditions: Filter) -> list[Document]:
        """Return the result of a pipeline over the documents, which must be short."""
        return list(self.stream(pipeline, *conditions))

    def stream(
        self, pipeline: Sequence[Stage], *conditions: Filter, batch: int = 0
    ) -> Iterator[Document]:
        """Yield the results of a pipeline over the documents, read in a `batch` of so many."""
        stages = [{"$match": self.condition(*conditions)}, *pipeline]
        options: dict[str, Any] = {"batchSize": batch} if batch else {}
        collection = self.database[self.kind.collection]
        yield from collection.aggregate(stages, allowDiskUse=True, **options)

    def count(self) -> int:
        """Return the number of documents."""
        return self.database[self.kind.collection].count_documents(self.condition())
