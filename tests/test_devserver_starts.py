"""Start and end of the local server and its `mongod`."""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pymongo import MongoClient

from local_project.addresses import free_address
from local_project.children import stop
from local_project.connection_strings import loopback_address
from local_project.errors import LocalProjectError
from local_project.mongod import check, open_log, start_mongod, wait_for_primary
from tests.support.documents import Document
from tests.support.functions import EVENT, FEEDBACK
from tests.support.local_server import (
    read_start,
    running_server,
    start,
    start_and_fail,
)
from tests.support.odd_options import IGNORED, REFUSED, SECRET
from tests.support.processes import all_processes, command_of, is_alive, suspend, wait_until_gone
from tests.support.project import ROOT, copy_project

FOREIGN = {"Origin": "https://evil.example.com"}


pytestmark = pytest.mark.usefixtures("run_server")


def test_reports_a_failed_start(tmp_path: Path, mongodb_uri: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        printed = start_and_fail(PORT=port, MONGODB_URI=mongodb_uri)
    assert printed == (
        f"devserver: port {port} cannot be used (Address already in use): try PORT=8080 make run\n"
    )
    for port in ("x", "-1", "65536"):
        assert "devserver: PORT must be a number" in start_and_fail(PORT=port)
    printed = start_and_fail(MONGODB_URI=f"{mongodb_uri}/?tls=true&tlsCAFile=/secret")
    assert printed == "devserver: MONGODB_URI is not a MongoDB connection string\n"
    with socket.create_server(("127.0.0.1", 0)) as other:
        printed = start_and_fail(MONGODB_URI=f"mongodb://127.0.0.1:{other.getsockname()[1]}")
    assert "no MongoDB answers to MONGODB_URI" in printed.splitlines()[-1]
    printed = start_and_fail(MONGODB_URI="mongodb://u:secret@")
    assert printed == "devserver: MONGODB_URI is not a MongoDB connection string\n"
    printed = start_and_fail(tmp_path, PYTHONPATH=str(ROOT), MONGODB_URI=mongodb_uri)
    assert "has no functions" in printed


@pytest.mark.parametrize("option", IGNORED + REFUSED)
def test_odd_options_of_the_connection_string_do_not_leak(
    mongodb_uri: str, recwarn: pytest.WarningsRecorder, option: str
) -> None:
    for read in (loopback_address, check):
        try:
            read(f"{mongodb_uri}/?{option}")
        except LocalProjectError as error:
            assert SECRET not in str(error)  # noqa: PT017 (some raise nothing)
    assert [str(warning.message) for warning in recwarn] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project with its own `.data/`."""
    return copy_project(tmp_path / "project")


def test_the_environment_overrides_the_file(project: Path, mongodb_uri: str) -> None:
    settings = json.loads((project / "local.settings.json").read_text())
    settings["Values"] |= {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": "of_the_file"}
    (project / "local.settings.json").write_text(json.dumps(settings))

    with running_server(project, MONGODB_DATABASE="of_the_environment") as server:
        assert server.client.post("/api/feedback", json=FEEDBACK).status_code == 201
    with MongoClient[Document](mongodb_uri) as client:
        assert "of_the_file" not in client.list_database_names()
        assert client.of_the_environment.feedback.count_documents({}) == 1
        client.drop_database("of_the_environment")


def test_follows_host_json_and_the_origins(project: Path, mongodb_uri: str) -> None:
    host = json.loads((project / "host.json").read_text())
    host["extensions"]["http"] |= {"routePrefix": "v2", "maxOutstandingRequests": 0}
    (project / "host.json").write_text(json.dumps(host))
    settings = json.loads((project / "local.settings.json").read_text())
    settings["Host"] = {"CORS": "https://a.example, https://b.example"}
    (project / "local.settings.json").write_text(json.dumps(settings))

    with running_server(project, MONGODB_URI=mongodb_uri) as server:
        assert server.client.post("/api/feedback", json=FEEDBACK).status_code == 404
        response = server.client.post(
            "/v2/feedback", json={}, headers={"Origin": "https://b.example"}
        )
        assert response.status_code == 429
        assert response.headers["Access-Control-Allow-Origin"] == "https://b.example"
        response = server.client.post("/v2/feedback", json={}, headers=FOREIGN)
        assert response.status_code == 403


@pytest.mark.parametrize("credentials", ["someone:secret@", ""])
def test_reports_options_that_an_embedded_mongodb_lacks(project: Path, credentials: str) -> None:
    option = "" if credentials else "?replicaSet=other"
    printed = start_and_fail(
        project, MONGODB_URI=f"mongodb://{credentials}{free_address()}/{option}"
    )

    assert "an embedded one has neither users nor TLS" in printed.splitlines()[-1]
    assert "secret" not in printed


def test_reports_a_data_folder_that_cannot_be_used(project: Path) -> None:
    (project / ".data").write_text("a file")
    printed = start_and_fail(project, MONGODB_URI=f"mongodb://{free_address()}")

    assert printed.splitlines()[-1].startswith("devserver: ")
    assert "cannot be used" in printed


def test_an_empty_variable_counts_as_unset(project: Path, mongodb_uri: str) -> None:
    settings = json.loads((project / "local.settings.json").read_text())
    settings["Values"]["MONGODB_URI"] = mongodb_uri
    (project / "local.settings.json").write_text(json.dumps(settings))

    with running_server(project, MONGODB_URI="") as server:
        assert server.client.post("/api/feedback", json={}).status_code == 422


@pytest.mark.linux
@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_runs_an_embedded_mongodb_and_orphans_no_process(project: Path, ending: str) -> None:
    address = free_address()
    with running_server(project, MONGODB_URI=f"mongodb://localhost:{address.port}") as server:
        assert f"Starting MongoDB at {address}" in server.printed
        assert server.client.post("/api/feedback", json=FEEDBACK).status_code == 201
        with MongoClient[Document](f"mongodb://{address}") as client:
            mongod = client.admin.command("serverStatus")["pid"]
            assert client.admin.command("hello")["setName"]
        server.process.send_signal(getattr(signal, ending))
        assert server.process.wait(20) == (-signal.SIGKILL if ending == "SIGKILL" else 0)
        if ending != "SIGKILL":
            assert not is_alive(mongod)
        wait_until_gone(mongod)

    # Acknowledged writes survive the restart.
    with running_server(project, MONGODB_URI=f"mongodb://{address}") as server:
        assert server.client.post("/api/feedback", json=FEEDBACK).status_code == 200


@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_ends_cleanly_under_load(project: Path, ending: str) -> None:
    address = free_address()
    with running_server(project, MONGODB_URI=f"mongodb://{address}") as server:

        def post_until_the_end(_: int) -> set[int]:
            statuses = set()
            with contextlib.suppress(httpx.HTTPError):
                while True:
                    statuses.add(server.client.post("/api/analytics", json=EVENT).status_code)
            return statuses

        with ThreadPoolExecutor(10) as pool:
            statuses = pool.map(post_until_the_end, range(10))
            time.sleep(1)
            server.process.send_signal(getattr(signal, ending))
            assert set().union(*statuses) <= {202, 429, 503}
        assert server.process.wait(20) == 0
    assert address.is_free()


@pytest.mark.linux
def test_starts_right_after_a_kill(project: Path) -> None:
    address = free_address()
    for expected in (201, 200, 200):
        with running_server(project, MONGODB_URI=f"mongodb://{address}") as server:
            assert "Starting MongoDB" in server.printed
            assert server.client.post("/api/feedback", json=FEEDBACK).status_code == expected
            server.process.kill()
            server.process.wait()


@pytest.mark.linux
@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.4, 0.7, 1.0, 1.3, 1.6, 2.0])
def test_ctrl_c_at_any_moment_orphans_no_process(project: Path, seconds: float) -> None:
    address = free_address()
    with start(project, MONGODB_URI=f"mongodb://{address}") as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=20)
    assert process.returncode in (0, 1, -signal.SIGINT, 130), printed

    time.sleep(0.2)
    assert not [pid for pid in all_processes() if str(project) in command_of(pid)]
    assert address.is_free()


@pytest.mark.timed
def test_a_request_in_flight_is_finished_before_the_end(project: Path) -> None:
    address = free_address()
    with running_server(project, MONGODB_URI=f"mongodb://{address}") as server:
        with MongoClient[Document](f"mongodb://{address}") as client:
            mongod = client.admin.command("serverStatus")["pid"]
        server.client.post("/api/feedback", json=FEEDBACK)
        os.kill(mongod, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as pool:
            response = pool.submit(server.client.post, "/api/feedback", json=FEEDBACK)
            time.sleep(0.5)
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            os.kill(mongod, signal.SIGCONT)
            assert response.result().status_code == 200
        assert server.process.wait(20) == 0


def test_a_dead_mongodb_is_a_503(project: Path) -> None:
    address = free_address()
    with running_server(project, MONGODB_URI=f"mongodb://{address}") as server:
        with MongoClient[Document](f"mongodb://{address}") as client:
            os.kill(client.admin.command("serverStatus")["pid"], signal.SIGKILL)
        response = server.client.post("/api/feedback", json=FEEDBACK)
        assert response.status_code == 503
        assert response.headers["Retry-After"]


@pytest.mark.timed
def test_serves_within_five_seconds(project: Path) -> None:
    address = free_address()
    with start(project, MONGODB_URI=f"mongodb://{address}") as process:
        started = time.monotonic()
        assert process.stdout
        printed = read_start(process.stdout)
        seconds = time.monotonic() - started
        process.terminate()
        process.wait(20)
    assert "Ctrl-C" in printed
    assert seconds < 5


def fake_mongod(folder: Path, message: str) -> str:
    """Return a PATH whose `mongod` prints `message` and fails."""
    script = folder / "bin" / "mongod"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 127\n")
    script.chmod(0o755)
    return f"{script.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("mongod: error while loading shared libraries: libcurl.so.4", "apt-get install libcurl4"),
        ("mongod: version `GLIBC_2.34 not found", "needs glibc 2.34 or newer"),
        ("something else", "mongod.log"),
    ],
)
def test_reports_why_mongod_failed_to_start(project: Path, message: str, advice: str) -> None:
    uri = f"mongodb://{free_address()}"
    path = fake_mongod(project, message)

    assert advice in start_and_fail(project, MONGODB_URI=uri, PATH=path).splitlines()[-1]


def test_a_slow_mongod_is_initiated_once(tmp_path: Path) -> None:
    address, log = free_address(), tmp_path / "mongod.log"
    initiated = "replSetInitiate admin command received"
    with open_log(tmp_path) as stream:
        process = start_mongod(address, tmp_path, stream)

    def hang() -> None:
        while initiated not in log.read_text():
            time.sleep(0.001)
        suspend(process)
        time.sleep(3)
        process.send_signal(signal.SIGCONT)

    # A second replSetInitiate meanwhile would abort it.
    hanging = threading.Thread(target=hang, daemon=True)
    hanging.start()
    try:
        wait_for_primary(process, address, log)
        hanging.join()
        assert log.read_text().count(initiated) == 1
    finally:
        process.send_signal(signal.SIGCONT)
        stop(process)
