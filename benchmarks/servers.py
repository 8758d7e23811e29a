"""The two servers as processes: ours, the local server, and the peer."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from pydantic_core import to_json

from benchmarks.http_client import first_response
from benchmarks.samples import event
from local_project.addresses import free_address

ROOT = Path(__file__).parent.parent
STOP_SECONDS = 15


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: asyncio.subprocess.Process
    port: int
    ready_seconds: float
    """From the start of its process to its first response."""

    @property
    def memory(self) -> int:
        """Its resident memory in bytes (proc(5))."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")


def our_command(_port: int) -> list[str]:
    """Return the command line of our server."""
    return ["-m", "benchmarks.ours"]


def peer_command(port: int) -> list[str]:
    """Return the command line of the peer, with the same uvicorn settings as our server."""
    options = ["--no-access-log", "--no-server-header", "--no-proxy-headers"]
    options += ["--timeout-graceful-shutdown", "5"]
    return ["-m", "uvicorn", "benchmarks.peer:app", "--port", str(port), *options]


async def start(command: list[str], port: int, uri: str, database: str) -> Server:
    """Start a server, and wait for its first response, which confirms a stored event."""
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
        await first_response(port, "/api/analytics", to_json(event()))
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return Server(process, port, perf_counter() - begin)


async def stop(server: Server) -> None:
    """Terminate a server and wait for it."""
    server.process.terminate()
    async with asyncio.timeout(STOP_SECONDS):
        await server.process.wait()


@asynccontextmanager
async def running(command: Callable[[int], list[str]], uri: str) -> AsyncIterator[Server]:
    """Run the server of `command` on a free port, with its own database."""
    port = free_address().port
    server = await start(command(port), port, uri, f"benchmark_{command.__name__}")
    try:
        yield server
    finally:
        await stop(server)


def our_server(uri: str) -> AbstractAsyncContextManager[Server]:
    """Run our server."""
    return running(our_command, uri)


def peer_server(uri: str) -> AbstractAsyncContextManager[Server]:
    """Run the peer."""
    return running(peer_command, uri)
