"""`insights tail`: its output, and how it waits and ends."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bson.datetime_ms import DatetimeMS
from pymongo import MongoClient
from pymongo.database import Database

from local_project.addresses import free_address
from local_project.mongod import find_mongod
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.functions import Post
from tests.support.insights_cli import Insights
from tests.support.mongod import Mongod, RunMongod
from tests.support.tail import SECONDS_TO_ARRIVE, StartTail, Tail

# Of two changes between two polls, polling sees only the last. It sees no deletions.
polling_lacks = pytest.mark.lacking(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

# About a MongoDB of the test's own.
on_mongodb_only = polling_lacks

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

SECOND = timedelta(seconds=1)
LOST = "insights: MongoDB stopped answering; waiting for it"
RESUMED = "insights: MongoDB is back; resuming where it stopped"


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """Return a stack that ends processes after the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start_tail(insights: Insights, processes: ExitStack) -> StartTail:
    """Return a function that starts `insights tail` and waits until it watches."""

    def start(*arguments: str, insights: Insights = insights, **environment: str) -> Tail:
        process = processes.enter_context(insights.start("tail", *arguments, **environment))
        processes.callback(process.kill)
        return Tail(process)

    return start


def test_prints_arrivals_of_both_kinds(
    start_tail: StartTail, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))
    tail = start_tail()

    empty_database.feedback.insert_one(
        a_feedback(NOON, message_id="m1", comment="Só\nso.", reasons=["wrong", "\x1bodd\n"])
    )
    empty_database.analytics.insert_one(an_event(NOON + SECOND, details={"page": "/x", "n": 1}))
    empty_database.feedback.insert_one(a_feedback(NOON + 2 * SECOND, message_id="m2", rating="1"))
    empty_database.analytics.insert_one(an_event(NOON + 3 * SECOND))

    assert tail.watching == "insights: watching feedback and events (times in UTC, Ctrl-C to stop)"
    assert [tail.next() for _ in range(4)] == [
        '12:00:00 feedback u1 m1 up [wrong, \ufffdodd ] "Só\\nso."',
        '12:00:01 event    u1 page_view {"page": "/x", "n": 1}',
        "12:00:02 feedback u1 m2 1",
        "12:00:03 event    u1 page_view",
    ]


@polling_lacks
async def test_prints_documents_stored_by_the_functions(
    start_tail: StartTail, fresh_database: Database[Document], post: Post
) -> None:
    tail = start_tail()
    feedback = {"message_id": "m1", "user_id": "u1", "rating": "up"}

    await post("feedback", feedback)
    await post("analytics", {"user_id": "u1", "event_type": "page_view", "details": {}})
    await post("feedback", feedback | {"rating": "down", "comment": "No."})

    times, lines = zip(*(tail.next().split(" ", 1) for _ in range(3)), strict=True)
    assert lines == (
        "feedback u1 m1 up",
        "event    u1 page_view",
        'feedback u1 m1 down (updated) "No."',
    )
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", time) for time in times)
    assert fresh_database.feedback.count_documents({}) == 1


@polling_lacks
def test_prints_json_lines(start_tail: StartTail, empty_database: Database[Document]) -> None:
    tail = start_tail("--json")
    feedback, event = a_feedback(NOON, message_id="m1"), an_event(NOON, details={"n": None})

    empty_database.feedback.insert_one(feedback)
    empty_database.feedback.replace_one({"_id": feedback["_id"]}, feedback | {"rating": "no"})
    empty_database.analytics.insert_one(event)

    stored = {"message_id": "m1", "user_id": "u1", "timestamp": "2026-11-01T12:00:00.000Z"}
    assert [json.loads(tail.next()) for _ in range(3)] == [
        {"kind": "feedback", "updated": False, "rating": "up"} | stored,
        {"kind": "feedback", "updated": True, "rating": "no"} | stored,
        {
            "kind": "events",
            "updated": False,
            "_id": str(event["_id"]),
            "user_id": "u1",
            "event_type": "page_view",
            "details": {"n": None},
            "timestamp": "2026-11-01T12:00:00.000Z",
        },
    ]


