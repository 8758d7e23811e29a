"""The deployed files, and the files in git, even with exports and pages around."""

import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo.database import Database

from tests.support.documents import Document, a_feedback, an_event
from tests.support.insights_cli import Insights
from tests.support.packing import NEVER_PACKED, git, packed_by_azd
from tests.support.project import ROOT
from tools import package

DEPLOYED = ("analytics_function/", "feedback_function/", "shared_code/")
DEPLOYED_FILES = {"host.json", "requirements.txt"}

USUAL_NAMES = [
    *("users.csv", "users.CSV", "events.2026.jsonl", "users.ndjson", "users.parquet"),
    *("docs/users.csv", "shared_code/users.csv"),
]
OTHER_NAMES = ["users", "users.txt", "docs/users", "host.csv", "shared_code.csv"]
PAGES = ["dashboard.html", "report.html"]
UNFINISHED = [".insights-0123456789abcdef.part", "docs/.insights-0123456789abcdef.part"]


def packed_by_git_rules(folder: Path) -> set[str]:
    """Return the package's files if .funcignore is read like a .gitignore."""
    return set(git(folder, "ls-files", "--others", "--exclude-from=.funcignore"))


def packed_by_core_tools(folder: Path) -> set[str]:
    """Return the package's files as Core Tools reads .funcignore.

    Rules match from the beginning of a path, `*` stands for one or more characters, and exceptions
    win regardless of their order.
    """
    rules = (folder / ".funcignore").read_text().splitlines()
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    ignored = to_pattern([rule for rule in rules if not rule.startswith("!")])
    kept = to_pattern([rule.removeprefix("!") for rule in rules if rule.startswith("!")])
    files = git(folder, "ls-files", "--others")
    packed = {each for each in files if kept.match(each) or not ignored.match(each)}
    return packed - NEVER_PACKED


def to_pattern(rules: list[str]) -> re.Pattern[str]:
    """Return a pattern for any of these rules."""
    escaped = (re.escape(rule.removeprefix("/")) for rule in rules)
    return re.compile(
        "|".join(each.replace(r"\*\*", ".+").replace(r"\*", "[^/]+") for each in escaped)
    )


@pytest.fixture
def project(insights: Insights) -> Path:
    """Return an untracked copy of the project in the folder of `insights`."""
    for path in git(ROOT, "ls-files"):
        copy = insights.folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).exists():
            shutil.copy(ROOT / path, copy)
    git(insights.folder, "init", "--quiet")
    return insights.folder


def write_files(insights: Insights, database: Database[Document], exports: list[str]) -> None:
    """Write exports of these names, pages, and leftovers of killed commands."""
    now = datetime.now(UTC)
    database.feedback.insert_one(a_feedback(now))
    database.analytics.insert_one(an_event(now))
    for name in exports:
        form = [] if name in USUAL_NAMES else ["--format", "csv"]
        assert insights("export", "events", "--out", name, *form).exit_code == 0
    for name in PAGES:
        assert insights("dashboard", "--out", name).exit_code == 0
    for name in UNFINISHED:
        (insights.folder / name).touch()


def deployed_files() -> set[str]:
    """Return the tracked files that the functions need."""
    return {
        path
        for path in git(ROOT, "ls-files")
        if (path.startswith(DEPLOYED) or path in DEPLOYED_FILES) and (ROOT / path).exists()
    }


def test_the_deployed_files_include_the_functions() -> None:
    deployed = deployed_files()

    assert deployed >= DEPLOYED_FILES
    assert {path.split("/")[0] for path in deployed - DEPLOYED_FILES} == {
        folder.removesuffix("/") for folder in DEPLOYED
    }
    assert {path for path in deployed if path.endswith("/function.json")} == {
        "analytics_function/function.json",
        "feedback_function/function.json",
    }


READERS = [packed_by_git_rules, packed_by_core_tools, packed_by_azd]


@pytest.mark.parametrize("packed", READERS)
def test_deploys_exactly_the_needed_files(
    project: Path, packed: Callable[[Path], set[str]]
) -> None:
    for folder in (".data/mongodb", ".venv/lib", "tests/__pycache__"):
        (project / folder).mkdir(parents=True)
        (project / folder / "file").touch()

    assert packed(project) == deployed_files()


def test_deploys_no_caches(project: Path) -> None:
    (project / "shared_code/__pycache__").mkdir()
    (project / "shared_code/__pycache__/models.pyc").touch()

    assert packed_by_git_rules(project) == packed_by_azd(project) == deployed_files()


@pytest.mark.parametrize("packed", READERS)
def test_deploys_locally_built_packages(project: Path, packed: Callable[[Path], set[str]]) -> None:
    folder = project / ".python_packages/lib/site-packages"
    (folder / "__pycache__").mkdir(parents=True)
    names = {"pymongo.py", "__pycache__/pymongo.pyc", "page.html"}
    for name in names:
        (folder / name).touch()

    assert packed(project) - deployed_files() == {
        f".python_packages/lib/site-packages/{name}" for name in names
    }


@pytest.mark.linux
def test_installs_what_is_pinned_for_the_running_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n')
    uv.chmod(0o755)
    monkeypatch.setenv("UV", str(uv))
    monkeypatch.setattr(package, "FOLDER", tmp_path / "packages")

    package.install()

    given = (tmp_path / "arguments").read_text().split()
    assert {"--require-hashes", str(ROOT / "requirements.txt"), str(package.FOLDER)} <= set(given)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert given[given.index("--python-version") + 1] == version


def test_compiles_packages_for_files_whose_times_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module.py").write_text("answer = 42")
    monkeypatch.setattr(package, "FOLDER", tmp_path)

    package.compile_all()

    [compiled] = tmp_path.glob("__pycache__/module.*.pyc")
    # The flag of an unchecked hash (PEP 552).
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1


def test_deploys_no_exports_and_no_pages(
    insights: Insights, empty_database: Database[Document], project: Path
) -> None:
    write_files(insights, empty_database, USUAL_NAMES + OTHER_NAMES)

    assert packed_by_git_rules(project) == packed_by_azd(project) == deployed_files()
    # Core Tools packs everything in a folder with deployed files.
    assert packed_by_core_tools(project) - {"shared_code/users.csv"} == deployed_files()


def test_git_ignores_exports_and_pages(
    insights: Insights, empty_database: Database[Document], project: Path
) -> None:
    only_ours = ("ls-files", "--others", "--exclude-per-directory=.gitignore")
    before = git(project, *only_ours)

    write_files(insights, empty_database, USUAL_NAMES)

    assert git(project, *only_ours) == before


def test_git_ignores_none_of_the_projects_files() -> None:
    assert (
        git(ROOT, "ls-files", "--cached", "--ignored", "--exclude-per-directory=.gitignore") == []
    )


def test_the_changelogs_newest_release_is_the_packages_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = re.search(r"^## \[(\d[\d.]*)\] - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert newest
    assert newest[1] == project["version"]
