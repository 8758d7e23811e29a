"""Every request in the README gives the answer that the README shows."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pymongo import MongoClient

import insights.settings
import shared_code.problems
from insights.application import COMMANDS
from local_project.addresses import free_address
from shared_code.settings import Settings
from tests.conftest import ROOT, Document
from tests.insights_cli import Insights
from tests.local_server import LocalServer, running_server

README = (ROOT / "README.md").read_text(encoding="utf-8")
VARIABLE_DATE = re.compile(r"datetime\.datetime\([\d, ]+\)")


@dataclass
class Command:
    """A command of the README, and what it is said to print."""

    line: str
    output: str


def commands() -> Iterator[Command]:
    """Return the commands of the README in their order."""
    for block in re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL):
        for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = text.partition("\n")
            yield Command(line, output)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run the server as `make run` does, but on free ports."""
    folder = tmp_path_factory.mktemp("project")
    for path in ROOT.iterdir():
        if path.name not in {".data", ".git", ".venv"}:
            (folder / path.name).symlink_to(path)
    address = free_address()
    with running_server(folder, MONGODB_URI=f"mongodb://localhost:{address.port}") as server:
        server.printed = server.printed.replace(str(address.port), "27017").replace(
            str(server.client.base_url.port), "7071"
        )
        server.mongodb_port = address.port
        yield server


def send(client: httpx.Client, line: str) -> str:
    """Send the request of a `curl` line, and return what curl would print."""
    curl, write_out, form, url, option, body = shlex.split(line)
    assert (curl, write_out, form, option) == ("curl", "-w", r" %{http_code}\n", "-d")
    response = client.post(httpx.URL(url).path, content=body)
    return f"{response.text} {response.status_code}\n"


def run_python(line: str, port: int) -> str:
    """Run a line of Python in the tests' environment and on the tests' MongoDB."""
    interpreter, option, script = shlex.split(line)
    assert (interpreter, option) == (".venv/bin/python", "-c")
    script = script.replace("MongoClient()", f"MongoClient(port={port})")
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_commands_print_what_the_readme_says(server: LocalServer) -> None:
    with MongoClient[Document](port=server.mongodb_port) as client:
        client.drop_database("up2d8")
    for command in commands():
        match command.line.split()[0]:
            case "curl":
                assert send(server.client, command.line) == command.output
            case "make":
                makefile = (ROOT / "Makefile").read_text()
                assert f"\n{command.line.split()[1]}:" in makefile
            case _:
                printed = run_python(command.line, server.mongodb_port)
                assert VARIABLE_DATE.sub("", printed) == VARIABLE_DATE.sub("", command.output)


def test_make_run_prints_what_the_readme_says(server: LocalServer) -> None:
    [run] = [command for command in commands() if command.line == "make run"]

    assert server.printed.strip() == run.output.strip()


def test_lists_every_setting() -> None:
    names = re.findall(r"^\| `([A-Z_]+)` \|", README, flags=re.MULTILINE)

    settings = Settings.model_fields.keys() | insights.settings.Settings.model_fields.keys()
    assert sorted(names) == sorted(name.upper() for name in settings)


def test_lists_every_problem() -> None:
    listed = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", README, flags=re.MULTILINE)

    problems = [
        each
        for each in vars(shared_code.problems).values()
        if hasattr(each, "status") and hasattr(each, "name")
    ]
    assert sorted(listed) == sorted((str(each.status), each.name) for each in problems)


def test_names_every_folder() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert {name for name in folders if f"`{name}/`" not in README} == set()
    assert Path(ROOT / "LICENSE").exists()


def test_the_operators_commands_work_on_the_demo(insights: Insights) -> None:
    lines = re.findall(r"^\.venv/bin/python -m insights (.*)$", README, flags=re.MULTILINE)
    assert insights("demo", "--here", "--days", "40", "--users", "30").exit_code == 0

    failed = {
        line: found.stderr for line in lines if (found := insights(*shlex.split(line))).exit_code
    }
    assert failed == {}


def test_lists_every_command_of_the_operator() -> None:
    [table] = re.findall(r"^\| command \|.*\n\| ---.*\n((?:\|.*\n)+)", README, flags=re.MULTILINE)
    first_cells = re.findall(r"^\|([^|]*)\|", table, flags=re.MULTILINE)

    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(first_cells))) == sorted(COMMANDS)
