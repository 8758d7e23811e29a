"""The browser client in each browser, while something breaks. `make chaos` runs it more often.

All scenarios of a browser run at the same time: they mostly wait.
"""

import asyncio
import json
import os
from collections.abc import Sequence

import pytest

from chaos.lab import Lab, running_lab
from chaos.pages import our_files
from chaos.runs import our_client, problems_of, run_scenarios
from chaos.scenarios import scenarios_for
from tests.support.engines import Engine, engines_of
from tests.support.locks import locked

pytestmark = [pytest.mark.timed, pytest.mark.usefixtures("run_mongod", "run_server")]

# By browser and scenario.
Problems = dict[str, dict[str, list[str]]]


@pytest.fixture(scope="session")
def problems(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Problems:
    """Return what went wrong in each scenario. They run in the first worker that asks."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / "browser_client.json"
    path.touch()
    with locked(path):
        if not path.read_bytes():
            path.write_text(json.dumps(run(engines_of(request.config))), encoding="utf-8")
        found: Problems = json.loads(path.read_bytes())
    return found


def run(engines: Sequence[Engine]) -> Problems:
    """Run all scenarios in these browsers, and return what went wrong in each."""
    with running_lab(our_files()) as lab:
        return {engine: run_in(engine, lab) for engine in engines}


def run_in(engine: Engine, lab: Lab) -> dict[str, list[str]]:
    """Run all scenarios in a browser, and return what went wrong in each."""
    found = asyncio.run(run_scenarios(lab, scenarios_for(engine), our_client(lab), engine))
    return {name: problems_of(result) for name, result in found.items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each scenario in each browser."""
    engines = engines_of(metafunc.config)
    runs = [(engine, name) for engine in engines for name in scenarios_for(engine)]
    metafunc.parametrize(("engine", "name"), runs)


def test_loses_nothing_and_stores_nothing_twice(
    engine: Engine, name: str, problems: Problems
) -> None:
    assert problems[engine][name] == []
