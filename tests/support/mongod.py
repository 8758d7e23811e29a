"""A MongoDB that a test starts, kills and suspends."""

import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from local_project.addresses import Address
from tests.support.dialect_proxy import DialectProxy, running_proxy
from tests.support.dialects import Dialect
from tests.support.processes import suspend

# The fixture `run_mongod`.
RunMongod = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


class Mongod:
    """A MongoDB for one test, not yet started; leaving `resources` ends it.

    At `uri` clients meet a server of the dialect; `direct_uri` bypasses the proxy.
    """

    def __init__(
        self,
        run: RunMongod,
        address: Address,
        folder: Path,
        dialect: Dialect = Dialect.MONGODB,
        *,
        proxied: bool = False,
    ) -> None:
        self.run = run
        self.address = address
        self.direct_uri = f"mongodb://{address}"
        self.folder = folder
        self.resources = ExitStack()
        self.process: subprocess.Popen[bytes]
        self.proxy: DialectProxy | None = None
        if proxied or dialect is not Dialect.MONGODB:
            self.proxy = self.resources.enter_context(running_proxy(address, dialect))

    @property
    def server(self) -> Address:
        """The address for clients."""
        return self.proxy.address if self.proxy else self.address

    @property
    def uri(self) -> str:
        """The connection string for clients."""
        return f"mongodb://{self.server}"

    def start(self) -> None:
        """Start it on its existing data."""
        self.process = self.resources.enter_context(self.run(self.address, self.folder))
        # Its data is no longer needed, and a clean shutdown takes a second.
        self.resources.callback(self.kill)

    def kill(self) -> None:
        """Kill it, like a power failure."""
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        """Suspend it with its connections open."""
        suspend(self.process)

    def resume(self) -> None:
        """Resume it."""
        self.process.send_signal(signal.SIGCONT)
