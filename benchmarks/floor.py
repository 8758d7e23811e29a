"""The handlers against the floor: a bare client that writes the same documents."""

from functools import partial
from typing import Any

from pymongo import AsyncMongoClient

from benchmarks.comparison import Comparison, compare
from benchmarks.effort import Effort
from benchmarks.load import Act, rate
from benchmarks.report import Row, Section, Target
from benchmarks.samples import MESSAGES, Document, event, feedback, feedback_again
from benchmarks.sides import (
    bare_client,
    functions,
    inserting,
    inserting_many,
    posting,
    replacing,
)

CONCURRENT = (1, 8, 32, 128)
MANY = 32
AGAIN = "feedback again"
BATCHES = (1, 10, 100, 500)


async def measure(effort: Effort, uri: str) -> list[Section]:
    """Compare single requests and batches with the bare client."""
    async with bare_client(uri) as client, functions(uri, "benchmark_ours"):
        return [await measure_single(effort, client), await measure_batches(effort, client)]


async def measure_single(effort: Effort, client: AsyncMongoClient[Document]) -> Section:
    """Compare requests of one document each, at several concurrencies."""
    section = Section(
        title="A handler against the bare insert",
        text="""\
`main` called with a request, against `AsyncMongoClient` inserting the same document with the same
write concern (`insert_one` for an event, `replace_one` with `upsert` for a feedback), in documents
a second. Inputs are built before the clock starts: a request for us, for the bare client a
dictionary without timestamp and `_id`. The last rows replace a feedback that each message has
already.""",
        header=("function", "concurrent", "handler", "bare", "ratio (middle half)"),
    )
    bare = client["benchmark_bare"]
    sides: dict[str, tuple[Act[Any], Act[Any]]] = {
        "analytics": (posting("analytics", event), inserting(bare["analytics"], event)),
        "feedback": (posting("feedback", feedback), replacing(bare["feedback"], feedback)),
        AGAIN: (posting("feedback", feedback_again), replacing(bare["again"], feedback_again)),
    }
    for store_first in sides[AGAIN]:
        for _ in range(MESSAGES):
            await store_first.once()
    for function, (ours, other) in sides.items():
        for concurrent in CONCURRENT:
            found = await compare_rates(effort, concurrent, ours, other)
            section.rows.append((function, str(concurrent), *rates(found)))
            section.bars[f"{function}, {concurrent} at once, against a bare write"] = found.ratio
            section.targets.extend(targets(function, concurrent, found))
    return section


async def compare_rates(
    effort: Effort, concurrent: int, ours: Act[Any], other: Act[Any]
) -> Comparison:
    """Compare the rates of both sides."""
    return await compare(
        effort.rounds,
        partial(rate, ours, concurrent, effort.seconds),
        partial(rate, other, concurrent, effort.seconds),
    )


def rates(found: Comparison) -> Row:
    """Return the rates of both sides and their ratio, as cells of a row."""
    return f"{found.ours:,.0f}", f"{found.other:,.0f}", str(found)


def targets(function: str, concurrent: int, found: Comparison) -> list[Target]:
    """Return the targets of a comparison."""
    if function == AGAIN:
        return []
    if concurrent == MANY:
        return [Target(f"{function}: documents a second, {MANY} at once", found.ratio, at_least=5)]
    if concurrent == 1:
        time = found.inverse.ratio
        return [Target(f"{function}: time of one at a time", time, at_most=1.15)]
    return []


async def measure_batches(effort: Effort, client: AsyncMongoClient[Document]) -> Section:
    """Compare batches, one at a time."""
    section = Section(
        title="Batches against the bare `insert_many`",
        text="""\
One request at a time with a JSON array of events, against an unordered `insert_many` of the same
documents, in events a second.""",
        header=("events", "handler", "bare", "ratio (middle half)", "time a batch (ms)"),
    )
    for size in BATCHES:
        batch = [event() for _ in range(size)]
        ours = posting("analytics", batch.copy)
        other = inserting_many(client["benchmark_bare"]["analytics"], batch)
        found = await compare_rates(effort, 1, ours, other)
        events = Comparison([(size * first, size * second) for first, second in found.pairs])
        section.rows.append((str(size), *rates(events), f"{1000 / found.ours:.2f}"))
        section.bars[f"a batch of {size}, against insert_many"] = found.ratio
        if size == max(BATCHES):
            section.targets.append(
                Target(f"batch of {size}: events a second", found.ratio, at_least=0.8)
            )
    return section
