"""`insights demo`: its data, its database, and its safety."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from insights.commands.demo import invitation, print_commands
from insights.demo.rhythms import Rhythm
from insights.demo.stories import Story
from insights.demo.users import Entry, User
from insights.kinds import Kind
from insights.settings import Settings
from local_project.addresses import free_address
from shared_code.models import Event, Feedback
from tests.support.documents import Document, a_feedback
from tests.support.insights_cli import Insights
from tests.support.project import ROOT

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
DAYS = 30
SMALL = ("--days", "7", "--users", "20")
WAIT_SECONDS = 30


@pytest.fixture
def demo_database(mongodb_uri: str) -> Iterator[Database[Document]]:
    """Return the demo's own database, absent before and after the test."""
    with MongoClient[Document](mongodb_uri, tz_aware=True) as client:
        client.drop_database("up2d8_demo")
        yield client["up2d8_demo"]
        client.drop_database("up2d8_demo")


@pytest.fixture(scope="module")
def story(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insights]:
    """Return a runner of the tool on a demo of 60 days, made by the command."""
    insights = Insights(
        tmp_path_factory.mktemp("story"), MONGODB_URI=mongodb_uri, MONGODB_DATABASE="test_story"
    )
    assert insights("demo", "--here", "--users", "250").exit_code == 0
    assert insights("setup").exit_code == 0
    yield insights
    with MongoClient[Document](mongodb_uri) as client:
        client.drop_database("test_story")


def entries(number: int, now: datetime = NOW) -> list[Entry]:
    """Return the documents of one user."""
    return list(User(number, Story(DAYS), Rhythm(DAYS, now)).documents())


def counts(database: Database[Document]) -> tuple[int, int]:
    """Return the numbers of stored feedbacks and events."""
    return database.feedback.count_documents({}), database.analytics.count_documents({})


def summary(insights: Insights, since: str, until: str = "0s") -> Any:
    """Return the figures of a period."""
    [found] = insights("summary", "--since", since, "--until", until, "--json").lines
    return found


def test_fills_its_own_database(insights: Insights, demo_database: Database[Document]) -> None:
    result = insights("demo", *SMALL)

    feedback, events = counts(demo_database)
    assert result.exit_code == 0
    assert feedback > 5
    assert events > 50
    assert result.stdout.startswith(
        f"Stored {feedback} feedback and {events} events of 20 users in up2d8_demo.\n"
    )


def test_leaves_the_configured_database_alone(
    insights: Insights, empty_database: Database[Document], demo_database: Database[Document]
) -> None:
    stored = a_feedback(NOW)
    empty_database.feedback.insert_one(stored)

    insights("demo", *SMALL)

    assert counts(demo_database) != (0, 0)
    assert empty_database.list_collection_names() == ["feedback"]
    assert list(empty_database.feedback.find()) == [stored]


def test_drops_its_own_database_first(
    insights: Insights, demo_database: Database[Document]
) -> None:
    demo_database.feedback.insert_one(a_feedback(NOW, user_id="somebody else"))

    insights("demo", *SMALL)

    assert demo_database.feedback.count_documents({"user_id": "somebody else"}) == 0
    assert demo_database.feedback.count_documents({}) > 0


def test_refuses_to_drop_the_configured_database(
    insights: Insights, demo_database: Database[Document]
) -> None:
    demo_database.feedback.insert_one(a_feedback(NOW))

    result = insights("demo", *SMALL, MONGODB_DATABASE="up2d8_demo")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "insights: MONGODB_DATABASE is up2d8_demo, which demo would drop: unset it first\n"
    )
    assert counts(demo_database) == (1, 0)


def test_creates_the_indexes_but_none_that_deletes(
    insights: Insights, demo_database: Database[Document]
) -> None:
    insights("demo", *SMALL, FEEDBACK_RETENTION_DAYS="1", ANALYTICS_RETENTION_DAYS="1")

    for collection in (demo_database.feedback, demo_database.analytics):
        indexes = collection.index_information()
        assert "insights_by_time" in indexes
        assert not any("expireAfterSeconds" in index for index in indexes.values())


