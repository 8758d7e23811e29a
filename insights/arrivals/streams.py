"""A change stream that outlives a restart of MongoDB, or else polling."""

from collections.abc import Generator, Iterator, Mapping
from threading import Event
from typing import Any

from pymongo.change_stream import ChangeStream
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, OperationFailure
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from insights.arrivals.changes import Change, Connection, Notify
from insights.arrivals.polling import poll
from insights.errors import Refused
from insights.kinds import Document, Kind
from insights.mongodb.connection import open_database
from insights.mongodb.servers import server_message
from insights.queries.filters import Filter
from insights.settings import Settings

# The longest wait for a change, and so the delay of a stop.
AWAIT_MS = 500

# The pause between attempts to resume. Each also spends some seconds on server selection.
PAUSE_SECONDS = 0.5

HISTORY_LOST = 286
FORGOTTEN = "MongoDB no longer has the changes made meanwhile: start again to follow from now on"

ARRIVALS = ["insert", "replace", "update"]

# The document of an update is looked up when its change is read. If it changed again by then, the
# later change reports it, and this one would repeat it.
LATER_TIME = "$change.updateDescription.updatedFields.timestamp"
NOT_CHANGED_SINCE = {"$expr": {"$eq": ["$timestamp", {"$ifNull": [LATER_TIME, "$timestamp"]}]}}
NOT_DELETED_SINCE = {"change.fullDocument._id": {"$exists": True}}

Pipeline = list[dict[str, Any]]


def changes(
    settings: Settings, filters: Mapping[Kind, Filter], notify: Notify, stop: Event | None = None
) -> Generator[Change]:
    """Yield each document that arrives from now on and matches its kind's filter.

    It opens a MongoDB client of its own, and ends when its caller closes it, or within half a
    second of `stop` (some seconds while MongoDB is down). After an outage, however long, the stream
    resumes: nothing is missed or repeated. Deletions are not reported.

    `notify` runs in the caller's thread. It receives WATCHING, or POLLING for a server without
    change streams, as soon as no arrival can be missed, then LOST and RESUMED in turn.

    Raises:
        Unreachable: no MongoDB answers at the start.
        Refused: the oplog no longer reaches back to the last change.
        PyMongoError: MongoDB refuses to be read.
    """
    watcher = Watcher(notify, stop := stop or Event())
    with open_database(settings, watcher) as database:
        try:
            yield from watcher.watch(database, to_pipeline(filters))
        except OperationFailure as error:
            if error.code == HISTORY_LOST:
                raise Refused(FORGOTTEN) from None
            if watcher.is_watching:
                raise
            yield from poll(database, filters, notify, stop, server_message(error))


def to_pipeline(filters: Mapping[Kind, Filter]) -> Pipeline:
    """Return the pipeline that selects changes by their documents.

    It lifts the document's fields to the top level, for the filters.
    """
    selected = [
        {"$and": [{"change.ns.coll": kind.collection}, condition]}
        for kind, condition in filters.items()
    ]
    collections = [kind.collection for kind in filters]
    return [
        {"$match": {"operationType": {"$in": ARRIVALS}, "ns.coll": {"$in": collections}}},
        replace_with({"$mergeObjects": ["$fullDocument", {"_id": "$_id", "change": "$$ROOT"}]}),
        {"$match": {"$or": selected} | NOT_CHANGED_SINCE | NOT_DELETED_SINCE},
        replace_with("$change"),
    ]


def replace_with(document: object) -> dict[str, Any]:
    """Return the stage `$replaceRoot`, which more servers know than `$replaceWith`."""
    return {"$replaceRoot": {"newRoot": document}}


class Watcher(CommandListener):
    """Reads a change stream, and notices lost and resumed connections.

    PyMongo resumes a stream silently if it finds a server in time. That sends the command which
    opens the stream again, so the watcher monitors commands.
    """

    def __init__(self, notify: Notify, stop: Event) -> None:
        self._notify = notify
        self._stop = stop
        self.is_watching = False
        self._opened = 0
        self._lost = False

    def watch(self, database: Database[Document], pipeline: Pipeline) -> Iterator[Change]:
        """Yield the changes. A dropped database ends a stream; the next one starts after it."""
        token: Mapping[str, Any] | None = None
        while not self._stop.is_set():
            with database.watch(
                pipeline,
                full_document="updateLookup",
                max_await_time_ms=AWAIT_MS,
                start_after=token,
            ) as stream:
                if token is None:
                    self.is_watching = True
                    self._notify(Connection.WATCHING, "")
                yield from self._read(stream)
                token = stream.resume_token

    def _read(self, stream: ChangeStream[Document]) -> Iterator[Change]:
        opened = self._opened
        while stream.alive and not self._stop.is_set():
            try:
                change = stream.try_next()
            except ConnectionFailure:
                # The next `try_next` resumes the stream.
                self._note_lost()
                self._stop.wait(PAUSE_SECONDS)
                continue
            if self._opened != opened:
                opened = self._opened
                self._note_resumed()
            if change:
                yield to_change(change)

    def _note_lost(self) -> None:
        if not self._lost:
            self._lost = True
            self._notify(Connection.LOST, "")

    def _note_resumed(self) -> None:
        self._note_lost()
        self._lost = False
        self._notify(Connection.RESUMED, "")

    def started(self, event: CommandStartedEvent) -> None:
        """Do nothing."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Count the commands that open a stream."""
        self._opened += event.command_name == "aggregate"

    def failed(self, event: CommandFailedEvent) -> None:
        """Do nothing: failures raise exceptions or are retried."""


def to_change(change: Mapping[str, Any]) -> Change:
    """Convert a change event of MongoDB."""
    [kind] = [each for each in Kind if each.collection == change["ns"]["coll"]]
    return Change(kind, change["fullDocument"], updated=change["operationType"] != "insert")
