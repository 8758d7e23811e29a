"""Where exports go, and what is left of one that does not come to its end."""

import os
import pty
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from pyarrow import parquet
from pymongo import MongoClient
from pymongo.database import Database

from local_project.addresses import free_address
from tests.conftest import Document
from tests.insights_cli import ROOT, SECONDS_TO_END, Insights, a_feedback, an_event
from tests.mongod import Mongod
from tests.support.processes import suspend

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
FORMATS = ["csv", "jsonl", "parquet"]

# So many that a signal comes in the middle.
MANY = 100_000


def fill(database: Database[Document], number: int = MANY, text: str = "") -> None:
    """Let MongoDB make so many events of one."""
    seed = an_event(NOON, details={"text": text})
    times = {"$map": {"input": {"$range": [0, number]}, "in": {"$add": [NOON, "$$this"]}}}
    database.seed.insert_one(seed | {"timestamp": None})
    database.seed.aggregate(
        [
            {"$set": {"timestamp": times}},
            {"$unwind": "$timestamp"},
            {"$unset": "_id"},
            {"$out": "analytics"},
        ]
    )
    database.seed.drop()


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the names of the files in a folder, and what is in each."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Files


def test_a_file_is_replaced_and_keeps_its_permissions(
    insights: Insights, empty_database: Database[Document]
) -> None:
    path = insights.folder / "a.jsonl"
    path.write_text("before")
    path.chmod(0o640)
    empty_database.feedback.insert_one(a_feedback(NOON))

    assert insights("export", "feedback", "--out", "a.jsonl").exit_code == 0

    assert b"before" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *(("export feedback", f"a.{name}") for name in FORMATS),
        ("dashboard --since 2026-11-01 --until 2026-11-02", "a.html"),
    ],
)
def test_only_its_owner_can_read_a_new_file(
    insights: Insights, empty_database: Database[Document], command: str, name: str
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))
    before = os.umask(0)
    try:
        result = insights(*command.split(), "--out", name)
    finally:
        os.umask(before)

    assert result.exit_code == 0
    assert stat.S_IMODE((insights.folder / name).stat().st_mode) == 0o600


def test_the_longest_name_of_a_file_is_no_problem(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))
    name = f"{'x' * 251}.csv"

    assert insights("export", "feedback", "--out", name).exit_code == 0

    assert list(files_in(insights.folder)) == [name]


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("nowhere/a.csv", "No such file or directory"),
        ("file/a.csv", "Not a directory"),
        ("folder", "is a folder"),
        ("", "is a folder"),
        ("link.csv", "is a symbolic link: name the file itself, or - for standard output"),
        ("broken.csv", "is a symbolic link: name the file itself, or - for standard output"),
        ("pipe", "is not a regular file: use - and redirect the output"),
        ("/dev/null", "is not a regular file: use - and redirect the output"),
        ("/proc/a.csv", "No such file or directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_is_no_file_is_not_written(
    insights: Insights, empty_database: Database[Document], out: str, why: str
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))
    (insights.folder / "file").write_text("a file")
    (insights.folder / "folder").mkdir()
    (insights.folder / "link.csv").symlink_to("file")
    (insights.folder / "broken.csv").symlink_to("nothing")
    os.mkfifo(insights.folder / "pipe")
    before = sorted(insights.folder.iterdir())

    result = insights("export", "feedback", "--format", "csv", "--out", out)

    assert result.exit_code == 4
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(f"{why}\n")
    assert sorted(insights.folder.iterdir()) == before
    assert (insights.folder / "file").read_text() == "a file"


