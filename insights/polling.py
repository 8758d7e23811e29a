"""Following what arrives where the server has no change streams: asking for it every second.

New documents are found by `timestamp`, which the functions set. Writes do not arrive in the order
of their timestamps, so each look goes back a little behind the newest one, and passes over what it
has seen already.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import ConnectionFailure

from insights.changes import Change, Connection, Tell
from insights.database import Document, Kind
from insights.filters import Filter

INTERVAL_SECONDS = 1.0

# A request may take ten seconds, and the clocks of instances differ a little.
OVERLAP = timedelta(seconds=15)

# A later timestamp is a mistake of somebody else's, behind which nothing would be new.
TOLERANCE = timedelta(hours=1)

EARLIEST = datetime.min.replace(tzinfo=UTC) + OVERLAP

IN_ORDER = [("timestamp", ASCENDING), ("_id", ASCENDING)]


class Poller:
    """Looks again and again for what arrived in one collection."""

    def __init__(self, database: Database[Document], kind: Kind, condition: Filter) -> None:
        self._collection = database[kind.collection]
        self._kind = kind
        self._condition = condition
        self._seen: dict[str, datetime] = {}
        self._start = self._next_start(EARLIEST)
        self.look()

    def look(self) -> list[Change]:
        """Return what arrived since the last look."""
        next_start = self._next_start(self._start)
        since = {"timestamp": {"$gte": self._start}}
        found = self._collection.find({"$and": [since, self._condition]}).sort(IN_ORDER)
        changes = [self._to_change(each) for each in found if self._is_new(each)]
        for change in changes:
            self._seen[repr(change.document["_id"])] = change.document["timestamp"]
        self._start = next_start
        self._seen = {key: time for key, time in self._seen.items() if time >= self._start}
        return changes

    def _next_start(self, start: datetime) -> datetime:
        """Return from which time on to look, so that nothing late is missed: never before `start`.

        Where nothing is stored yet, whatever arrives is new.
        """
        newest = self._collection.find_one(
            {"timestamp": {"$gte": start, "$lte": datetime.now(UTC) + TOLERANCE}},
            {"timestamp": True},
            sort=[("timestamp", DESCENDING)],
        )
        return max(start, newest["timestamp"] - OVERLAP) if newest else start

    def _is_new(self, document: Mapping[str, Any]) -> bool:
        return bool(self._seen.get(repr(document["_id"])) != document["timestamp"])

    def _to_change(self, document: Document) -> Change:
        """Return a document as a change; whether it replaced one that was not seen is not known."""
        is_replaced = repr(document["_id"]) in self._seen
        unknown = None if self._kind is Kind.FEEDBACK else False
        return Change(self._kind, document, updated=True if is_replaced else unknown)


def poll(
    database: Database[Document], filters: Mapping[Kind, Filter], tell: Tell, stop: Event, why: str
) -> Iterator[Change]:
    """Yield each document that arrives from now on, if it is of a kind and matches its filter.

    What arrives later than its timestamp by more than `OVERLAP` is missed. `tell` hears why it
    polls, once nothing else can be missed, and then whether the connection is lost and resumed.

    Raises:
        PyMongoError: MongoDB refuses to be read.
    """
    pollers = [Poller(database, kind, condition) for kind, condition in filters.items()]
    tell(Connection.POLLING, why)
    is_lost = False
    while not stop.wait(INTERVAL_SECONDS):
        try:
            arrived = [change for poller in pollers for change in poller.look()]
            arrived.sort(key=lambda change: change.document["timestamp"])
        except ConnectionFailure:
            if not is_lost:
                tell(Connection.LOST, "")
            is_lost = True
            continue
        if is_lost:
            tell(Connection.RESUMED, "")
        is_lost = False
        yield from arrived
