"""Addresses on loopback, where an embedded MongoDB listens."""

import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass

# Below those that systems give to whoever asks for any (Linux from 32768 on), so that nobody gets
# one by chance before we use it, or while a `mongod` restarts.
PORTS = range(20_000, 32_768)

# Windows tries three times within 2 s before it calls a connection to a free port refused.
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Address:
    """A loopback address: where an embedded MongoDB may listen."""

    ip: str
    port: int

    def __str__(self) -> str:
        """Return the address as connection strings write it."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    def is_free(self) -> bool:
        """Say whether nothing listens there."""
        try:
            socket.create_connection((self.ip, self.port), timeout=CONNECT_SECONDS).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False


def free_address() -> Address:
    """Return a loopback address on which nothing listens."""
    while True:
        address = Address("127.0.0.1", secrets.choice(PORTS))
        with suppress(OSError), socket.create_server((address.ip, address.port)):
            return address
