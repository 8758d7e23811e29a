"""The local server as a process, like a user starts it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO

import httpx

from tests.support.project import ROOT

SECONDS_TO_END = 30


@dataclass
class LocalServer:
    """A running server: its process, a client, and its output at the start and since."""

    process: subprocess.Popen[str]
    client: httpx.Client
    printed: str
    mongodb_port: int = 0
    log: list[str] = field(default_factory=list)

    def wait_for_log(self, words: str) -> str:
        """Return the first log line with these words, and clear the log."""
        deadline = time.monotonic() + SECONDS_TO_END
        while True:
            if found := [line for line in self.log if words in line]:
                self.log.clear()
                return found[0]
            assert time.monotonic() < deadline, self.log
            time.sleep(0.01)

    def keep_log(self) -> None:
        """Read the output: a full pipe would block the server."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.log.append(line)


# The fixture `run_server`.
RunServer = Callable[..., AbstractContextManager[LocalServer]]


@contextmanager
def start(folder: Path = ROOT, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the server in `folder` with exactly these settings, and kill it at the end."""
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
            # No-op after an exit; without it, waiting for the process could last forever.
            process.kill()


@contextmanager
def running_server(folder: Path = ROOT, **environment: str) -> Iterator[LocalServer]:
    """Run the server, and stop it with SIGTERM."""
    with start(folder, **environment) as process:
        assert process.stdout
        printed = read_start(process.stdout)
        [url] = set(re.findall(r"http://localhost:\d+", printed)) or [""]
        try:
            with httpx.Client(base_url=url, timeout=10) as client:
                server = LocalServer(process, client, printed)
                Thread(target=server.keep_log, daemon=True).start()
                yield server
        finally:
            process.terminate()
            process.wait(SECONDS_TO_END)


def read_start(output: IO[str]) -> str:
    """Return the output of the server until it serves or exits."""
    lines = []
    for line in output:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return "".join(lines)


def start_and_fail(folder: Path = ROOT, **environment: str) -> str:
    """Return the output of a server whose start must fail."""
    with start(folder, **environment) as process:
        printed, _ = process.communicate(timeout=SECONDS_TO_END)
        assert process.returncode == 1, printed
        return printed
