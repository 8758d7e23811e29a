"""The documentation matches the code: commands, tables, names and links."""

import importlib.util
import json
import logging
import re
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import azure.functions as func
import httpx
import pytest
from pydantic import BaseModel
from pymongo import MongoClient
from pymongo.database import Database

import insights.settings
import shared_code.problems
from insights import errors
from insights.application import COMMANDS, INTERRUPTED
from insights.demo.databases import SETTINGS as DEMO_SETTINGS
from insights.demo.databases import fill
from local_project.addresses import free_address
from shared_code.logs import log_failure
from shared_code.models import Event, Feedback
from shared_code.problems import StoreUnavailable
from shared_code.settings import Settings
from tests.support import pages
from tests.support.documents import Document
from tests.support.insights_cli import Insights
from tests.support.local_server import LocalServer, RunServer
from tests.support.pages import NAMES
from tests.support.project import ROOT

HTTP_API, INSIGHTS = "docs/http-api.md", "docs/insights.md"
DEPLOYMENT, LOGS, JSON = "docs/deployment.md", "docs/logs.md", "docs/json.md"

MAXIMUM_LINES = 150

# Times that differ in each run.
TIMES = re.compile(r"datetime\.datetime\([\d, ]+\)|\d{4}-\d\d-\d\dT[\d:.]+Z")

FOLDERS = sorted(
    path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))
)
PATHS = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./-]*")
SETTINGS = {
    name.upper(): field
    for model in (Settings, insights.settings.Settings)
    for name, field in model.model_fields.items()
}
SETTING = re.compile(r"\b(?:MONGODB|FEEDBACK|ANALYTICS|HONOR|AUTH|USER|MESSAGE)_[A-Z_]+\b")


@pytest.fixture(scope="module")
def server(
    run_server: RunServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    """Run the server like `make run`, but on free ports."""
    folder = tmp_path_factory.mktemp("project")
    for path in ROOT.iterdir():
        if path.name not in {".data", ".git", ".venv"}:
            (folder / path.name).symlink_to(path)
    address = free_address()
    with run_server(folder, MONGODB_URI=f"mongodb://localhost:{address.port}") as server:
        server.printed = server.printed.replace(str(address.port), "27017").replace(
            str(server.client.base_url.port), "7071"
        )
        server.mongodb_port = address.port
        yield server


def send(client: httpx.Client, line: str) -> str:
    """Send the request of a `curl` line, and return the output that curl would print."""
    curl, write_out, form, url, option, body = shlex.split(line)
    assert (curl, write_out, form, option) == ("curl", "-w", r" %{http_code}\n", "-d")
    response = client.post(httpx.URL(url).path, content=body)
    return f"{response.text} {response.status_code}\n"


def run_python(line: str, uri: str) -> str:
    """Run a line of Python in the tests' environment and on the tests' MongoDB."""
    interpreter, option, script = shlex.split(line)
    assert (interpreter, option) == (".venv/bin/python", "-c")
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, env={"MONGODB_URI": uri}, capture_output=True, text=True, check=True
    ).stdout


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", [name for name in NAMES if list(pages.commands(name))])
def test_commands_print_the_documented_output(
    server: LocalServer, page: str, tmp_path: Path
) -> None:
    uri = f"mongodb://localhost:{server.mongodb_port}"
    run_insights = Insights(tmp_path, MONGODB_URI=uri)
    with MongoClient[Document](uri) as client:
        client.drop_database("up2d8")
    for command in pages.commands(page):
        program, *arguments = shlex.split(command.line)
        match program:
            case "curl":
                assert send(server.client, command.line) == command.output
            case "make":
                assert set(arguments) <= targets()
            case ".venv/bin/insights":
                assert without_times(run_insights(*arguments).stdout) == without_times(
                    command.output
                )
            case _:
                printed = run_python(command.line, uri)
                assert without_times(printed) == without_times(command.output)


def without_times(text: str) -> str:
    """Return a text without its times."""
    assert text
    return TIMES.sub("", text)


def test_make_run_prints_the_documented_output(server: LocalServer) -> None:
    [run] = [command for command in pages.commands("README.md") if command.line == "make run"]

    assert server.printed.strip() == run.output.strip()


def insights_lines(page: str) -> list[str]:
    """Return the arguments of the operator's commands that a page shows without output."""
    scripts = "\n".join(pages.blocks(page, "sh"))
    return re.findall(r"^\.venv/bin/insights (.*)$", scripts, re.MULTILINE)


@pytest.mark.parametrize("page", [name for name in NAMES if insights_lines(name)])
def test_the_operators_commands_work_on_the_demo(
    insights: Insights, empty_database: Database[Document], page: str
) -> None:
    deque(fill(empty_database, 40, 30, datetime.now(UTC)), maxlen=0)

    failed = {
        line: found.stderr
        for line in insights_lines(page)
        if (found := insights(*shlex.split(line), **DEMO_SETTINGS)).exit_code
    }
    assert failed == {}


def keys_of(value: object) -> set[str]:
    """Return the keys of JSON objects at any depth."""
    if isinstance(value, list):
        return {key for each in value for key in keys_of(each)}
    if isinstance(value, dict):
        return {*value, *(key for each in value.values() for key in keys_of(each))}
    return set()


