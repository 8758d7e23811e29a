"""The number of connections that an instance holds under many concurrent requests."""

import asyncio
from itertools import count

from pymongo import AsyncMongoClient, MongoClient

from benchmarks.effort import Effort
from benchmarks.report import Section, Target
from benchmarks.samples import Document, event, feedback
from benchmarks.sides import bare_client, functions, posting

AT_ONCE = 200
LARGEST = 12

_numbers = count()


def with_new_user(sample: Document) -> Document:
    """Return a sample of a user whose opt-out is not cached."""
    return sample | {"user_id": f"new-{next(_numbers)}"}


async def measure(_effort: Effort, uri: str) -> list[Section]:
    """Count the connections of the functions, and of a bare client with PyMongo's default pool."""
    section = Section(
        title="Connections",
        text=f"""\
Connections that MongoDB counts after {AT_ONCE} requests at once (half of them events of users that
were not seen before, half feedback), two of which each client keeps to watch the server.""",
        header=("side", "connections"),
    )
    ours = await count_ours(uri)
    section.rows.append(("the functions", f"{ours}"))
    section.rows.append(("bare inserts", f"{await count_bare(uri)}"))
    name = f"connections after {AT_ONCE} requests at once"
    section.targets.append(Target(name, ours, at_most=LARGEST))
    return [section]


async def count_ours(uri: str) -> int:
    """Return the connections that the functions hold after many concurrent requests."""
    async with functions(uri, "benchmark_connections"):
        events = posting("analytics", lambda: with_new_user(event()))
        rated = posting("feedback", feedback)
        await asyncio.gather(*(act.once() for act in [events, rated] * (AT_ONCE // 2)))
        return connections(uri, "up2d8")


async def count_bare(uri: str) -> int:
    """Return the connections that a client with PyMongo's defaults holds after as many inserts."""
    async with bare_client(f"{uri}/?appName=bare") as client:
        await insert_at_once(client)
        return connections(uri, "bare")


async def insert_at_once(client: AsyncMongoClient[Document]) -> None:
    """Insert many documents concurrently."""
    collection = client["benchmark_bare"]["connections"]
    await asyncio.gather(*(collection.insert_one(event()) for _ in range(AT_ONCE)))


def connections(uri: str, name: str) -> int:
    """Return the number of connections that MongoDB has open to clients of this name."""
    stages: list[Document] = [
        {"$currentOp": {"allUsers": True, "idleConnections": True}},
        {"$match": {"appName": name}},
    ]
    with MongoClient[Document](uri) as client:
        return len(list(client.admin.aggregate(stages)))
