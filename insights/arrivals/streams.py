"""Following what arrives in MongoDB: a change stream that outlives a restart of MongoDB."""

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

from insights.arrivals.changes import Change, Connection, Tell
from insights.arrivals.polling import poll
from insights.errors import Refused
from insights.kinds import Document, Kind
from insights.mongodb.connection import open_database
from insights.mongodb.servers import server_message
from insights.queries.filters import Filter
from insights.settings import Settings

# How long a look for changes may wait for one, and so how long it may take to stop.
AWAIT_MS = 500

# Between two attempts to resume, each of which itself looks for a server for some seconds.
PAUSE_SECONDS = 0.5

HISTORY_LOST = 286
FORGOTTEN = "MongoDB has forgotten what happened meanwhile: start again to follow from now on"

ARRIVALS = ["insert", "replace", "update"]

# An update is reported without its document, which is looked up when the report is read. If it
# changed again by then, the later change reports it, and this one would only repeat it.
LATER_TIME = "$change.updateDescription.updatedFields.timestamp"
NOT_CHANGED_SINCE = {"$expr": {"$eq": ["$timestamp", {"$ifNull": [LATER_TIME, "$timestamp"]}]}}
# Without a time it was deleted by then, or it never came from the functions.
NOT_DELETED_SINCE = {"timestamp": {"$type": "date"}}

Pipeline = list[dict[str, Any]]


def changes(
    settings: Settings, filters: Mapping[Kind, Filter], tell: Tell, stop: Event | None = None
) -> Generator[Change]:
    """Yield each document that arrives from now on, if it is of a kind and matches its filter.

    It has a MongoDB client of its own. It ends soon after `stop` is set, within half a second, or
    some seconds while there is no MongoDB; or when its caller closes it. When MongoDB goes away it
    waits for as long as it takes, and goes on where it was: nothing is missed or comes twice.
    Deletions are not reported. `tell` hears of the connection, in the caller's thread: once
    WATCHING, or POLLING where the server cannot be watched, when nothing can be missed any more;
    then LOST and RESUMED in turn.

    Raises:
        Unreachable: no MongoDB answers at the start.
        Refused: MongoDB does not remember what happened meanwhile.
        PyMongoError: MongoDB refuses to be read.
    """
    watcher = Watcher(tell, stop := stop or Event())
    with open_database(settings, watcher) as database:
        try:
            yield from watcher.watch(database, to_pipeline(filters))
        except OperationFailure as error:
            if error.code == HISTORY_LOST:
                raise Refused(FORGOTTEN) from None
            if watcher.is_watching:
                raise
            yield from poll(database, filters, tell, stop, server_message(error))


def to_pipeline(filters: Mapping[Kind, Filter]) -> Pipeline:
    """Return the pipeline that selects changes by the documents that they lead to.

    The fields of the document come to the top, where its filter looks for them.
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
    """Return the stage that puts a document in place of another, by the name that all know."""
    return {"$replaceRoot": {"newRoot": document}}


class Watcher(CommandListener):
    """Reads a change stream, and notices when the connection is lost and when it is back.

    PyMongo resumes a stream by itself where it finds a server in time, without a word. That is a
    second command that opens it, so the watcher listens to the commands.
    """

    def __init__(self, tell: Tell, stop: Event) -> None:
        self._tell = tell
        self._stop = stop
        self.is_watching = False
        self._opened = 0
        self._lost = False

    def watch(self, database: Database[Document], pipeline: Pipeline) -> Iterator[Change]:
        """Yield the changes. A stream ends with its database, and the next goes on behind that."""
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
                    self._tell(Connection.WATCHING, "")
                yield from self._read(stream)
                token = stream.resume_token

    def _read(self, stream: ChangeStream[Document]) -> Iterator[Change]:
        opened = self._opened
        while stream.alive and not self._stop.is_set():
            try:
                change = stream.try_next()
            except ConnectionFailure:
                # The next look resumes the stream.
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
            self._tell(Connection.LOST, "")

    def _note_resumed(self) -> None:
        self._note_lost()
        self._lost = False
        self._tell(Connection.RESUMED, "")

    def started(self, event: CommandStartedEvent) -> None:
        """Nothing is to be done."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Count the commands that open a stream."""
        self._opened += event.command_name == "aggregate"

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing is to be done: what fails raises an exception, or is repeated."""


def to_change(change: Mapping[str, Any]) -> Change:
    """Return what a change event of MongoDB says."""
    [kind] = [each for each in Kind if each.collection == change["ns"]["coll"]]
    return Change(kind, change["fullDocument"], updated=change["operationType"] != "insert")
