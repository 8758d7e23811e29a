"""Growth of reading, exporting and writing with the number of stored documents.

MongoDB has a cache that holds the indexes, in a process of its own.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pygal import XY
from pymongo import MongoClient

from benchmarks.chart import config
from benchmarks.effort import Effort
from benchmarks.load import rate
from benchmarks.processes import run
from benchmarks.report import Section, Target
from benchmarks.samples import Document, event
from benchmarks.sides import functions, posting
from local_project.addresses import free_address
from local_project.mongod import running_mongod

CACHE = {"setParameter": 1, "wiredTigerEngineRuntimeConfig": "cache_size=4GB"}
CONCURRENT = 32

COMMANDS = {
    "summary": ("summary", "--since", "30d"),
    "journey": ("journey", "--since", "30d"),
    "export": ("export", "events", "--format", "jsonl"),
}
# Ten times as many events; the largest two are compared.
MOST_GROWTH = {"summary": 11, "journey": 11}


class Point(NamedTuple):
    """A number of events, the seconds of each command, and the events stored a second."""

    events: int
    seconds: dict[str, float]
    stored: float


async def measure(effort: Effort) -> tuple[Section, bytes]:
    """Measure at each size; return the table, and the times as a chart."""
    address = free_address()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_mongod(address, Path(folder)),
        MongoClient[Document](f"mongodb://{address}") as client,
    ):
        client.admin.command(CACHE)
        points = [
            await measure_size(effort, f"mongodb://{address}", days, users, Path(folder))
            for days, users in effort.scales
        ]
    return to_section(points), draw(points)


async def measure_size(effort: Effort, uri: str, days: int, users: int, folder: Path) -> Point:
    """Fill a database with so many days of the events of so many users, and measure."""
    name = f"benchmark_scaling_{users}"
    environment = {"MONGODB_URI": uri, "MONGODB_DATABASE": name}
    demo = ("demo", "--here", "--yes", "--days", f"{days}", "--users", f"{users}")
    for arguments in (demo, ("setup",)):
        run(("-m", "insights", *arguments), environment)
    with MongoClient[Document](uri) as client:
        events = client[name]["analytics"].estimated_document_count()
    seconds = {
        command: time(environment, (*arguments, *out(command, folder)))
        for command, arguments in COMMANDS.items()
    }
    async with functions(uri, name):
        post = posting("analytics", event)
        await rate(post, CONCURRENT, effort.seconds)
        stored = await rate(post, CONCURRENT, effort.scale_seconds)
    return Point(events, seconds, stored)


def out(command: str, folder: Path) -> tuple[str, ...]:
    """Return the option for the file of an export."""
    return ("--out", str(folder / "export.jsonl")) if command == "export" else ()


def time(environment: Mapping[str, str], arguments: tuple[str, ...]) -> float:
    """Return the seconds of the second of two runs of a command."""
    return [run(("-m", "insights", *arguments), environment).seconds for _ in range(2)][1]


def to_section(points: list[Point]) -> Section:
    """Return the table, with targets for the growth from the second largest size to the largest."""
    section = Section(
        title="Growth with the number of events",
        text="""\
Seconds of whole commands (the second of two runs; a summary and journeys of the last 30 of 60 days,
or of all 7 of the smallest), and events stored a second, 32 at once. MongoDB has a cache of 4 GiB,
which holds the indexes.

![The times as a chart](scaling.svg)""",
        header=("events", *(f"`{each}`" for each in COMMANDS), "stored a second"),
    )
    for point in points:
        times = (f"{each:.2f}" for each in point.seconds.values())
        section.rows.append((f"{point.events:,}", *times, f"{point.stored:,.0f}"))
    *_, fewer, most = points
    for name, limit in MOST_GROWTH.items():
        growth = most.seconds[name] / fewer.seconds[name]
        section.targets.append(Target(f"`{name}`: time for ten times the events", growth, 0, limit))
    return section


def draw(points: list[Point]) -> bytes:
    """Return an SVG of the seconds by events, both on logarithmic axes."""
    chart = XY(config(0), logarithmic=True, xrange=(points[0].events, points[-1].events))
    chart.title = "Seconds of a command by stored events"
    for name in COMMANDS:
        chart.add(name, [(point.events, round(point.seconds[name], 2)) for point in points])
    image: bytes = chart.render()
    return image
