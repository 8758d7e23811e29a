"""The local server, started as a user starts it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

import httpx

from tests.conftest import ROOT

SECONDS_TO_END = 30


@dataclass
class LocalServer:
    """A running server: its process, its client, and what it printed at its start."""

    process: subprocess.Popen[str]
    client: httpx.Client
    printed: str
    mongodb_port: int = 0


@contextmanager
def start(folder: Path = ROOT, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the server in `folder` with these settings and no others, and kill it at last."""
    with subprocess.Popen(
        [sys.executable, "-m", "devserver"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PORT": "0"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            # Does nothing to one that ended, and otherwise the wait for its end would be for ever.
            process.kill()


@contextmanager
def running_server(folder: Path = ROOT, **environment: str) -> Iterator[LocalServer]:
    """Run the server, and end it with SIGTERM."""
    with start(folder, **environment) as process:
        assert process.stdout
        printed = read_start(process.stdout)
        # A pipe that nobody reads fills up, and then the server waits for ever.
        Thread(target=process.stdout.read, daemon=True).start()
        [url] = set(re.findall(r"http://localhost:\d+", printed)) or [""]
        try:
            with httpx.Client(base_url=url, timeout=10) as client:
                yield LocalServer(process, client, printed)
        finally:
            process.terminate()
            process.wait(SECONDS_TO_END)


def read_start(output: IO[str]) -> str:
    """Return what the server prints until it serves, or until it ends."""
    lines = []
    for line in output:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return "".join(lines)


def start_and_fail(folder: Path = ROOT, **environment: str) -> str:
    """Return what a server prints that must not start."""
    with start(folder, **environment) as process:
        printed, _ = process.communicate(timeout=SECONDS_TO_END)
        assert process.returncode == 1, printed
        return printed
