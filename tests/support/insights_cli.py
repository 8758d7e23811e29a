"""The operator's tool as a command line, in this process or its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from insights.application import main
from insights.settings import Settings
from tests.support.project import ROOT

SECONDS_TO_END = 60

# Hides the terminal and the settings of the test run.
NEUTRAL = dict.fromkeys(
    [*map(str.upper, Settings.model_fields), "COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM"]
)


@dataclass(frozen=True)
class Result:
    """The output and the exit code of a command."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[Any]:
        """The output of `--json`."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Insights:
    """Runs commands of the tool in a folder, with exactly these settings."""

    # The arguments with which Python runs the tool.
    program: Sequence[str] = ("-m", "insights")

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings

    def __call__(self, *arguments: str, answer: str = "", **environment: str) -> Result:
        """Run a command in this process; `answer` is its standard input."""
        environment = self.settings | environment
        runner = CliRunner()
        with runner.isolation(answer, NEUTRAL | environment) as (stdout, stderr, _):
            exit_code = main(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            return Result(exit_code, stdout.getvalue().decode(), stderr.getvalue().decode())

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command as a process, with its output piped."""
        return self.start_into(subprocess.PIPE, arguments, environment)

    def start_into(
        self, stdout: int, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        """Start a command as a process, with its output to a file descriptor."""
        path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, *self.program, *arguments],
            cwd=self.folder,
            env=path | self.settings | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run a command as a process until it exits."""
        with self.start(*arguments, **environment) as process:
            stdout, stderr = process.communicate(timeout=SECONDS_TO_END)
        return Result(process.returncode, stdout, stderr)