def test_prints_working_commands(
    insights: Insights, demo_database: Database[Document], tmp_path: Path
) -> None:
    # Enough users for each command to find something.
    result = insights("demo", "--users", "100")

    # As in another terminal, without settings.
    commands = [line.strip() for line in result.stdout.splitlines() if line.startswith("  MONGODB")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    assert len(commands) >= 5
    assert counts(demo_database) != (0, 0)
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command], check=False, cwd=tmp_path, env=environment, timeout=60
        )
        assert done.returncode == 0, command


def test_prints_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    printed = invitation("mongodb://me:secret@db.example/", served=True, started=False)

    assert printed == "Try in another terminal with the same MONGODB_URI, while this runs:"
    settings = Settings.model_validate({"MONGODB_URI": "mongodb://me:secret@db.example/"})
    print_commands(settings)
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("  MONGODB_DATABASE=up2d8 /") for line in lines)
    assert "secret" not in "".join(lines)


def test_repeats_the_same_story() -> None:
    assert entries(1) == entries(1)
    assert entries(1) != entries(2)


def test_at_another_time_only_the_timestamps_shift() -> None:
    def without_time(entry: Entry) -> Entry:
        kind, document = entry
        return kind, {**document, "timestamp": None}

    earlier, later = entries(1), entries(1, NOW + timedelta(days=2, hours=5))

    assert [without_time(entry) for entry in earlier] == [without_time(entry) for entry in later]
    assert all(
        before["timestamp"] < after["timestamp"]
        for (_, before), (_, after) in zip(earlier, later, strict=True)
    )


def test_ends_now_and_begins_the_given_days_earlier() -> None:
    times = [document["timestamp"] for number in range(200) for _, document in entries(number)]

    assert NOW - timedelta(days=DAYS) <= min(times) < NOW - timedelta(days=DAYS - 1)
    assert NOW - timedelta(hours=4) < max(times) < NOW


def test_makes_the_same_documents_as_the_functions() -> None:
    for kind, document in entries(1):
        fields = {name: value for name, value in document.items() if name != "timestamp"}
        identity = fields.pop("_id")
        if kind is Kind.FEEDBACK:
            model: Feedback | Event = Feedback.model_validate(fields)
        else:
            model = Event.model_validate(fields | {"event_id": identity.as_uuid()})
        assert model.to_document(document["timestamp"]) == document


def test_events_of_a_visit_are_in_order() -> None:
    visits: list[list[datetime]] = []
    for kind, document in entries(3):
        if kind is Kind.EVENTS and document["event_type"] == "page_view":
            visits.append([])
        if visits:
            visits[-1].append(document["timestamp"])

    assert len(visits) > 3
    assert all(visit == sorted(visit) for visit in visits)


def test_a_second_run_here_is_harmless(
    insights: Insights, empty_database: Database[Document]
) -> None:
    first = insights("demo", *SMALL, "--here")
    stored = counts(empty_database)
    again = insights("demo", *SMALL, "--here", "--yes")

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert counts(empty_database) == stored != (0, 0)
    assert f"Stored 0 feedback and 0 events of 20 users in {empty_database.name}." in again.stdout


def test_keeps_existing_documents_here(
    insights: Insights, empty_database: Database[Document]
) -> None:
    stored = a_feedback(NOW, message_id="mine")
    empty_database.feedback.insert_one(stored)
    empty_database.feedback.create_index("comment", name="mine")

    insights("demo", *SMALL, "--here", "--yes")

    assert empty_database.feedback.find_one({"message_id": "mine"}) == stored
    assert set(empty_database.feedback.index_information()) == {"_id_", "mine"}


@pytest.mark.parametrize(("answer", "exit_code"), [("n\n", 1), ("", 2)])
def test_asks_before_adding_to_existing_documents(
    insights: Insights, empty_database: Database[Document], answer: str, exit_code: int
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOW))

    result = insights("demo", *SMALL, "--here", answer=answer)

    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert "holds 1 feedback and 0 events. Add the demo data?" in result.stderr
    assert counts(empty_database) == (1, 0)


