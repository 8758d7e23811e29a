"""How this program is called, for commands that are printed to be copied."""

import shlex
import sys
from contextlib import suppress
from pathlib import Path


def program() -> str:
    """Return this Python and this module, as a shell here finds them."""
    executable = Path(sys.executable)
    with suppress(ValueError):
        executable = executable.relative_to(Path.cwd())
    return f"{shlex.quote(str(executable))} -m insights"
