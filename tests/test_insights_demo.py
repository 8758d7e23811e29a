"""`insights demo`: its database, the commands it suggests, and its safety."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from insights.demo import local_server
from insights.settings import Settings
from local_project.addresses import free_address
from tests.support.documents import Document, a_feedback
from tests.support.insights_cli import Insights
from tests.support.project import ROOT

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
SMALL = ("--days", "7", "--users", "20")
WAIT_SECONDS = 30


@pytest.fixture
def demo_database(mongodb_uri: str) -> Iterator[Database[Document]]:
    """Return the demo's own database, absent before and after the test."""
    with MongoClient[Document](mongodb_uri, tz_aware=True) as client:
        client.drop_database("up2d8_demo")
        yield client["up2d8_demo"]
        client.drop_database("up2d8_demo")


def counts(database: Database[Document]) -> tuple[int, int]:
    """Return the numbers of stored feedbacks and events."""
    return database.feedback.count_documents({}), database.analytics.count_documents({})


def test_fills_its_own_database(insights: Insights, demo_database: Database[Document]) -> None:
    result = insights("demo", *SMALL)

    feedback, events = counts(demo_database)
    assert result.exit_code == 0
    assert feedback > 5
    assert events > 50
    assert result.stdout.startswith(
        f"Stored {feedback} feedback and {events:,} events of 20 users in up2d8_demo.\n"
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

    export, *commands = [
        line.strip() for line in result.stdout.splitlines() if line.startswith("  ")
    ]
    assert export.startswith("export MONGODB_URI=")
    assert len(commands) == 8
    assert counts(demo_database) != (0, 0)
    # As in another terminal, without settings.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    failed = {}
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", f"{export}\n{command}"],
            check=False,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            failed[command] = done.stderr
    assert failed == {}


def test_fills_the_application_s_collections(
    insights: Insights, demo_database: Database[Document]
) -> None:
    insights("demo", *SMALL)

    rated = set(demo_database.feedback.distinct("message_id"))
    assert rated <= set(demo_database.sessions.distinct("messages.message_id"))
    assert demo_database.users.distinct("_id") == [f"user-{number:04}" for number in range(1, 21)]
    indexes = demo_database.sessions.index_information().values()
    assert [("messages.message_id", 1)] in [index["key"] for index in indexes]


def test_leaves_the_application_s_collections_alone_here(
    insights: Insights, empty_database: Database[Document]
) -> None:
    stored = {"_id": "user-0001", "plan": "mine"}
    empty_database.users.insert_one(stored)

    result = insights("demo", *SMALL, "--here")

    assert sorted(empty_database.list_collection_names()) == ["analytics", "feedback", "users"]
    assert list(empty_database.users.find()) == [stored]
    assert "were left out: those collections are the application's." in result.stdout
    assert "export MONGODB_URI=" in result.stdout
    assert f"MONGODB_DATABASE={empty_database.name} SYSTEM_USERS=system\n" in result.stdout
    assert "--messages" not in result.stdout


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


def test_reports_a_refusal_in_one_line(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.create_collection("analytics", validator={"page": {"$exists": True}})

    result = insights("demo", *SMALL, "--here", "--yes")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "insights: MongoDB refused the operation: Document failed validation"
    )


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
    assert len(empty_database.analytics.distinct("user_id")) == 30 + len({"system"})


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


@dataclass
class Opened:
    """What `demo --open` served and opened, until the Ctrl-C that ends it."""

    counts: Callable[[], tuple[int, int]]
    settings: list[Settings] = field(default_factory=list)
    stored: list[tuple[int, int]] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def serve(self, settings: Settings, *, open_browser: bool, **_: object) -> None:
        """Stand in for the dashboard's server, which draws charts."""
        assert open_browser
        self.settings.append(settings)
        self.stored.append(self.counts())
        self.statuses += [httpx.head(page).status_code for page in self.pages]
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def opened(demo_database: Database[Document], monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Replace the dashboard's server and the browser."""
    opened = Opened(lambda: counts(demo_database))
    server = SimpleNamespace(serve=opened.serve, PORT=8017)
    monkeypatch.setitem(sys.modules, "insights.pages.server", server)
    monkeypatch.setattr(webbrowser, "open", opened.pages.append)
    return opened


def test_serves_the_dashboard_of_its_database_until_ctrl_c(
    insights: Insights, demo_database: Database[Document], opened: Opened
) -> None:
    result = insights("demo", *SMALL, "--open")

    [settings] = opened.settings
    assert opened.stored == [counts(demo_database)]
    assert settings.mongodb_database == "up2d8_demo"
    assert settings.message_lookup == "sessions.messages.message_id"
    assert settings.user_lookup == "users._id"
    assert settings.system_users == ("system",)
    assert result.exit_code == 0


def test_serves_the_chat_until_ctrl_c(insights: Insights, opened: Opened) -> None:
    result = insights("demo", *SMALL, "--open")

    [chat] = opened.pages
    assert f"The chat is at {chat}: the dashboard shows each vote at once.\n" in result.stdout
    assert opened.statuses == [200]
    with pytest.raises(httpx.ConnectError):
        httpx.head(chat)


def test_serves_the_chat_on_another_port_if_its_own_is_in_use(
    insights: Insights, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(local_server, "PORT", port)
        insights("demo", *SMALL, "--open")

    [chat] = opened.pages
    assert httpx.URL(chat).port != port
    assert opened.statuses == [200]


def test_serves_the_dashboard_alone_if_the_chat_does_not_start(
    insights: Insights,
    opened: Opened,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(local_server, "ROOT", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    result = insights("demo", *SMALL, "--open")

    assert (result.exit_code, len(opened.settings), opened.pages) == (0, 1, [])
    assert f"devserver: {tmp_path} has no functions" in capfd.readouterr().err


def test_serves_no_chat_here(insights: Insights, opened: Opened) -> None:
    insights("demo", *SMALL, "--here", "--yes", "--open")

    assert (len(opened.settings), opened.pages) == (1, [])


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
    assert "100 %" in os.read(shown, 1_000_000).decode()
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
