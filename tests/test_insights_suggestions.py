"""The commands that `insights demo` suggests in the end."""

import sys

import pytest

from insights.settings import Settings
from insights.terminal.suggestions import commands, invitation, print_commands, set_variables


def test_prints_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    printed = invitation("mongodb://me:secret@db.example/", served=True, started=False)

    assert printed == "Try in another terminal with the same MONGODB_URI, while this runs:"
    settings = Settings.model_validate({"MONGODB_URI": "mongodb://me:secret@db.example/"})
    print_commands(settings)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  export MONGODB_DATABASE=up2d8"
    assert "secret" not in "".join(lines)


def test_leaves_out_messages_that_are_not_there() -> None:
    assert not [line for line in commands(with_messages=False) if "message" in line]


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("linux", "export 'MONGODB_URI=mongodb://localhost/?a=1&b=2' SYSTEM_USERS=system"),
        ("win32", 'set "MONGODB_URI=mongodb://localhost/?a=1&b=2" & set "SYSTEM_USERS=system"'),
    ],
)
def test_sets_variables_in_this_system_s_shell(
    monkeypatch: pytest.MonkeyPatch, platform: str, line: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    values = {"MONGODB_URI": "mongodb://localhost/?a=1&b=2", "SYSTEM_USERS": "system"}
    assert set_variables(values) == line