def test_adds_to_existing_documents_after_a_yes(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOW))

    assert insights("demo", *SMALL, "--here", answer="y\n").exit_code == 0
    assert counts(empty_database) > (1, 0)


def test_a_larger_demo_adds_only_the_new_users(
    insights: Insights, empty_database: Database[Document]
) -> None:
    insights("demo", *SMALL, "--here")
    first = list(empty_database.analytics.find().sort("_id"))
    insights("demo", "--days", "7", "--users", "30", "--here", "--yes")

    of_first = {"user_id": {"$lte": "user-0020"}}
    assert list(empty_database.analytics.find(of_first).sort("_id")) == first
    assert len(empty_database.analytics.distinct("user_id")) == 30


def test_answers_improve_in_the_end(story: Insights) -> None:
    first, last = summary(story, "60d", "53d"), summary(story, "7d")

    assert last["feedback"]["share_positive"] > first["feedback"]["share_positive"] + 0.08
    assert last["feedback"]["share_change_percentage_points"] > 0
    assert summary(story, "14d")["feedback"]["verdict"] == "better"


def test_there_is_one_bad_week(story: Insights) -> None:
    before, bad, after = (
        summary(story, since, until)["feedback"]["share_positive"]
        for since, until in (("28d", "21d"), ("21d", "14d"), ("14d", "7d"))
    )

    assert bad < before - 0.1
    assert bad < after - 0.1
    whole = summary(story, "30d")["feedback"]
    assert whole["verdict"] == "no clear change"
    assert whole["curve"]["is_clear"]


def test_errors_and_repetitions_come_before_negative_ratings(story: Insights) -> None:
    [found] = story("journey", "--before-rating", "negative", "--since", "60d", "--json").lines

    lifts = {each["steps"][0]: each["lift"] for each in found["last"]}
    assert lifts["error_shown"] > 2
    assert lifts["answer_regenerated"] > 2


@pytest.mark.usefixtures("story")
def test_slow_answers_are_rated_worse(mongodb_uri: str) -> None:
    with MongoClient[Document](mongodb_uri) as client:
        slow, quick = (
            share_negative(client["test_story"], latency)
            for latency in ({"$gt": 8_000}, {"$lt": 3_000})
        )

    assert slow > 2 * quick


def share_negative(database: Database[Document], latency: dict[str, int]) -> float:
    """Return the share of thumbs down on answers in a range of latencies."""
    shown = {"event_type": "answer_shown", "details.latency_ms": latency}
    messages = database.analytics.distinct("details.message_id", shown)
    rated = {"message_id": {"$in": messages, "$regex": "^answer-"}}
    down, up = (
        database.feedback.count_documents(rated | {"rating": rating})
        for rating in ("thumbs_down", "thumbs_up")
    )
    return down / (down + up)


def test_uses_several_vocabularies_of_ratings(story: Insights) -> None:
    feedback = summary(story, "60d")["feedback"]

    ratings = {each["rating"] for each in feedback["ratings"]}
    assert {"thumbs_up", "thumbs_down", "5", "1", "good", "bad", "👍🏽"} <= ratings
    assert min(feedback["sentiments"].values()) > 0
    assert feedback["sentiments"]["unscored"] < feedback["count"] / 20


def test_some_messages_are_bad_for_a_stated_reason(story: Insights) -> None:
    worst = summary(story, "30d")["feedback"]["worst"]

    assert len(worst) == 10
    assert all(each["negative"] >= 4 and each["comments"] for each in worst[:5])


def test_has_the_events_of_a_chat_application(story: Insights) -> None:
    types = {each["event_type"] for each in summary(story, "60d")["events"]["types"]}

    assert {
        *("page_view", "chat_opened", "message_sent", "answer_shown", "answer_copied"),
        *("answer_regenerated", "search", "error_shown", "settings_changed"),
        "subscription_started",
    } <= types


