"""The command name in advice, which must work when copied."""

import sys
from pathlib import Path

import pytest

from insights.terminal.program import program, program_anywhere


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the bin folder of a virtual environment that runs this Python."""
    programs = tmp_path / "my project/.venv/bin"
    programs.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    monkeypatch.chdir(tmp_path / "my project")
    return programs


def test_is_the_script_of_this_environment(environment: Path) -> None:
    (environment / "insights").touch(mode=0o755)

    assert program() == ".venv/bin/insights"
    assert program_anywhere() == f"'{environment}/insights'"


def test_is_the_module_if_there_is_no_script(environment: Path) -> None:
    assert program() == ".venv/bin/python -m insights"
    assert program_anywhere() == f"'{environment}/python' -m insights"


def test_is_a_full_path_elsewhere(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment / "insights").touch(mode=0o755)
    (environment / "folder").mkdir()
    monkeypatch.chdir(environment / "folder")
    assert program() == f"'{environment}/insights'"
