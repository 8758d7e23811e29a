"""Loopback addresses for the embedded MongoDB."""

import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass

HOST = "127.0.0.1"

# Below the ephemeral ports (from 32768 on Linux), so that no other process gets one by chance
# before we bind it, or while a `mongod` restarts.
PORTS = range(20_000, 32_768)

# Windows retries for 2 s before it refuses a connection to a free port.
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Address:
    """A loopback address."""

    ip: str
    port: int

    def __str__(self) -> str:
        """Return the address as in a connection string."""
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
        address = Address(HOST, secrets.choice(PORTS))
        with suppress(OSError), socket.create_server((address.ip, address.port)):
            return address


def free_port(preferred: int) -> int:
    """Return a port of loopback on which nothing listens: the preferred one if possible."""
    return preferred if Address(HOST, preferred).is_free() else free_address().port
