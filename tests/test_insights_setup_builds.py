"""`insights setup` while an index is built: progress, writes, and Ctrl-C."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from insights.kinds import Kind
from insights.mongodb.builds import show_progress
from insights.mongodb.indexes import create, wanted_indexes
from local_project.addresses import free_address
from tests.support.documents import NOON, Document, a_feedback
from tests.support.insights_cli import SECONDS_TO_END, Insights
from tests.support.mongod import RunMongod
from tests.support.project import ROOT

# The program, which says immediately what it works on.
PROGRAM = """
from insights.terminal import working
working.DELAY_SECONDS = 0
from insights.__main__ import run
run()
"""
PAUSE = "hangIndexBuildDuringCollectionScanPhaseAfterInsertion"
INDEX = "insights_by_time"
DOCUMENTS = 10


@pytest.fixture(scope="module")
def database(
    run_mongod: RunMongod, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database[Document]]:
    """Run a MongoDB whose index builds can be paused, with some feedback."""
    address, folder = free_address(), tmp_path_factory.mktemp("pausing")
    with run_mongod(address, folder, "--setParameter", "enableTestCommands=1") as process:
        with MongoClient[Document](f"mongodb://{address}", timeoutMS=10_000) as client:
            feedback = [a_feedback(NOON, user_id=f"u{number}") for number in range(DOCUMENTS)]
            client.up2d8.feedback.insert_many(feedback)
            yield client.up2d8
        # A clean shutdown takes a second.
        process.kill()


@contextmanager
def paused_build(database: Database[Document]) -> Iterator[None]:
    """Pause the next index build when it has read about half of the documents."""
    data = {"fieldsToMatch": {"user_id": f"u{DOCUMENTS // 2}"}}
    database.client.admin.command("configureFailPoint", PAUSE, mode="alwaysOn", data=data)
    try:
        yield
    finally:
        database.client.admin.command("configureFailPoint", PAUSE, mode="off")


def read_until(terminal: int, text: str) -> str:
    """Return what is printed on a terminal, to some text."""
    shown = b""
    while text.encode() not in shown:
        ready, _, _ = select.select([terminal], [], [], SECONDS_TO_END)
        assert ready, shown.decode()
        shown += os.read(terminal, 4096)
    return shown.decode()


def test_shows_its_progress_blocks_no_write_and_ends_at_once(
    insights: Insights, database: Database[Document]
) -> None:
    controller, terminal = pty.openpty()
    shown = ""
    address = database.client.address
    assert address is not None
    environment = {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    where = {"MONGODB_URI": f"mongodb://127.0.0.1:{address[1]}", "MONGODB_DATABASE": database.name}

    with (
        paused_build(database),
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "setup"],
            cwd=insights.folder,
            env=environment | where,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
        ) as process,
    ):
        shown += read_until(controller, f"1 of 7: creating feedback.{INDEX}")
        database.feedback.insert_one(a_feedback(NOON))
        database.feedback.update_one({"user_id": "u0"}, {"$set": {"rating": "down"}})
        interrupted = time.monotonic()
        process.send_signal(signal.SIGINT)
        exit_code = process.wait(SECONDS_TO_END)
        ended = time.monotonic()
        shown += read_until(controller, "again\r\n")

    os.close(terminal)
    os.close(controller)
    assert exit_code == 130
    assert ended - interrupted < 2
    assert f"insights: stopped; the server may still finish feedback.{INDEX}: run setup" in shown
    # MongoDB does, with what was written meanwhile, and the next run creates the others.
    assert insights("setup", **where).exit_code == 0
    assert len(database.feedback.index_information()) == 5
    by_time = database.feedback.find({"rating": "down"}).hint(INDEX)
    assert [each["user_id"] for each in by_time] == ["u0"]


SCANNING = "Index Build: scanning collection Index Build: scanning collection: 42/100 42%"
INSERTING = "Index Build: inserting keys from external sorter into index"


@pytest.mark.parametrize(
    ("operation", "shown"),
    [
        ({"msg": SCANNING, "progress": {"done": 42, "total": 100}}, "42 % read"),
        ({"msg": INSERTING, "progress": {"done": 1, "total": 3}}, "33 % written"),
        ({"msg": "Building index.", "progress": {"blocks_done": 1, "blocks_total": 4}}, "25 %"),
        ({"progress": {"done": 0, "total": 0}}, ""),
        ({"msg": 1, "progress": "half"}, ""),
    ],
)
def test_shows_what_servers_tell_of_their_progress(operation: Document, shown: str) -> None:
    assert show_progress(operation) == shown


def test_asks_amazon_documentdb_not_to_block_writes() -> None:
    for kind in Kind:
        for index in wanted_indexes(kind):
            command = create(kind, index).command
            assert command is not None
            assert [each["background"] for each in command["indexes"]] == [True]
