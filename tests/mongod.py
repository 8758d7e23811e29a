"""A MongoDB that a test starts, kills and hangs as it likes."""

import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

from devserver.mongodb import Address, running_mongod


class Mongod:
    """A MongoDB of one test's own, not yet started; leaving `resources` ends it."""

    def __init__(self, address: Address, folder: Path) -> None:
        self.address = address
        self.uri = f"mongodb://{address}"
        self.folder = folder
        self.resources = ExitStack()
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start it, on the data that it had."""
        self.process = self.resources.enter_context(running_mongod(self.address, self.folder))
        # Nobody needs its data any more, and an orderly end takes a second.
        self.resources.callback(self.kill)

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        """Stop it without closing its connections."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self.process.send_signal(signal.SIGCONT)