@pytest.mark.parametrize(
    ("arguments", "watching", "expected"),
    [
        (["--rating", "negative"], "feedback", ["m2", "m3"]),
        (["feedback"], "feedback", ["m1", "m2", "m3"]),
        (["events"], "events", ["click", "view"]),
        (["--user", "u2"], "feedback and events", ["m2", "view"]),
        (["--rating", "2"], "feedback", ["m3"]),
        (["feedback", "--message", "m3"], "feedback", ["m3"]),
        (["--where", "comment~SLOW"], "feedback", ["m2"]),
        (["--where", "reasons=wrong"], "feedback", ["m2"]),
        (["--where", "reasons!=wrong"], "feedback", ["m1", "m3"]),
        (["--event-type", "view"], "events", ["view"]),
        (["--where", "details.n>1", "--where", "timestamp>2026-11-01"], "events", ["view"]),
    ],
)
def test_prints_only_matching_documents(
    start_tail: StartTail,
    empty_database: Database[Document],
    arguments: list[str],
    watching: str,
    expected: list[str],
) -> None:
    tail = start_tail(*arguments, "--json")

    feedback, analytics = empty_database.feedback, empty_database.analytics
    times = [NOON + number * SECOND for number in range(5)]
    analytics.insert_one(an_event(times[0], event_type="click", details={"n": 1}))
    feedback.insert_one(a_feedback(times[1], message_id="m1"))
    slow = {"user_id": "u2", "rating": "bad", "comment": "So slow.", "reasons": ["odd", "wrong"]}
    feedback.insert_one(a_feedback(times[2], message_id="m2", **slow))
    view = {"user_id": "u2", "event_type": "view", "details": {"n": 2}}
    analytics.insert_one(an_event(times[3], **view))
    feedback.insert_one(a_feedback(times[4], message_id="m3", rating="2"))

    assert tail.watching == f"insights: watching {watching} (times in UTC, Ctrl-C to stop)"
    printed = [json.loads(tail.next()) for _ in expected]
    assert [each.get("message_id") or each["event_type"] for each in printed] == expected
    tail.interrupt()
    assert tail.rest() == ([], [])


def test_marks_a_feedback_that_was_updated_in_place(
    start_tail: StartTail, empty_database: Database[Document]
) -> None:
    tail = start_tail()
    feedback = a_feedback(NOON, message_id="m1", comment="Slow.")
    empty_database.feedback.insert_one(feedback)
    first = tail.next()

    later = a_feedback(NOON + SECOND, message_id="m1", comment="Slow.", rating="no")
    empty_database.feedback.update_one(
        {"_id": feedback["_id"]}, [{"$replaceWith": {"$literal": later}}]
    )

    assert first == '12:00:00 feedback u1 m1 up "Slow."'
    assert tail.next() == '12:00:01 feedback u1 m1 no (updated) "Slow."'


def test_polling_is_reported_and_knows_only_feedback_seen_before(
    start_tail: StartTail, empty_database: Database[Document], dialect: Dialect
) -> None:
    polls = dialect is not Dialect.MONGODB
    feedback = a_feedback(NOON, message_id="m1")
    empty_database.feedback.insert_many([feedback, a_feedback(NOON, message_id="old")])
    tail = start_tail("--json")
    empty_database.feedback.insert_one(a_feedback(NOON + SECOND, message_id="m2"))
    first = json.loads(tail.next())
    later = a_feedback(NOON + 2 * SECOND, message_id="m1", rating="down")
    empty_database.feedback.replace_one({"_id": feedback["_id"]}, later)
    second = json.loads(tail.next())
    empty_database.analytics.insert_one(an_event(NOON))
    third = json.loads(tail.next())

    assert ("polling every second" in tail.notice) is polls
    told = [(each.get("message_id"), each["updated"]) for each in (first, second, third)]
    assert told == [("m2", None if polls else False), ("m1", True), (None, False)]


@pytest.mark.lacking(Dialect.MONGODB)
def test_polling_finds_late_arrivals_and_repeats_none(
    start_tail: StartTail, empty_database: Database[Document]
) -> None:
    newest = datetime.now(UTC)
    empty_database.analytics.insert_one(an_event(newest, event_type="old"))
    # Another program's future date must not hide later arrivals.
    empty_database.analytics.insert_one(an_event(newest + timedelta(minutes=9), event_type="odd"))
    empty_database.analytics.insert_one({"timestamp": [newest], "event_type": "no date"})
    tail = start_tail("events", "--json")
    for seconds in (3, -3, -10, 1):
        time = newest + seconds * SECOND
        empty_database.analytics.insert_one(an_event(time, event_type=f"{seconds}"))
        assert json.loads(tail.next())["event_type"] == f"{seconds}"
    tail.interrupt()

    assert tail.rest() == ([], [])


