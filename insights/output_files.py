"""Files that are there whole, or not at all."""

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

# What users wrote is for the operator alone, unless the operator decides otherwise.
NEW_FILE_MODE = 0o600


@contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is to be replaced, or standard output for `-`.

    The file is written under another name beside it, and gets its own once the block has ended
    and the disk has it all. However the block ends, the other file is gone then; only a process
    that is killed on the spot leaves it.

    Raises:
        FileNotWritable: the file cannot be written, or is no regular file.
    """
    to_output = path == STANDARD_OUTPUT
    try:
        with standard_output() if to_output else open_replacement(path) as file:
            yield file
    except BrokenPipeError:
        # Nobody reads on, which is not wrong.
        raise
    except OSError as error:
        name = "standard output" if to_output else path
        raise FileNotWritable(f"{name}: {error.strerror or error}") from None


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Return standard output. All of it is written when the block has ended."""
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def open_replacement(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path`, and its permissions, at the end.

    Raises:
        FileNotWritable: there is something that is not to be replaced.
        OSError: the file cannot be written.
    """
    check(path)
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    temporary = path.with_name(f".insights-{token_hex(8)}.part")
    try:
        # Whoever may not read the old file must not read this one meanwhile either.
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


def check(path: Path) -> None:
    """Refuse to replace what is not a file that may be written.

    Raises:
        FileNotWritable: it is there.
        OSError: it cannot be looked at.
    """
    if path.is_symlink():
        raise FileNotWritable(
            f"{path} is a symbolic link: name the file itself, or - for standard output"
        )
    if path.is_dir():
        raise FileNotWritable(f"{path} is a folder")
    if path.exists() and not path.is_file():
        raise FileNotWritable(f"{path} is not a regular file: use - and redirect the output")
    if path.exists() and not os.access(path, os.W_OK):
        raise FileNotWritable(f"{path} is write-protected")
