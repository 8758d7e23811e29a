"""The stream of changes behind `insights tail` and the served dashboard."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import takewhile
from threading import Event, Timer

import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect, OperationFailure

from insights.arrivals import polling
from insights.arrivals.changes import Change, Connection
from insights.arrivals.streams import changes
from insights.kinds import Kind
from insights.queries.filters import Filter
from insights.settings import Settings
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.mongod import Mongod
from tests.support.tail import SECONDS_TO_ARRIVE

# Of two changes between two polls, polling sees only the last. It sees no deletions.
polling_lacks = pytest.mark.lacking(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

SECOND = timedelta(seconds=1)


@pytest.mark.lacking(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)
@pytest.mark.parametrize(
    "error",
    [AutoReconnect("lost"), OperationFailure("Error=16500, RetryAfterMs=8", 16500)],
)
def test_polling_loses_nothing_when_a_poll_fails(
    empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    look, failures, told = polling.Poller.look, list[Exception](), list[Connection]()

    def look_or_fail(poller: polling.Poller) -> list[Change]:
        if poller._kind is Kind.EVENTS and failures:  # noqa: SLF001
            raise failures.pop()
        return look(poller)

    def tell(connection: Connection, _why: str) -> None:
        told.append(connection)
        if connection is Connection.POLLING:
            failures.append(error)
            empty_database.feedback.insert_one(a_feedback(NOON))
            empty_database.analytics.insert_one(an_event(NOON))

    monkeypatch.setattr(polling.Poller, "look", look_or_fail)
    everything: dict[Kind, Filter] = {kind: {} for kind in Kind}
    arriving = polling.poll(empty_database, everything, tell, Event(), "")

    assert [next(arriving).kind for _ in Kind] == [Kind.FEEDBACK, Kind.EVENTS]
    assert told == [Connection.POLLING, Connection.LOST, Connection.RESUMED]


def settings_for(uri: str, database: str) -> Settings:
    """Return settings for a database."""
    return Settings.model_validate({"MONGODB_URI": uri, "MONGODB_DATABASE": database})


def arriving(
    database: Database[Document], uri: str, write: Callable[[], object]
) -> Iterator[Change]:
    """Yield the changes caused by `write`, which runs before the first one is read."""
    settings = settings_for(uri, database.name)

    def tell(_: Connection, _why: str) -> None:
        write()
        database.analytics.insert_one(an_event(NOON + timedelta(hours=1), event_type="the end"))

    stop = Event()
    too_late = Timer(SECONDS_TO_ARRIVE, stop.set)
    too_late.start()
    with closing(changes(settings, {kind: {} for kind in Kind}, tell, stop)) as arrived:
        yield from takewhile(lambda change: change.document.get("event_type") != "the end", arrived)
    too_late.cancel()
    assert not stop.is_set()


def test_a_feedback_that_changed_twice_arrives_once_in_its_last_state(
    empty_database: Database[Document], server_uri: str
) -> None:
    feedback = a_feedback(NOON, message_id="m1")
    empty_database.feedback.insert_one(feedback)

    def write() -> None:
        for seconds, rating in enumerate(["no", "yes"], 1):
            later = {"rating": rating, "timestamp": NOON + seconds * SECOND}
            empty_database.feedback.update_one({}, {"$set": later})

    [change] = arriving(empty_database, server_uri, write)

    assert (change.kind, change.updated) == (Kind.FEEDBACK, True)
    assert change.document == feedback | {"rating": "yes", "timestamp": NOON + 2 * SECOND}


def test_deletions_and_updates_of_deleted_documents_do_not_arrive(
    empty_database: Database[Document], server_uri: str
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    def write() -> None:
        empty_database.feedback.update_one({}, {"$set": {"rating": "no"}})
        empty_database.feedback.delete_one({})

    assert list(arriving(empty_database, server_uri, write)) == []


def test_other_collections_and_documents_do_not_arrive(
    empty_database: Database[Document], server_uri: str
) -> None:
    def write() -> None:
        empty_database.opt_outs.insert_one({"_id": "u1", "timestamp": NOON})
        empty_database.other.insert_one({"rating": "by hand"})

    assert list(arriving(empty_database, server_uri, write)) == []


@polling_lacks
def test_continues_after_the_database_was_dropped(
    empty_database: Database[Document], server_uri: str
) -> None:
    def write() -> None:
        empty_database.analytics.insert_one(an_event(NOON, event_type="before"))
        empty_database.client.drop_database(empty_database.name)
        empty_database.analytics.insert_one(an_event(NOON, event_type="after"))

    arrived = arriving(empty_database, server_uri, write)

    assert [change.document["event_type"] for change in arrived] == ["before", "after"]


def test_ends_when_stopped(empty_database: Database[Document], server_uri: str) -> None:
    settings = settings_for(server_uri, empty_database.name)
    stop = Event()

    assert list(changes(settings, {Kind.EVENTS: {}}, lambda *_: stop.set(), stop)) == []


def test_ends_when_stopped_while_mongodb_is_down(own_mongod: Mongod) -> None:
    stop = Event()
    told = []

    def tell(connection: Connection, _why: str) -> None:
        told.append(connection)
        if connection is Connection.LOST:
            stop.set()
        else:
            own_mongod.kill()

    assert list(changes(settings_for(own_mongod.uri, "up2d8"), {Kind.EVENTS: {}}, tell, stop)) == []
    assert told == [Connection.WATCHING, Connection.LOST]
