"""The command line as a whole: help, pipes and exit codes."""

import os
import re
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo.database import Database

from insights.application import COMMANDS, load
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights
from tests.support.project import ROOT

# More than a pipe's buffer.
MANY = 5000


def examples(name: str) -> list[str]:
    """Return the examples in a command's help."""
    _, _, text = (load(name).__doc__ or "").partition("Examples:")
    return [line.strip() for line in text.splitlines() if line.strip()]


def assert_flags_have_no_type(help_text: str) -> None:
    """Fail if a flag, which takes no value, shows a type."""
    names = "json|yes|open|serve|repair|erase|flatten|dry-run|here|help"
    flags = re.findall(rf"^│ +(--(?:{names})) +(\S+)", help_text, re.MULTILINE)

    assert ("--help", "Show") in flags
    assert [flag for flag, word in flags if not word[0].isupper()] == []


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_lists_every_command_with_its_summary(command_line: Insights, arguments: list[str]) -> None:
    result = command_line(*arguments)

    assert (result.exit_code, result.stderr) == (0, "")
    assert_flags_have_no_type(result.stdout)
    for name, command in COMMANDS.items():
        assert any(
            name in line and command.summary in line for line in result.stdout.splitlines()
        ), name
        assert f" {command.heading} " in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_help_with_an_example(command_line: Insights, name: str) -> None:
    result = command_line(name, "--help")

    assert (result.exit_code, result.stderr) == (0, "")
    shown = " ".join(result.stdout.split())
    assert f"Usage: insights {name}" in shown
    assert_flags_have_no_type(result.stdout)
    assert COMMANDS[name].summary.removesuffix(".") in shown
    assert examples(name)
    for example in examples(name):
        assert f"insights {name}" in example
        assert example in shown


@pytest.mark.parametrize("name", ["feedback", "events", "setup"])
def test_the_examples_work(
    insights: Insights, empty_database: Database[Document], name: str
) -> None:
    now = datetime.now(UTC)
    details = {"page": "/dashboard", "seconds": 6}
    feedback = a_feedback(now, rating="down", comment="Too slow.", message_id="m1")
    empty_database.feedback.insert_one(feedback)
    empty_database.sessions.insert_one({"messages": [{"message_id": "m1", "content": "Wait."}]})
    empty_database.analytics.insert_one(an_event(now, details=details))

    for example in examples(name):
        before, _, arguments = example.partition("insights ")
        settings = dict(word.split("=") for word in before.split())
        result = insights(*shlex.split(arguments), **settings)
        assert (result.exit_code, result.stderr) == (0, ""), example
        assert result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["feedbak"], "No such command 'feedbak'. Did you mean 'feedback'?"),
        (["xyz"], "No such command 'xyz'."),
        (["--limit", "5"], "No such option: --limit"),
        (["feedback", "--limt", "5"], "No such option: --limt (Possible options: --limit)"),
        (["feedback", "--user"], "Option '--user' requires an argument."),
        (["feedback", "u1"], "Got unexpected extra argument(s) (u1)"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    command_line: Insights, arguments: list[str], message: str
) -> None:
    result = command_line(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"insights: {message}\n"


@pytest.mark.parametrize(
    "arguments", [["--json", "--limit", str(MANY)], ["--limit", str(MANY)], []]
)
def test_a_reader_that_stops_early_ends_it_quietly(
    insights: Insights, empty_database: Database[Document], arguments: list[str]
) -> None:
    empty_database.feedback.insert_many(a_feedback(NOON, comment="x" * 99) for _ in range(MANY))

    with insights.start("feedback", *arguments) as process:
        assert process.stdout
        assert process.stderr
        if arguments:
            assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


@pytest.mark.parametrize("arguments", [["--help"], ["feedback", "--help"]])
def test_a_closed_pipe_ends_the_help_quietly(command_line: Insights, arguments: list[str]) -> None:
    with command_line.start(*arguments) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_ctrl_c_ends_it_quietly(insights: Insights, empty_database: Database[Document]) -> None:
    empty_database.feedback.insert_many(a_feedback(NOON, comment="x" * 99) for _ in range(MANY))

    # The process blocks on the full pipe.
    with insights.start("feedback", "--json", "--limit", str(MANY)) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == ""


@pytest.mark.parametrize("arguments", [["feedback"], ["feedback", "--json"], ["--help"]])
@pytest.mark.linux
def test_reports_output_that_cannot_be_written(
    insights: Insights, empty_database: Database[Document], arguments: list[str]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    with (
        Path("/dev/full").open("w") as full,
        insights.start_into(full.fileno(), arguments, {}) as process,
    ):
        assert process.stderr
        assert process.stderr.read() == "insights: the output: No space left on device\n"
        assert process.wait() == 4


@pytest.mark.parametrize(
    ("command", "exit_code", "message"),
    [
        ("feedback >&-", 0, ""),
        ("feedback --json >&-", 0, ""),
        ("--help >&-", 0, ""),
        ("feedback --user nobody >&-", 5, "insights: nothing matches\n"),
        ("feedback --limit 0 2>&-", 2, ""),
        (
            "forget u1 <&-",
            2,
            (
                "Erase 1 feedback and 0 events of u1? [y/n] (n): \n"
                "insights: nothing was done: answer y, or pass --yes\n"
            ),
        ),
    ],
)
def test_works_without_a_standard_stream(
    insights: Insights,
    empty_database: Database[Document],
    command: str,
    exit_code: int,
    message: str,
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    result = subprocess.run(
        ["/bin/sh", "-c", f"{shlex.quote(sys.executable)} -m insights {command}"],
        cwd=insights.folder,
        env=os.environ | insights.settings | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stderr) == (exit_code, message)


def test_imports_no_modules_of_other_commands(command_line: Insights) -> None:
    result = command_line.run("feedback", "--help", PYTHONPROFILEIMPORTTIME="1")

    assert "insights.terminal.listing" in result.stderr
    for module in (
        "insights.mongodb.indexes",
        "pyarrow",
        "altair",
        "jinja2",
        "scipy",
        "uvicorn",
        "azure.functions",
    ):
        assert module not in result.stderr
