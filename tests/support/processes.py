"""Signals to processes that a test started."""

import os
import signal
import subprocess
from typing import Any


def suspend(process: subprocess.Popen[Any]) -> None:
    """Suspend a child, and wait until it is: its threads may run on for a while."""
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
