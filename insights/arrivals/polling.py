"""Polling, for servers without change streams.

New documents are found by `timestamp`, which the functions set. Writes do not arrive in the order
of their timestamps, so each look overlaps the one before, and skips the documents already seen.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReadPreference
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, OperationFailure

from insights.arrivals.changes import Change, Connection, Notify
from insights.kinds import Document, Kind
from insights.queries.filters import Filter
from insights.queries.left_out import LeftOut, Reason, undated
from shared_code.mongodb.retries import may_pass

INTERVAL_SECONDS = 1.0

# A request may take ten seconds, and the instances' clocks differ a little.
OVERLAP = timedelta(seconds=15)

EARLIEST = datetime.min.replace(tzinfo=UTC) + OVERLAP
LATEST = datetime.max.replace(tzinfo=UTC)

IN_ORDER = [("timestamp", ASCENDING), ("_id", ASCENDING)]


class Poller:
    """Finds the arrivals in one collection."""

    def __init__(self, database: Database[Document], kind: Kind, condition: Filter) -> None:
        # A secondary may lag by more than `OVERLAP`.
        fresh = database.with_options(read_preference=ReadPreference.PRIMARY)
        self._collection = fresh[kind.collection]
        self._kind = kind
        self._condition = condition
        self._seen: dict[str, datetime] = {}
        self._start = self._next_start(EARLIEST)
        self._undated = self._count_undated()
        self.look()

    def look(self) -> list[Change]:
        """Return the changes since the last look."""
        next_start = self._next_start(self._start)
        since = {"timestamp": {"$gte": self._start}}
        found = self._collection.find({"$and": [since, self._condition]}).sort(IN_ORDER)
        changes = [self._to_change(each) for each in found if self._is_new(each)]
        for change in changes:
            self._seen[repr(change.document["_id"])] = time_of(change.document)
        self._start = next_start
        self._seen = {key: time for key, time in self._seen.items() if time >= self._start}
        return changes

    def new_without_date(self) -> Iterator[LeftOut]:
        """Yield how many documents arrived that no look finds, because they have no date."""
        before, self._undated = self._undated, self._count_undated()
        if self._undated > before:
            yield LeftOut(self._kind, Reason.NO_DATE, self._undated - before)

    def _count_undated(self) -> int:
        database = self._collection.database
        return sum(each.count for each in undated(database, self._kind, self._condition))

    def _next_start(self, start: datetime) -> datetime:
        """Return the time from which to look next: `OVERLAP` before the newest, at least `start`.

        In an empty collection every arrival is new. Future timestamps, which other programs may
        have stored, are ignored: they would hide all arrivals until then.
        """
        newest = self._collection.find_one(
            {"timestamp": {"$gte": start, "$lte": datetime.now(UTC)}},
            {"timestamp": True},
            sort=[("timestamp", DESCENDING)],
        )
        if newest is None or not isinstance(newest["timestamp"], datetime):
            return start
        return max(start, newest["timestamp"] - OVERLAP)

    def _is_new(self, document: Mapping[str, Any]) -> bool:
        """Say whether this version of a document is unseen."""
        return self._seen.get(repr(document["_id"])) != time_of(document)

    def _to_change(self, document: Document) -> Change:
        """Return a document as a change. An unseen feedback may have replaced another."""
        is_replaced = repr(document["_id"]) in self._seen
        unknown = None if self._kind is Kind.FEEDBACK else False
        return Change(self._kind, document, updated=True if is_replaced else unknown)


def time_of(document: Mapping[str, Any]) -> datetime:
    """Return the timestamp of a document, or the latest time if Python has none for it.

    A look finds a date beyond the year 9999, or an array with a date, every time, so it is
    remembered for good.
    """
    time = document["timestamp"]
    return time if isinstance(time, datetime) else LATEST


def poll(
    database: Database[Document],
    filters: Mapping[Kind, Filter],
    notify: Notify,
    stop: Event,
    reason: str,
) -> Iterator[Change]:
    """Yield each document that arrives from now on and matches its kind's filter.

    Documents that arrive more than `OVERLAP` after their timestamp are missed. `notify` receives
    POLLING with the reason once no arrival can be missed, then LOST and RESUMED in turn.

    Raises:
        PyMongoError: MongoDB refuses to be read.
    """
    pollers = [Poller(database, kind, condition) for kind, condition in filters.items()]
    notify(Connection.POLLING, reason)
    is_lost = False
    while not stop.wait(INTERVAL_SECONDS):
        arrived: list[Change] = []
        try:
            for poller in pollers:
                arrived += poller.look()
                for each in poller.new_without_date():
                    notify(Connection.LEFT_OUT, str(each))
            if is_lost:
                notify(Connection.RESUMED, "")
            is_lost = False
        except (ConnectionFailure, OperationFailure) as error:
            if not may_pass(error):
                raise
            if not is_lost:
                notify(Connection.LOST, "")
            is_lost = True
        # Even if a later look failed, because these are marked as seen.
        yield from sorted(arrived, key=lambda change: time_of(change.document))