def test_a_write_protected_file_is_not_replaced(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))
    (insights.folder / "a.csv").write_text("before")
    # For root, who runs these tests in a container, no file is write-protected.
    monkeypatch.setattr(os, "access", lambda *_: False)

    result = insights("export", "feedback", "--out", "a.csv")

    assert (result.exit_code, result.stderr) == (4, "insights: a.csv is write-protected\n")
    assert files_in(insights.folder) == {"a.csv": b"before"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_leaves_no_file(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    fill(empty_database, 20_000, os.urandom(100).hex())
    (insights.folder / f"a.{name}").write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The nearest to a full disk that needs no disk: no file may be larger than this.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        result = insights("export", "events", "--out", f"a.{name}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (result.exit_code, result.stderr) == (4, f"insights: a.{name}: File too large\n")
    assert files_in(insights.folder) == {f"a.{name}": b"before"}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("options", [(), ("--flatten",), ("--user", "nobody")])
def test_without_data_there_is_no_file(
    insights: Insights, name: str, options: tuple[str, ...]
) -> None:
    result = insights("export", "events", "--out", f"a.{name}", *options)

    why = "nothing matches" if "--user" in options else "no events yet"
    assert (result.exit_code, result.stderr) == (5, f"insights: {why}\n")
    assert files_in(insights.folder) == {}


@pytest.mark.parametrize("name", FORMATS)
def test_without_data_nothing_is_written_to_standard_output(insights: Insights, name: str) -> None:
    result = insights("export", "events", "--format", name, "--out", "-")

    assert (result.exit_code, result.stdout) == (5, "")


# Formats by name


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        (("--out", "a.csv"), b"message_id,"),
        (("--out", "a.CSV"), b"message_id,"),
        (("--out", "a.b.jsonl"), b"{"),
        (("--out", "a.ndjson"), b"{"),
        (("--out", "a.parquet"), b"PAR1"),
        (("--out", "a.csv", "--format", "parquet"), b"PAR1"),
        (("--out", "a", "--format", "csv"), b"message_id,"),
    ],
)
def test_the_end_of_the_name_says_the_format_unless_an_option_does(
    insights: Insights,
    empty_database: Database[Document],
    arguments: tuple[str, ...],
    beginning: bytes,
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    assert insights("export", "feedback", *arguments).exit_code == 0

    [content] = files_in(insights.folder).values()
    assert content.startswith(beginning)


@pytest.mark.parametrize("out", ["a", "a.txt", "-", "a.csv.gz", ".csv"])
def test_a_format_must_be_known(insights: Insights, out: str) -> None:
    result = insights("export", "feedback", "--out", out)

    assert (result.exit_code, result.stderr) == (
        2,
        f"insights: the format of {out} is not known: give --format csv, jsonl or parquet\n",
    )


# Standard output


@pytest.mark.parametrize("name", FORMATS)
def test_standard_output_gets_the_same_as_a_file(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    fill(empty_database, 3000)
    insights("export", "events", "--out", f"a.{name}")

    with (insights.folder / "output").open("wb") as output:
        arguments = ("export", "events", "--format", name, "--out", "-")
        process = insights.start_into(output.fileno(), arguments, {})
        _, stderr = process.communicate(timeout=SECONDS_TO_END)

    assert (process.returncode, stderr) == (0, "3,000 events exported\n")
    files = files_in(insights.folder)
    assert files["output"] == files[f"a.{name}"]


def test_parquet_can_be_piped(insights: Insights, empty_database: Database[Document]) -> None:
    fill(empty_database, 3000)

    with (insights.folder / "a.parquet").open("wb") as file:
        arguments = ("export", "events", "--format", "parquet", "--out", "-")
        export = insights.start_into(subprocess.PIPE, arguments, {})
        assert export.stdout
        with export.stdout, subprocess.Popen(["/bin/cat"], stdin=export.stdout, stdout=file) as cat:
            cat.wait(SECONDS_TO_END)
        export.communicate(timeout=SECONDS_TO_END)

    assert parquet.read_table(insights.folder / "a.parquet").num_rows == 3000


@pytest.mark.parametrize("name", FORMATS)
def test_a_closed_pipe_ends_it_quietly(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    fill(empty_database, 20_000, os.urandom(100).hex())

    process = insights.start("export", "events", "--format", name, "--out", "-")
    assert process.stdout
    assert process.stderr
    os.read(process.stdout.fileno(), 4)
    process.stdout.close()
    with process.stderr as stderr:
        assert stderr.read() == ""
    assert process.wait(SECONDS_TO_END) == 0


@pytest.mark.linux
@pytest.mark.parametrize("name", FORMATS)
def test_standard_output_on_a_full_disk_is_told_in_one_line(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    with Path("/dev/full").open("wb") as full:
        arguments = ("export", "feedback", "--format", name, "--out", "-")
        process = insights.start_into(full.fileno(), arguments, {})
        _, stderr = process.communicate(timeout=SECONDS_TO_END)

    assert process.returncode == 4
    assert stderr == "insights: standard output: No space left on device\n"


# What a terminal shows


def on_terminal(insights: Insights, *arguments: str) -> tuple[int, str]:
    """Run a command with standard output and error on a terminal; return its code and output."""
    terminal, its_end = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        with suppress(OSError):
            while chunk := os.read(terminal, 4096):
                shown.append(chunk)

    process = subprocess.Popen(
        [sys.executable, "-m", "insights", *arguments],
        cwd=insights.folder,
        env=os.environ | insights.settings | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
    )
    os.close(its_end)
    thread = Thread(target=read)
    thread.start()
    exit_code = process.wait(SECONDS_TO_END)
    thread.join()
    os.close(terminal)
    return exit_code, b"".join(shown).decode()


@pytest.mark.parametrize("options", [(), ("--user", "u1"), ("--flatten",)])
def test_a_terminal_shows_how_far_it_is(
    insights: Insights, empty_database: Database[Document], options: tuple[str, ...]
) -> None:
    fill(empty_database, 20_000)

    exit_code, shown = on_terminal(insights, "export", "events", "--out", "a.csv", *options)

    assert exit_code == 0
    assert "Exporting" in shown
    assert "%" in shown
    assert "/s " in shown
    assert ("Finding columns" in shown) == ("--flatten" in options)
    assert shown.rstrip().endswith("20,000 events exported to a.csv")


def test_a_bar_does_not_mix_with_what_is_exported_to_the_terminal(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, message_id="m1"))

    _, shown = on_terminal(insights, "export", "feedback", "--format", "csv", "--out", "-")

    assert [line for line in shown.splitlines() if line] == [
        "message_id,user_id,rating,comment,timestamp",
        "m1,u1,up,,2026-11-01T12:00:00.000Z",
        "1 feedback exported",
    ]


def test_parquet_is_not_written_to_a_terminal(insights: Insights) -> None:
    exit_code, shown = on_terminal(
        insights, "export", "feedback", "--format", "parquet", "--out", "-"
    )

    assert exit_code == 2
    assert shown == (
        "insights: Parquet is not for a terminal: give --out FILE, or redirect the output\r\n"
    )


# Ends before the end


def stop_in_the_middle(insights: Insights, name: str) -> subprocess.Popen[str]:
    """Start an export of all events, and stop the process once it has written a part of them."""
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
def test_a_signal_leaves_the_file_as_it_was_and_no_other(
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


def test_two_signals_at_once_leave_nothing_either(
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


def test_a_signal_that_is_ignored_stays_so(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # As nohup does.
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


def test_a_kill_leaves_the_file_as_it_was(
    insights: Insights, empty_database: Database[Document]
) -> None:
    fill(empty_database)
    (insights.folder / "a.csv").write_text("before")

    process = stop_in_the_middle(insights, "a.csv")
    process.kill()
    process.communicate(timeout=SECONDS_TO_END)

    [temporary, file] = sorted(insights.folder.iterdir())
    assert (file.name, file.read_text()) == ("a.csv", "before")
    assert temporary.match(".insights-*.part")


@pytest.fixture
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """Return a MongoDB of the test's own that runs."""
    mongod = Mongod(free_address(), tmp_path_factory.mktemp("mongod"))
    with mongod.resources:
        mongod.start()
        yield mongod


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_mongodb_that_dies_leaves_the_file_as_it_was(
    mongod: Mongod, tmp_path: Path, name: str
) -> None:
    with MongoClient[Document](mongod.uri) as client:
        fill(client.up2d8)
    (tmp_path / name).write_text("before")

    process = stop_in_the_middle(Insights(tmp_path, MONGODB_URI=mongod.uri), name)
    mongod.kill()
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=SECONDS_TO_END)

    assert process.returncode == 3
    assert stderr.startswith("insights: MongoDB does not answer any more")
    assert stderr.count("\n") == 1
    assert files_in(tmp_path) == {name: b"before"}


# Memory


@pytest.mark.linux
@pytest.mark.parametrize("arguments", [("a.csv",), ("a.jsonl",), ("a.parquet", "--flatten")])
def test_ten_times_the_documents_take_no_more_memory(
    insights: Insights, empty_database: Database[Document], arguments: tuple[str, ...]
) -> None:
    def peak(number: int) -> int:
        """Return how many bytes an export of so many events takes at most."""
        fill(empty_database, number, "x" * 2000)
        process = insights.start("export", "events", "--out", *arguments)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.communicate()
        assert process.returncode == 0
        return usage.ru_maxrss * 1024

    # The events themselves are 20 MB, and then 200 MB.
    assert peak(100_000) - peak(10_000) < 60_000_000


def test_a_time_that_many_events_share_loses_none(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON + timedelta(seconds=number % 2)) for number in range(5000)
    )

    result = insights("export", "events", "--out", "a.jsonl")

    assert result.stderr == "5,000 events exported to a.jsonl\n"
    assert len(set((insights.folder / "a.jsonl").read_bytes().splitlines())) == 5000
