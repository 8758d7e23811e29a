"""How this program is called, for commands that are printed to be copied."""

import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

NAME = "insights"


def program() -> str:
    """Return the command that runs this program, as a shell in this folder finds it."""
    file, *arguments = words()
    with suppress(ValueError):
        file = str(Path(file).relative_to(Path.cwd()))
    return shlex.join([file, *arguments])


def program_anywhere() -> str:
    """Return the same for a shell in any folder."""
    return shlex.join(words())


def words() -> list[str]:
    """Return the script beside this Python, or else this Python and the module."""
    script = shutil.which(NAME, path=str(Path(sys.executable).parent))
    return [script] if script else [sys.executable, "-m", NAME]
