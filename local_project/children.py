"""Child processes that end with ours."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

STOP_SECONDS = 15

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
NEW_PROCESS_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


def start_child(
    command: Sequence[str],
    output: BinaryIO | int,
    errors: BinaryIO | int | None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program; without `errors`, its standard error is ours.

    In its own session (on Windows, process group) it gets no Ctrl-C: the caller stops it when
    nothing needs it any more.
    """
    # `preexec_fn` is safe here: it makes a single system call.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        cwd=folder,
        env=environment,
        start_new_session=True,
        creationflags=NEW_PROCESS_GROUP,
        preexec_fn=end_with_parent if LIBC else None,  # noqa: PLW1509
    )


def end_with_parent() -> None:
    """Have Linux kill the child when our process dies, even by SIGKILL (prctl(2)).

    SIGKILL, so that a restart does not find it still listening.
    """
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate a child, and kill it after `STOP_SECONDS`. On Windows, terminating kills."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
