"""One-shot processes: their duration and memory."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from benchmarks.servers import ROOT


class Run(NamedTuple):
    """The cost of a process from start to exit."""

    seconds: float
    memory: float
    """Its largest resident memory, in MiB."""


def run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path = ROOT) -> Run:
    """Run Python with these arguments in a folder, discarding its output.

    Raises:
        RuntimeError: it failed.
    """
    start = perf_counter()
    with subprocess.Popen(  # noqa: S603 (runs ourselves)
        [sys.executable, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return Run(perf_counter() - start, usage.ru_maxrss / 1024)