def test_json_has_the_documented_fields(
    insights: Insights, empty_database: Database[Document]
) -> None:
    deque(fill(empty_database, 40, 60, datetime.now(UTC)), maxlen=0)
    commands = (["summary", "--since", "30d"], ["compare", "--by", "message.model"], ["journey"])
    printed = [json.loads(insights(*each, "--json", **DEMO_SETTINGS).stdout) for each in commands]

    listed = {
        name
        for rows in pages.tables(JSON, "field", "what it is")
        for row in rows
        for name in re.findall("`([a-z_]+)`", row[0])
    }
    assert listed
    assert listed - keys_of(printed) == set()


def test_the_readme_is_short() -> None:
    assert len(pages.text_of("README.md").splitlines()) <= MAXIMUM_LINES


def test_the_readme_links_every_page() -> None:
    assert set(NAMES) - {"README.md"} <= set(pages.links("README.md"))


@pytest.mark.parametrize("page", [*NAMES, "CHANGELOG.md", "benchmarks/RESULTS.md"])
def test_link_targets_exist(page: str) -> None:
    assert [link for link in pages.links(page) if not target_exists(page, link)] == []


def target_exists(page: str, link: str) -> bool:
    """Say whether the file and the heading of a link exist."""
    path, _, anchor = link.partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    return file.exists() and (
        not anchor or anchor in pages.anchors(file.read_text(encoding="utf-8"))
    )


@pytest.mark.parametrize("page", NAMES)
def test_paths_exist(page: str) -> None:
    paths = {path.rstrip(".") for path in PATHS.findall(pages.text_of(page))}

    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", NAMES)
def test_names_no_unknown_command(page: str) -> None:
    spans = [span.split() for span in pages.code_spans(page)]
    made = {
        word
        for span in spans
        if "make" in span[:2]
        for word in span[span.index("make") + 1 :]
        if "=" not in word
    }
    operated = {span[1] for span in spans if span[0] == "insights" and len(span) > 1} - {"--help"}
    modules = set(re.findall(r"python -m ([\w.]+)", pages.text_of(page)))

    assert made <= targets()
    assert operated <= COMMANDS.keys()
    assert {module for module in modules if not importlib.util.find_spec(module)} == set()


@pytest.mark.parametrize("page", NAMES)
def test_names_no_unknown_setting(page: str) -> None:
    assert set(SETTING.findall(pages.text_of(page))) - {"AUTH_"} <= SETTINGS.keys()


@pytest.mark.parametrize("page", NAMES)
def test_code_can_be_parsed(page: str) -> None:
    for block in pages.blocks(page, "json"):
        json.loads(block)
    for block in pages.blocks(page, "sh"):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)  # noqa: S607


def test_lists_every_setting() -> None:
    rows = pages.table(DEPLOYMENT, "name", "default", "meaning")

    assert sorted(name.strip("`") for name, *_ in rows) == sorted(SETTINGS)
    assert {name.strip("`"): default.strip("`") for name, default, _ in rows if "`" in default} == {
        name: str(field.default).lower()
        for name, field in SETTINGS.items()
        if not field.is_required() and field.default not in (None, ())
    }


def test_lists_every_problem() -> None:
    listed = [(status, name) for status, name, _ in pages.table(HTTP_API, "status", "type")]

    problems = [
        each
        for each in vars(shared_code.problems).values()
        if hasattr(each, "status") and hasattr(each, "name")
    ]
    assert sorted(listed) == sorted((str(each.status), f"`{each.name}`") for each in problems)


@pytest.mark.parametrize(("number", "model"), [(0, Feedback), (1, Event)])
def test_lists_every_field(number: int, model: type[BaseModel]) -> None:
    rows = pages.tables(HTTP_API, "field", "type", "rule")[number]

    assert [(name.strip("`"), "optional" not in kind) for name, kind, _ in rows] == [
        (name, field.is_required()) for name, field in model.model_fields.items()
    ]


def test_names_every_folder() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    text = pages.text_of("ARCHITECTURE.md")
    assert {name for name in folders if f"`{name}/`" not in text} == set()
    assert (ROOT / "LICENSE").exists()


def test_lists_every_command_of_the_operator() -> None:
    first_cells = " ".join(cells[0] for cells in pages.table(INSIGHTS, "command"))

    assert sorted(re.findall(r"`([a-z-]+)`", first_cells)) == sorted(COMMANDS)


def test_lists_every_exit_code() -> None:
    listed = [int(code) for code, _ in pages.table(INSIGHTS, "code", "meaning")]

    known = {
        each.exit_code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.InsightsError)
    }
    assert listed == sorted({0, *known, INTERRUPTED})


def test_lists_every_field_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    fields = [name.strip("`") for name, _ in pages.table(LOGS, "field", "meaning")]
    [example] = pages.blocks(LOGS, "json")
    request = func.HttpRequest("POST", "/api/feedback", body=b"")

    with caplog.at_level(logging.ERROR):
        problem = StoreUnavailable("no answer in time")
        log_failure(problem, "feedback_function", request, perf_counter(), None)

    assert fields == list(json.loads(example)) == list(json.loads(caplog.messages[-1]))