def test_what_has_no_date_is_shown_or_counted(
    start_tail: StartTail, empty_database: Database[Document], dialect: Dialect
) -> None:
    tail = start_tail("feedback")

    empty_database.feedback.insert_many(
        {"user_id": "u1", "message_id": f"m{number}", "rating": "up", "timestamp": value}
        for number, value in enumerate([None, "2024-05-06"])
    )

    if dialect is Dialect.MONGODB:
        assert [tail.next() for _ in range(2)] == [
            "no date  feedback u1 m0 up",
            "no date  feedback u1 m1 up",
        ]
    else:
        # Polling finds what arrives by its date.
        assert tail.next_notice() == "insights: 2 feedback have no date and are left out"


@pytest.mark.parametrize("odd", [DatetimeMS(10**15), [NOON]])
def test_what_has_no_date_that_python_has_is_shown_once(
    start_tail: StartTail, empty_database: Database[Document], odd: object
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON) | {"_id": 1, "timestamp": odd})
    tail = start_tail("feedback", "--json")

    empty_database.feedback.insert_one(a_feedback(NOON) | {"_id": 2, "timestamp": odd})
    empty_database.feedback.insert_one(a_feedback(datetime.now(UTC), message_id="m1"))
    found = [json.loads(tail.next()) for _ in range(2)]
    tail.interrupt()

    assert sorted(each["message_id"] == "m1" for each in found) == [False, True]
    assert tail.rest() == ([], [])


def test_lines_of_a_terminal_end_between_words(
    start_tail: StartTail, empty_database: Database[Document]
) -> None:
    tail = start_tail(COLUMNS="60")
    message = "018f4b2e-7c1a-7b3a-9d57-3a4f5b6c7d8e"

    empty_database.feedback.insert_one(
        a_feedback(NOON, user_id="u" * 24, message_id=message, comment="word " * 60)
    )

    assert [tail.next() for _ in range(6)] == [
        f"12:00:00 feedback {'u' * 24}",
        f'  {message} up "word word word',
        *[f"  {'word ' * 11}".rstrip()] * 3,
        "  word word word …",
    ]


def test_a_line_in_a_pipe_is_whole(
    start_tail: StartTail, empty_database: Database[Document]
) -> None:
    tail = start_tail()

    empty_database.feedback.insert_one(a_feedback(NOON, message_id="m1", comment="x " * 200))

    assert tail.next() == f'12:00:00 feedback u1 m1 up "{"x " * 200}"'


def test_hostile_documents_have_no_effect(
    start_tail: StartTail, empty_database: Database[Document]
) -> None:
    tail = start_tail()
    hostile = "[bold]\x1b[31m\n:smile:"

    empty_database.analytics.insert_one(
        an_event(NOON, user_id=hostile, event_type=hostile, details={hostile: hostile})
    )

    seen = "[bold]\N{REPLACEMENT CHARACTER}[31m :smile:"
    escaped = json.dumps(hostile)
    assert tail.next() == f"12:00:00 event    {seen} {seen} {{{escaped}: {escaped}}}"


def test_ctrl_c_ends_it_quietly(start_tail: StartTail) -> None:
    tail = start_tail()

    assert tail.interrupt() == 130
    assert tail.rest() == ([], [])


