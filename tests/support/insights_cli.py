"""The operator's tool, run as its command line: in this process, or in one of its own."""

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

# Nothing of the terminal and the settings that the tests themselves are run with.
NEUTRAL = dict.fromkeys(
    [*map(str.upper, Settings.model_fields), "COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM"]
)


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[Any]:
        """What `--json` printed."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Insights:
    """Runs commands of the tool in a folder, with these settings and no others."""

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
        """Start a command in a process of its own, whose output goes into pipes."""
        return self.start_into(subprocess.PIPE, arguments, environment)

    def start_into(
        self, stdout: int, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        """Start a command in a process of its own, whose output goes into a file descriptor."""
        path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-m", "insights", *arguments],
            cwd=self.folder,
            env=path | self.settings | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run a command in a process of its own until it ends."""
        with self.start(*arguments, **environment) as process:
            stdout, stderr = process.communicate(timeout=SECONDS_TO_END)
        return Result(process.returncode, stdout, stderr)
