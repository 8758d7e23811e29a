"""The functions in Microsoft's own language worker: as here, and as packaged for Azure."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pymongo.database import Database
from uv import find_uv_bin

from tests.support.documents import Document
from tests.support.functions import BODIES, EVENT, FEEDBACK, GZIP, NAMES
from tests.support.mongod import Mongod
from tests.support.packing import packed_by_azd
from tests.support.project import ROOT
from tests.support.worker import App, Worker, specialised, started
from tools import package

pytestmark = pytest.mark.worker

Run = Callable[[Mapping[str, str]], AbstractContextManager[Worker]]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with the worker and none of the app's packages."""
    folder = tmp_path_factory.mktemp("python")
    uv("venv", "--python", sys.executable, folder)
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = folder / scripts / Path(sys.executable).name
    requirements = ROOT / "requirements-worker.txt"
    uv("pip", "install", "--python", python, "--require-hashes", "--requirement", requirements)
    return python


def uv(*arguments: str | Path) -> None:
    """Run uv."""
    subprocess.run([find_uv_bin(), "--quiet", *arguments], check=True)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that are deployed, and with their packages."""
    folder = tmp_path_factory.mktemp("packaged")
    for path in packed_by_azd(ROOT):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV", find_uv_bin())
        patch.setattr(package, "FOLDER", folder / package.FOLDER.relative_to(ROOT))
        package.install()
        package.compile_all()
    return folder


@pytest.fixture(scope="module", params=["here", pytest.param("packaged", marks=pytest.mark.linux)])
def run(
    request: pytest.FixtureRequest, python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Return a function that runs the app with these settings.

    As here, it starts with its settings; as packaged, the worker gets them later.
    """
    log = tmp_path_factory.mktemp("worker") / "errors.log"
    if request.param == "here":
        app = App(python, ROOT, Path(sysconfig.get_path("purelib")))
        return lambda settings: started(app, settings, log)
    folder: Path = request.getfixturevalue("packaged")
    app = App(python, folder, folder / package.FOLDER.relative_to(ROOT))
    return lambda settings: specialised(app, settings, log)


@pytest.fixture(scope="module")
def running(run: Run, mongodb_uri: str, database_name: str) -> Iterator[Worker]:
    """Run the app on the session's MongoDB."""
    with run({"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": database_name}) as worker:
        yield worker


@pytest.fixture
def worker(running: Worker) -> Iterator[Worker]:
    """Return the running app, which must log no warnings besides those that the test expects."""
    yield running
    assert running.problems == []


def test_stores_feedback(worker: Worker, server_database: Database[Document]) -> None:
    answers = [worker.post(("feedback", FEEDBACK))[0] for _ in range(2)]

    assert [each.status for each in answers] == [201, 200]
    assert answers[0].body == {"message": "Feedback received."}
    [document] = server_database.feedback.find()
    assert document["rating"] == FEEDBACK["rating"]


def test_stores_events(worker: Worker, server_database: Database[Document]) -> None:
    [one, batch] = worker.post(("analytics", EVENT), ("analytics", [EVENT] * 3))

    assert [one.status, batch.status] == [202, 202]
    assert batch.body["logged"] == 3
    assert server_database.analytics.count_documents({}) == 4


def test_stores_requests_at_the_same_time(
    worker: Worker, server_database: Database[Document]
) -> None:
    feedback = [("feedback", FEEDBACK | {"message_id": f"m{number}"}) for number in range(32)]

    assert {each.status for each in worker.post(*[("analytics", EVENT)] * 32)} == {202}
    assert {each.status for each in worker.post(*feedback)} == {201}
    assert server_database.analytics.count_documents({}) == 32
    assert server_database.feedback.count_documents({}) == 32


@pytest.mark.parametrize("name", NAMES)
def test_inflates_bodies(worker: Worker, server_database: Database[Document], name: str) -> None:
    body = gzip.compress(json.dumps(BODIES[name]).encode())

    [answer] = worker.post((name, body), **GZIP)

    assert answer.status in {201, 202}
    assert server_database[name].count_documents({"user_id": "u1"}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_answers_problems(worker: Worker, server_database: Database[Document], name: str) -> None:
    answers = worker.post((name, b"{"), (name, {}), (name, b""))

    assert [each.status for each in answers] == [400, 422, 400]
    assert {each.headers["content-type"] for each in answers} == {"application/problem+json"}
    assert server_database.list_collection_names() == []
    assert worker.logged() == {"up2d8"}


def test_survives_an_outage(run: Run, own_mongod: Mongod) -> None:
    requests = list(BODIES.items())
    with run({"MONGODB_URI": own_mongod.uri}) as worker:
        assert [each.status for each in worker.post(*requests)] == [201, 202]
        own_mongod.kill()
        assert [each.status for each in worker.post(*requests)] == [503, 503]
        assert worker.logged() == {"up2d8"}
        own_mongod.start()
        assert [each.status for each in worker.post(*requests)] == [200, 202]
        assert worker.problems == []