def test_a_closed_pipe_ends_it_quietly(
    insights: Insights, processes: ExitStack, empty_database: Database[Document]
) -> None:
    process = processes.enter_context(insights.start("tail"))
    processes.callback(process.kill)
    assert process.stdout
    assert process.stderr
    while "times in UTC" not in process.stderr.readline():
        pass
    process.stdout.close()

    empty_database.analytics.insert_one(an_event(NOON))

    assert process.wait(SECONDS_TO_ARRIVE) == 0
    assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["events", "--rating", "up"], "--rating cannot be used with events"),
        (["--rating", "up", "--event-type", "view"], "--event-type cannot be used with feedback"),
        (["--where", "colour=red"], "unknown field 'colour' of feedback"),
        (["--since", "1d"], "No such option: --since"),
        (["letters"], "'letters' is not one of 'feedback', 'events'"),
    ],
)
def test_wrong_arguments_are_refused(
    insights: Insights, arguments: list[str], message: str
) -> None:
    result = insights("tail", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@on_mongodb_only
@pytest.mark.parametrize("waits", [False, True])
def test_continues_where_it_was_after_a_restart(
    start_tail: StartTail,
    own_mongod: Mongod,
    tmp_path: Path,
    waits: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    with MongoClient[Document](own_mongod.uri, w="majority") as client:
        events = client["up2d8"].analytics
        tail = start_tail(insights=Insights(tmp_path, MONGODB_URI=own_mongod.uri))
        for restart in range(2):
            events.insert_many([an_event(NOON, event_type=f"before-{restart}-{n}") for n in "abc"])
            own_mongod.kill()
            # PyMongo would not report a shorter interruption.
            told = [tail.next_notice()] if waits else []
            own_mongod.start()
            events.insert_many([an_event(NOON, event_type=f"after-{restart}-{n}") for n in "abc"])

            printed = [tail.next().split()[-1] for _ in range(6)]
            assert printed == [
                f"{when}-{restart}-{n}" for when in ("before", "after") for n in "abc"
            ]
            assert [*told, *(tail.next_notice() for _ in range(2 - len(told)))] == [LOST, RESUMED]

    assert tail.interrupt() == 130
    assert tail.rest() == ([], [])


@on_mongodb_only
def test_waits_for_a_hung_mongodb(
    start_tail: StartTail, own_mongod: Mongod, tmp_path: Path
) -> None:
    # PyMongo's default heartbeat takes ten seconds to notice.
    uri = f"{own_mongod.uri}/?heartbeatFrequencyMS=500"
    tail = start_tail(insights=Insights(tmp_path, MONGODB_URI=uri))

    own_mongod.hang()
    told = tail.next_notice()
    own_mongod.resume()
    with MongoClient[Document](own_mongod.uri) as client:
        client["up2d8"].analytics.insert_one(an_event(NOON))

    assert (told, tail.next_notice()) == (LOST, RESUMED)
    assert tail.next() == "12:00:00 event    u1 page_view"


@on_mongodb_only
def test_polls_every_second_without_a_replica_set(tmp_path: Path, start_tail: StartTail) -> None:
    address, folder = free_address(), tmp_path / "mongodb"
    folder.mkdir()
    command = [str(find_mongod()), "--dbpath", str(folder), "--port", str(address.port)]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as standalone,
        MongoClient[Document](f"mongodb://{address}") as client,
    ):
        try:
            client["up2d8"].analytics.insert_one(an_event(NOON, user_id="before"))
            tail = start_tail(insights=Insights(tmp_path, MONGODB_URI=f"mongodb://{address}"))
            client["up2d8"].analytics.insert_one(an_event(NOON))

            assert tail.next() == "12:00:00 event    u1 page_view"
        finally:
            standalone.terminate()

    assert tail.notice == (
        "insights: no change stream on this server (The $changeStream stage is only supported on "
        "replica sets); polling every second instead"
    )


@on_mongodb_only
def test_reports_that_mongodbs_history_is_gone(
    run_mongod: RunMongod, tmp_path: Path, start_tail: StartTail
) -> None:
    address = free_address()
    test_commands = ("--setParameter", "enableTestCommands=1")
    with (
        run_mongod(address, tmp_path / "mongodb", *test_commands),
        MongoClient[Document](f"mongodb://{address}") as client,
    ):
        tail = start_tail(insights=Insights(tmp_path, MONGODB_URI=f"mongodb://{address}"))
        client.admin.command(
            {
                "configureFailPoint": "failCommand",
                "mode": "alwaysOn",
                "data": {"failCommands": ["getMore"], "errorCode": 286},
            }
        )

        assert tail.next_notice() == (
            "insights: MongoDB no longer has the changes made meanwhile: "
            "start again to follow from now on"
        )
        assert tail.process.wait(SECONDS_TO_ARRIVE) == 1
