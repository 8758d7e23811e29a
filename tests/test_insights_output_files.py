"""Destinations of exports: files, standard output and terminals."""

import os
import pty
import resource
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from pyarrow import parquet
from pymongo.database import Database

from tests.support.documents import NOON, Document, a_feedback
from tests.support.exports import files_in, fill
from tests.support.insights_cli import SECONDS_TO_END, Insights
from tests.support.project import ROOT

FORMATS = ["csv", "jsonl", "parquet"]


# Files


def test_a_replaced_file_keeps_its_permissions(
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
def test_a_new_file_is_readable_only_by_its_owner(
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


def test_accepts_the_longest_file_name(
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
        ("folder", "is a folder: name a file"),
        ("", "is a folder: name a file"),
        ("link.csv", "is a symbolic link: name its target, or - for standard output"),
        ("broken.csv", "is a symbolic link: name its target, or - for standard output"),
        ("pipe", "is not a regular file: use - and redirect the output"),
        ("/dev/null", "is not a regular file: use - and redirect the output"),
        ("/proc/a.csv", "No such file or directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_refuses_anything_but_a_regular_file(
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
    # Root, as in a container, may write to any file.
    monkeypatch.setattr(os, "access", lambda *_: False)

    result = insights("export", "feedback", "--out", "a.csv")

    assert (result.exit_code, result.stderr) == (
        4,
        "insights: a.csv is write-protected: name another file\n",
    )
    assert files_in(insights.folder) == {"a.csv": b"before"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_leaves_no_file(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    fill(empty_database, 20_000, os.urandom(100).hex())
    (insights.folder / f"a.{name}").write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on the size of files stands in for a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        result = insights("export", "events", "--out", f"a.{name}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (result.exit_code, result.stderr) == (4, f"insights: a.{name}: File too large\n")
    assert files_in(insights.folder) == {f"a.{name}": b"before"}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("options", [(), ("--flatten",), ("--user", "nobody")])
def test_no_data_creates_no_file(insights: Insights, name: str, options: tuple[str, ...]) -> None:
    result = insights("export", "events", "--out", f"a.{name}", *options)

    why = "nothing matches" if "--user" in options else "no events yet"
    assert (result.exit_code, result.stderr) == (5, f"insights: {why}\n")
    assert files_in(insights.folder) == {}


@pytest.mark.parametrize("name", FORMATS)
def test_no_data_prints_nothing(insights: Insights, name: str) -> None:
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
def test_the_format_follows_the_name_unless_an_option_sets_it(
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
def test_refuses_an_unknown_format(command_line: Insights, out: str) -> None:
    result = command_line("export", "feedback", "--out", out)

    assert (result.exit_code, result.stderr) == (
        2,
        f"insights: cannot tell the format of {out}: give --format csv, jsonl or parquet\n",
    )


# Standard output


@pytest.mark.parametrize("name", FORMATS)
def test_standard_output_equals_the_file(
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
def test_a_full_standard_output_is_reported_in_one_line(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    with Path("/dev/full").open("wb") as full:
        arguments = ("export", "feedback", "--format", name, "--out", "-")
        process = insights.start_into(full.fileno(), arguments, {})
        _, stderr = process.communicate(timeout=SECONDS_TO_END)

    assert process.returncode == 4
    assert stderr == "insights: standard output: No space left on device\n"


# Terminals


def on_terminal(insights: Insights, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal; return its exit code and output."""
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
def test_shows_progress_on_a_terminal(
    insights: Insights, empty_database: Database[Document], options: tuple[str, ...]
) -> None:
    fill(empty_database, 20_000)

    exit_code, shown = on_terminal(insights, "export", "events", "--out", "a.csv", *options)

    assert exit_code == 0
    assert "Exporting" in shown
    assert "%" in shown
    assert "/s " in shown
    assert shown.rstrip().endswith("20,000 events exported to a.csv")


def test_the_progress_bar_does_not_mix_with_an_export_to_the_terminal(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, message_id="m1"))

    _, shown = on_terminal(insights, "export", "feedback", "--format", "csv", "--out", "-")

    assert [line for line in shown.splitlines() if line] == [
        "message_id,user_id,rating,comment,reasons,timestamp",
        "m1,u1,up,,,2026-11-01T12:00:00.000Z",
        "1 feedback exported",
    ]


def test_parquet_is_not_written_to_a_terminal(command_line: Insights) -> None:
    exit_code, shown = on_terminal(
        command_line, "export", "feedback", "--format", "parquet", "--out", "-"
    )

    assert exit_code == 2
    assert shown == (
        "insights: Parquet is binary: write it to a file with --out, or redirect the output\r\n"
    )
