"""The two servers as processes: ours, the local server, and the peer."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from pydantic_core import to_json

from benchmarks.http_client import first_answer
from benchmarks.samples import event

ROOT = Path(__file__).parent.parent
STOP_SECONDS = 15


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    process: asyncio.subprocess.Process
    port: int
    ready_seconds: float
    """From the start of its process to its first answer."""

    @property
    def memory(self) -> int:
        """Its resident memory in bytes (proc(5))."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def our_command(_port: int) -> list[str]:
    """Return what starts our server."""
    return ["-m", "benchmarks.ours"]


def peer_command(port: int) -> list[str]:
    """Return what starts the peer, with the settings with which our server runs uvicorn."""
    options = ["--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "5"]
    return ["-m", "uvicorn", "benchmarks.peer:app", "--port", str(port), *options]


async def start(command: list[str], port: int, uri: str, database: str) -> Server:
    """Start a server, and wait for its first answer, which says that an event is stored."""
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "MONGODB_URI": uri,
        "MONGODB_DATABASE": database,
    }
    begin = perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await first_answer(port, "/api/analytics", to_json(event()))
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return Server(process, port, perf_counter() - begin)


async def stop(server: Server) -> None:
    """Ask a server to end, and wait until it has."""
    server.process.terminate()
    async with asyncio.timeout(STOP_SECONDS):
        await server.process.wait()


@asynccontextmanager
async def our_server(uri: str) -> AsyncIterator[Server]:
    """Run our server."""
    port = free_port()
    server = await start(our_command(port), port, uri, "benchmark_our_server")
    try:
        yield server
    finally:
        await stop(server)


@asynccontextmanager
async def peer_server(uri: str) -> AsyncIterator[Server]:
    """Run the peer."""
    port = free_port()
    server = await start(peer_command(port), port, uri, "benchmark_peer_server")
    try:
        yield server
    finally:
        await stop(server)
