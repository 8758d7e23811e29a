"""The browser client in Chromium, while something breaks. `make chaos` runs it more often.

All scenarios run at the same time: they mostly wait.
"""

import asyncio
import json
import os

import pytest

from chaos.lab import running_lab
from chaos.pages import our_files
from chaos.runs import our_client, problems_of, run_scenarios
from chaos.scenarios import SCENARIOS
from tests.support.locks import locked

pytestmark = [pytest.mark.timed, pytest.mark.usefixtures("run_mongod", "run_server")]

Problems = dict[str, list[str]]


@pytest.fixture(scope="session")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Problems:
    """Return what went wrong in each scenario. They run in the first worker that asks."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / "browser_client.json"
    path.touch()
    with locked(path):
        if not path.read_bytes():
            path.write_text(json.dumps(run()), encoding="utf-8")
        found: Problems = json.loads(path.read_bytes())
    return found


def run() -> Problems:
    """Run all scenarios, and return what went wrong in each."""
    with running_lab(our_files()) as lab:
        found = asyncio.run(run_scenarios(lab, list(SCENARIOS), our_client(lab)))
    return {name: problems_of(result) for name, result in found.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_loses_nothing_and_stores_nothing_twice(name: str, problems: Problems) -> None:
    assert problems[name] == []
