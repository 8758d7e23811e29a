"""The local server as a process of its own: it serves the chat that writes to the demo's database.

This package cannot import it: the tool and the functions are independent.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from insights.settings import Settings
from local_project.addresses import HOST, free_port
from local_project.children import start_child, stop

ROOT = Path(__file__).parent.parent.parent
CHAT = "/example/"

# Next to the dashboard's.
PORT = 8018

ANSWER_SECONDS = 30


@contextmanager
def running_chat(settings: Settings) -> Iterator[str | None]:
    """Serve the chat; yield its address, or None if the server, which says why, did not start."""
    port = free_port(PORT)
    database = {
        "MONGODB_URI": settings.mongodb_uri,
        "MONGODB_DATABASE": settings.mongodb_database,
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "devserver"]
    process = start_child(command, subprocess.DEVNULL, None, ROOT, os.environ | database)
    try:
        yield f"http://localhost:{port}{CHAT}" if serves(process, port) else None
    finally:
        stop(process)


def serves(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait for the chat, and say whether the server serves it."""
    while process.poll() is None:
        server = closing(HTTPConnection(HOST, port, timeout=ANSWER_SECONDS))
        with suppress(OSError, HTTPException), server as connection:
            connection.request("HEAD", CHAT)
            return connection.getresponse().status == HTTPStatus.OK
        time.sleep(0.05)
    return False
