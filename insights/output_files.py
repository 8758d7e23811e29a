"""Atomic output: a file appears complete, or not at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from insights.errors import FileNotWritable

STANDARD_OUTPUT = Path("-")

# Users' texts are private: only the operator can read a new file.
NEW_FILE_MODE = 0o600


@contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing, or standard output for `-`.

    The block writes a temporary file in the same folder. Once that is on disk, it is renamed to
    `path`. If the block fails, it is removed; only SIGKILL leaves it behind.

    Raises:
        FileNotWritable: the file cannot be written, or is not a regular file.
    """
    to_output = path == STANDARD_OUTPUT
    try:
        with standard_output() if to_output else open_replacement(path) as file:
            yield file
    except BrokenPipeError:
        # The reader of the pipe has gone, which is no error.
        raise
    except OSError as error:
        name = "standard output" if to_output else path
        raise FileNotWritable(f"{name}: {error.strerror or error}") from None


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Return standard output, and flush it after the block."""
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def open_replacement(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` after the block, with the same permissions.

    Raises:
        FileNotWritable: `path` must not be replaced.
        OSError: the file cannot be written.
    """
    check_replaceable(path)
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    temporary = path.with_name(f".insights-{token_hex(8)}.part")
    try:
        # The temporary file must be no more readable than the old one.
        opener = partial(os.open, mode=NEW_FILE_MODE if mode is None else mode)
        with open(temporary, "xb", opener=opener) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_replaceable(path: Path) -> None:
    """Refuse to replace anything but a writable regular file.

    Raises:
        FileNotWritable: `path` is something else.
        OSError: `path` cannot be inspected.
    """
    if path.is_symlink():
        raise FileNotWritable(
            f"{path} is a symbolic link: name its target, or - for standard output"
        )
    if path.is_dir():
        raise FileNotWritable(f"{path} is a folder: name a file")
    if path.exists() and not path.is_file():
        raise FileNotWritable(f"{path} is not a regular file: use - and redirect the output")
    if path.exists() and not os.access(path, os.W_OK):
        raise FileNotWritable(f"{path} is write-protected: name another file")