def test_weekends_and_nights_are_quiet() -> None:
    times = [document["timestamp"] for number in range(300) for _, document in entries(number)]

    by_day = [sum(time.weekday() == day for time in times) for day in range(7)]
    assert max(by_day[5:]) < min(by_day[:5])
    at_night = sum(time.hour < 6 for time in times)
    assert at_night < len(times) / 10


@pytest.mark.usefixtures("run_mongod")
def test_starts_and_stops_a_mongodb_if_none_runs(tmp_path: Path) -> None:
    address = free_address()
    insights = Insights(tmp_path, MONGODB_URI=f"mongodb://{address}")

    result = insights.run("demo", *SMALL)

    folder = f".data/mongodb-127.0.0.1-{address.port}"
    assert result.exit_code == 0
    assert result.stderr == f"Starting MongoDB at {address}, with its data in {folder} ...\n"
    assert (
        f"Try, while `MONGODB_URI=mongodb://{address} make run` runs MongoDB in another terminal:"
        in result.stdout
    )
    assert address.is_free()
    assert (tmp_path / folder).is_dir()


@pytest.mark.usefixtures("run_mongod")
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_orphans_no_process_when_terminated(
    tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    address = free_address()
    insights = Insights(tmp_path, MONGODB_URI=f"mongodb://{address}")

    with insights.start("demo", "--users", "5000") as process:
        try:
            wait_for_events(f"mongodb://{address}")
        finally:
            process.send_signal(number)
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)

    assert (process.returncode, stdout) == (exit_code, "")
    assert len(stderr.splitlines()) == 1
    assert address.is_free()


def wait_for_events(uri: str) -> None:
    """Wait for the demo's first events."""
    deadline = time.monotonic() + WAIT_SECONDS
    with MongoClient[Document](uri, directConnection=True) as client:
        while not has_events(client["up2d8_demo"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def has_events(database: Database[Document]) -> bool:
    """Say whether there are events; none can be read while MongoDB starts."""
    with suppress(PyMongoError):
        return database.analytics.find_one() is not None
    return False


def test_serves_the_dashboard_of_its_database_until_ctrl_c(
    insights: Insights, demo_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[str, bool, tuple[int, int]]] = []

    def serve(settings: Settings, *, open_browser: bool, **_: object) -> None:
        served.append((settings.mongodb_database, open_browser, counts(demo_database)))
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setitem(sys.modules, "insights.pages.server", SimpleNamespace(serve=serve))

    result = insights("demo", *SMALL, "--open")

    assert served == [("up2d8_demo", True, counts(demo_database))]
    assert result.exit_code == 0


def test_shows_progress_on_a_terminal(
    insights: Insights, demo_database: Database[Document]
) -> None:
    shown, terminal = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm"}

    done = subprocess.run(
        [sys.executable, "-m", "insights", "demo", *SMALL],
        check=False,
        env=environment | insights.settings,
        stdout=subprocess.PIPE,
        stderr=terminal,
        timeout=WAIT_SECONDS,
    )
    os.close(terminal)

    assert done.returncode == 0
    assert "100%" in os.read(shown, 1_000_000).decode()
    os.close(shown)
    assert counts(demo_database) != (0, 0)


@pytest.mark.parametrize(
    ("uri", "exit_code", "message"),
    [
        ("mongodb://", 2, "MONGODB_URI is not a MongoDB connection string"),
        ("mongodb://127.0.0.1:1,127.0.0.1:2", 3, "no MongoDB answers to MONGODB_URI"),
    ],
)
def test_reports_an_unreachable_mongodb(
    command_line: Insights, uri: str, exit_code: int, message: str
) -> None:
    result = command_line("demo", MONGODB_URI=uri)

    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert f"insights: {message}" in result.stderr


def test_reports_a_mongodb_that_fails_to_start(insights: Insights, tmp_path: Path) -> None:
    (tmp_path / ".data").write_text("not a folder")

    result = insights("demo", MONGODB_URI=f"mongodb://{free_address()}")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "cannot be used" in result.stderr
