"""The command that runs this program, for messages with commands to copy."""

import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

NAME = "insights"


def program() -> str:
    """Return the command for a shell in the current folder."""
    file, *arguments = command_words()
    with suppress(ValueError):
        file = str(Path(file).relative_to(Path.cwd()))
    return shlex.join([file, *arguments])


def program_anywhere() -> str:
    """Return the command for a shell in any folder."""
    return shlex.join(command_words())


def command_words() -> list[str]:
    """Return the console script of this virtual environment, or else `python -m insights`."""
    script = shutil.which(NAME, path=str(Path(sys.executable).parent))
    return [script] if script else [sys.executable, "-m", NAME]
