"""Processes that a test started, and those that these start."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any


def suspend(process: subprocess.Popen[Any]) -> None:
    """Suspend a child, and wait until it is: its threads may run on for a while."""
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)


def is_alive(pid: int) -> bool:
    """Say whether a process runs (one that ended and was not waited for does not)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def all_processes() -> list[int]:
    """Return the ids of all processes."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def command_of(pid: int) -> str:
    """Return a process's command line, empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_until_gone(pid: int) -> None:
    """Fail if a process does not end."""
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} was left behind"
        time.sleep(0.05)
