"""Large exports: interrupted ones leave no trace, and memory is bounded."""

import os
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from tests.support.documents import NOON, Document, an_event
from tests.support.exports import files_in, fill
from tests.support.insights_cli import SECONDS_TO_END, Insights
from tests.support.mongod import Mongod
from tests.support.processes import suspend


def stop_in_the_middle(insights: Insights, name: str) -> subprocess.Popen[str]:
    """Start an export of all events, and suspend it once a part is written."""
    process = insights.start("export", "events", "--out", name)
    deadline = time.monotonic() + SECONDS_TO_END
    while not any(path.stat().st_size for path in insights.folder.glob(".insights-*.part")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    suspend(process)
    assert any(insights.folder.glob(".insights-*.part"))
    return process


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)],
)
def test_a_signal_leaves_the_old_file_and_no_other(
    insights: Insights,
    empty_database: Database[Document],
    name: str,
    number: signal.Signals,
    exit_code: int,
) -> None:
    fill(empty_database)
    (insights.folder / name).write_text("before")

    process = stop_in_the_middle(insights, name)
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    stdout, stderr = process.communicate(timeout=SECONDS_TO_END)

    assert (process.returncode, stdout, stderr) == (exit_code, "", "")
    assert files_in(insights.folder) == {name: b"before"}


def test_two_signals_at_once_leave_no_other_file_either(
    insights: Insights, empty_database: Database[Document]
) -> None:
    fill(empty_database)

    process = stop_in_the_middle(insights, "a.csv")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=SECONDS_TO_END)

    assert process.returncode in {130, -signal.SIGTERM}
    assert stderr == ""
    assert files_in(insights.folder) == {}


def test_an_ignored_signal_stays_ignored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # Like nohup.
    fill(empty_database)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = stop_in_the_middle(insights, "a.csv")
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=SECONDS_TO_END)

    assert process.returncode == 0
    assert list(files_in(insights.folder)) == ["a.csv"]


def test_a_kill_leaves_the_old_file(insights: Insights, empty_database: Database[Document]) -> None:
    fill(empty_database)
    (insights.folder / "a.csv").write_text("before")

    process = stop_in_the_middle(insights, "a.csv")
    process.kill()
    process.communicate(timeout=SECONDS_TO_END)

    [temporary, file] = sorted(insights.folder.iterdir())
    assert (file.name, file.read_text()) == ("a.csv", "before")
    assert temporary.match(".insights-*.part")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_lost_mongodb_leaves_the_old_file(own_mongod: Mongod, tmp_path: Path, name: str) -> None:
    with MongoClient[Document](own_mongod.uri) as client:
        fill(client.up2d8)
    (tmp_path / name).write_text("before")

    process = stop_in_the_middle(Insights(tmp_path, MONGODB_URI=own_mongod.uri), name)
    own_mongod.kill()
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=SECONDS_TO_END)

    assert process.returncode == 3
    assert stderr.startswith("insights: MongoDB stopped answering")
    assert stderr.count("\n") == 1
    assert files_in(tmp_path) == {name: b"before"}


# Memory


@pytest.mark.linux
@pytest.mark.parametrize("arguments", [("a.csv",), ("a.jsonl",), ("a.parquet", "--flatten")])
def test_ten_times_the_documents_need_no_more_memory(
    insights: Insights, empty_database: Database[Document], arguments: tuple[str, ...]
) -> None:
    def peak(number: int) -> int:
        """Return the peak memory, in bytes, of an export of `number` events."""
        fill(empty_database, number, "x" * 2000)
        process = insights.start("export", "events", "--out", *arguments)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.communicate()
        assert process.returncode == 0
        return usage.ru_maxrss * 1024

    # The events themselves take 20 MB, and then 200 MB.
    assert peak(100_000) - peak(10_000) < 60_000_000


def test_no_event_is_lost_when_many_share_a_time(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON + timedelta(seconds=number % 2)) for number in range(5000)
    )

    result = insights("export", "events", "--out", "a.jsonl")

    assert result.stderr == "5,000 events exported to a.jsonl\n"
    assert len(set((insights.folder / "a.jsonl").read_bytes().splitlines())) == 5000
