"""Reading what was collected with `insights`, on the data that `insights demo` makes."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from pymongo import MongoClient

from benchmarks.comparison import Comparison, compare
from benchmarks.effort import Effort
from benchmarks.processes import Run, run
from benchmarks.report import Section
from benchmarks.samples import Document

DATABASE = "benchmark_reading"
DAYS = 60
READ_SINCE = "30d"
ROUNDS = 5
FEW_SINCE = "6d"
"""About a tenth of the events are so new."""

READING = {
    "`summary --since 30d`": ("summary",),
    "`journey --before-rating negative --since 30d`": ("journey", "--before-rating", "negative"),
}
FORMATS = {
    "CSV": ("--format", "csv"),
    "JSON lines": ("--format", "jsonl"),
    "Parquet": ("--format", "parquet"),
}


async def measure(effort: Effort, uri: str) -> list[Section]:
    """Make the data, and measure what reads it."""
    environment = {"MONGODB_URI": uri, "MONGODB_DATABASE": DATABASE}
    demo = ("demo", "--here", "--yes", "--days", f"{DAYS}", "--users", f"{effort.users}")
    filling = insights(environment, *demo)
    insights(environment, "setup")
    with MongoClient[Document](uri) as client:
        feedback = client[DATABASE]["feedback"].estimated_document_count()
        events = client[DATABASE]["analytics"].estimated_document_count()
    made = f"{events:,} events and {feedback:,} feedbacks, made by `insights demo` in "
    made += f"{filling.seconds:.0f} s with {filling.memory:.0f} MiB"
    return [
        measure_reading(environment, made),
        await measure_exports(effort, environment, events),
    ]


def insights(environment: Mapping[str, str], *arguments: str) -> Run:
    """Run one command of the operator's tool."""
    return run(("-m", "insights", *arguments), environment)


def measure_reading(environment: Mapping[str, str], made: str) -> Section:
    """Time the commands that aggregate."""
    section = Section(
        title="Reading with `insights`",
        text=f"""\
Whole commands, from the start of the process to its end, over the last 30 of {DAYS} days:
{made}.""",
        header=("command", "seconds", "MiB"),
    )
    for name, arguments in READING.items():
        runs = [insights(environment, *arguments, "--since", READ_SINCE) for _ in range(ROUNDS)]
        seconds, memory = (median(each) for each in zip(*runs, strict=True))
        section.rows.append((name, f"{seconds:.2f}", f"{memory:.0f}"))
    return section


async def measure_exports(effort: Effort, environment: Mapping[str, str], events: int) -> Section:
    """Compare exports of all events with a cursor that only reads them."""
    section = Section(
        title="Exporting with `insights`",
        text=f"""\
`insights export events` of all {events:,} events against a process that reads them with the bare
cursor of PyMongo and does nothing with them, in events a second; and its largest memory, in MiB,
for the events of the last 6 of {DAYS} days, and for all.""",
        header=("format", "export", "bare", "ratio (middle half)", "MiB, few", "MiB, all"),
    )
    with tempfile.TemporaryDirectory() as folder:
        command = ("export", "events", "--out", f"{Path(folder) / 'export'}")
        for name, options in FORMATS.items():
            found, memory = await compare_export(effort, environment, (*command, *options))
            few = insights(environment, *command, *options, "--since", FEW_SINCE).memory
            rates = f"{events * found.ours:,.0f}", f"{events * found.other:,.0f}", str(found)
            section.rows.append((name, *rates, f"{few:.0f}", f"{memory:.0f}"))
            section.bars[f"export as {name.replace('`', '')}, against the bare cursor"] = (
                found.ratio
            )
    return section


async def compare_export(
    effort: Effort, environment: Mapping[str, str], command: tuple[str, ...]
) -> tuple[Comparison, float]:
    """Compare how often a second everything is exported and read; return the memory, too."""
    memories = []

    async def ours() -> float:
        measured = insights(environment, *command)
        memories.append(measured.memory)
        return 1 / measured.seconds

    async def other() -> float:
        return 1 / run(("-m", "benchmarks.bare_cursor"), environment).seconds

    found = await compare(effort.exports, ours, other)
    return found, max(memories)
