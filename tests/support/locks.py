"""Locks between the workers of a test run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path, *, alone: bool = True) -> Iterator[None]:
    """Hold the lock of an existing file, alone or with others that share it; not on Windows."""
    if sys.platform == "win32":
        yield
        return
    with path.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
