"""Where the time goes: the cost of each stage of a handler on top of the bare insert."""

from datetime import UTC, datetime
from functools import partial
from statistics import median
from time import process_time
from typing import Any

from bson import ObjectId
from pymongo import AsyncMongoClient

from analytics_function.events import check_events
from benchmarks.effort import Effort
from benchmarks.load import Act, rate
from benchmarks.report import Section
from benchmarks.samples import Document, event, event_document
from benchmarks.sides import bare_client, functions, inserting, inserting_many, posting
from shared_code.models import Event
from shared_code.mongodb import writes
from shared_code.mongodb.bulk_writes import Reply
from shared_code.mongodb.deadlines import start_clock
from shared_code.mongodb.group_commit import Grouper
from shared_code.problems import FieldError
from shared_code.settings import get_settings
from shared_code.validation import Write, validate

BATCH = 500

now = partial(datetime.now, UTC)

Client = AsyncMongoClient[Document]
Stages = dict[str, Act[Any]]


async def measure(effort: Effort, uri: str) -> list[Section]:
    """Measure each stage on top of the ones before it."""
    section = Section(
        title="Where the time goes",
        text="""\
Events again, stage by stage, each on top of the ones before: documents a second, their ratio to the
bare insert, and microseconds of our processor per document. From the second row on, PyMongo bounds
each operation, as it does for the functions. Group commit alone checks nothing. Inputs are built
before the clock starts.""",
        header=("stage", "at once", "documents a second", "ratio", "processor (µs)"),
    )
    async with (
        bare_client(uri) as client,
        functions(uri, "benchmark_stages"),
        bare_client(uri, get_settings().mongodb_timeout_ms) as bounded,
    ):
        for concurrent in (1, 32):
            await measure_stages(section, effort, concurrent, single_stages(client, bounded))
        await measure_stages(section, effort, 1, batch_stages(client, bounded), BATCH)
    return [section]


async def measure_stages(
    section: Section, effort: Effort, concurrent: int, stages: Stages, size: int = 1
) -> None:
    """Add a row for each stage; `size` documents are stored at a time."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in stages}
    for _ in range(effort.rounds + 1):
        for name, act in stages.items():
            found[name].append(await rate_and_processor(act, concurrent, effort.seconds))
    bare = [each for each, _ in next(iter(found.values()))[1:]]
    for name, measured in found.items():
        rates, times = zip(*measured[1:], strict=True)  # the first was the warm-up
        ratio = median(ours / other for ours, other in zip(rates, bare, strict=True))
        at_once = f"{concurrent}" if size == 1 else f"{concurrent} batch of {size}"
        figures = f"{median(rates) * size:,.0f}", f"{ratio:.2f}", f"{median(times) / size:.1f}"
        section.rows.append((name, at_once, *figures))


async def rate_and_processor(act: Act[Any], concurrent: int, seconds: float) -> tuple[float, float]:
    """Return the rate of `act`, and the microseconds of our processor that each one takes."""
    act.prepare()  # here rather than in `rate`, outside our clock
    start = process_time()
    done = await rate(act, concurrent, seconds)
    return done, (process_time() - start) / (done * seconds) * 1e6


def single_stages(client: Client, bounded: Client) -> Stages:
    """Return the stages for one event per request."""
    writer = new_writer()

    async def check_and_commit(sample: Document) -> None:
        start_clock()
        await writes.insert("checked", [Write(validate(Event, sample).to_document(now()), 0)])

    return {
        "bare `insert_one`": inserting(client["benchmark_bare"]["stages"], event),
        "with `timeoutMS`": inserting(bounded["benchmark_bare"]["stages"], event),
        "group commit alone": Act(lambda: to_store([event()]), writer.submit),
        "and validation, the deadline": Act(event, check_and_commit),
        "and the request, opt-outs, the response: a handler": posting("analytics", event),
    }


def batch_stages(client: Client, bounded: Client) -> Stages:
    """Return the stages for a batch per request."""
    writer = new_writer()
    batch = [event() for _ in range(BATCH)]

    async def check_and_commit(samples: list[Document]) -> None:
        start_clock()
        checked = check_events(samples, now())
        await writes.insert("checked", [each for each in checked if isinstance(each, Write)])

    return {
        "bare `insert_many`": inserting_many(client["benchmark_bare"]["stages"], batch),
        "with `timeoutMS`": inserting_many(bounded["benchmark_bare"]["stages"], batch),
        "group commit alone": Act(lambda: to_store(batch), writer.submit),
        "and validation, the deadline": Act(batch.copy, check_and_commit),
        "and the request, opt-outs, the response: a handler": posting("analytics", batch.copy),
    }


def new_writer() -> Grouper[Write, Reply | list[FieldError]]:
    """Return the group commit that the functions insert with."""
    return Grouper(partial(writes.insert_group, "group_commit"))


def to_store(events: list[Document]) -> list[Write]:
    """Return events as unchecked writes."""
    fields = [{"_id": ObjectId(), **event_document(each)} for each in events]
    return [Write(each, size=0) for each in fields]
