"""Closing the functions' connection to MongoDB."""

import asyncio
from pathlib import Path
from typing import Any

from shared_code.mongodb import connection

# Longer than any operation.
SECONDS_TO_END = 5


async def close_database() -> None:
    """Close the connection, and wait for pending operations.

    An ending event loop cancels its tasks and waits for them. In Python 3.11 a cancelled task of
    PyMongo may then wait for a lock forever (see `deadlines.py`), so late tasks are unregistered
    (Python manual, "Extending asyncio").
    """
    closing = asyncio.create_task(connection.close())
    asked = {closing, *(task for task in asyncio.all_tasks() if is_of_mongodb(task))}
    _, late = await asyncio.wait(asked, timeout=SECONDS_TO_END)
    for task in late:
        asyncio._unregister_task(task)  # noqa: SLF001 (as the manual says)


def is_of_mongodb(task: asyncio.Task[Any]) -> bool:
    """Say whether a task runs PyMongo, or our code that calls it."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and any(
        part in {"pymongo", "shared_code"} for part in Path(code.co_filename).parts
    )
