"""Growth of a request's cost with the number of stored documents and with the size of its body."""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from itertools import count
from time import perf_counter
from typing import Any
from uuid import uuid4

import bson
from bson.binary import UUID_SUBTYPE, Binary
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient, WriteConcern

from benchmarks.comparison import compare
from benchmarks.effort import Effort
from benchmarks.floor import compare_rates, rates
from benchmarks.load import Act, rate
from benchmarks.report import Section
from benchmarks.samples import Document, event, event_document
from benchmarks.sides import Collection, bare_client, functions, inserting, posting

EMPTY = "benchmark_empty"
LARGE = "benchmark_large"
FILL_BATCH = 5_000
ID_BYTES = 16
PREFIX_BYTES = 8

KIBIBYTE = 1024
BODY_SIZES = (205, KIBIBYTE, 4 * KIBIBYTE, 16 * KIBIBYTE, 32 * KIBIBYTE)


async def measure(effort: Effort, uri: str) -> list[Section]:
    """Measure with a large collection, and with large bodies."""
    async with bare_client(uri) as client:
        bodies = await measure_bodies(effort, uri, client)
        stored, seconds = await fill(effort, client[LARGE]["analytics"])
        return [bodies, await measure_stored(effort, uri, stored, seconds)]


async def measure_bodies(effort: Effort, uri: str, client: AsyncMongoClient[Document]) -> Section:
    """Compare events of growing size, one at a time, with their bare insert."""
    section = Section(
        title="Larger bodies",
        text="One event at a time against the bare `insert_one` of the same, in events a second.",
        header=("KiB of JSON", "handler", "bare", "ratio (middle half)"),
    )
    async with functions(uri, "benchmark_ours"):
        for size in BODY_SIZES:
            sample = partial(event, size)
            ours, other = (
                posting("analytics", sample),
                inserting(client["benchmark_bare"]["bodies"], sample),
            )
            found = await compare_rates(effort, 1, ours, other)
            section.rows.append((f"{size / KIBIBYTE:.1f}", *rates(found)))
    return section


async def fill(effort: Effort, collection: Collection) -> tuple[int, float]:
    """Fill a collection, in bounded time; return its number of documents, and the seconds."""
    unconfirmed = collection.with_options(write_concern=WriteConcern(w=1))
    make = document_maker(effort.documents)
    start = perf_counter()
    stored = 0

    async def insert() -> None:
        nonlocal stored
        while stored < effort.documents and perf_counter() - start < effort.fill_seconds:
            stored += FILL_BATCH
            await unconfirmed.insert_many([make() for _ in range(FILL_BATCH)], ordered=False)

    await asyncio.gather(insert(), insert())
    return stored, perf_counter() - start


def document_maker(documents: int) -> Callable[[], RawBSONDocument]:
    """Return a factory of small events that encodes only once.

    The UUIDs cover the whole range in ascending order: the index fills from left to right, which is
    much faster, and ends up the same.
    """
    step = 256**PREFIX_BYTES // (documents + 2 * FILL_BATCH)
    prefixes = count(0, step)
    placeholder = os.urandom(ID_BYTES)
    small: dict[str, Any] = event_document({"user_id": "user-000", "event_type": "page_view"})
    encoded = bson.encode({"_id": Binary(placeholder, UUID_SUBTYPE), **small, "details": {}})
    before, after = encoded.split(placeholder)

    def make() -> RawBSONDocument:
        prefix = next(prefixes).to_bytes(PREFIX_BYTES)
        return RawBSONDocument(before + prefix + os.urandom(ID_BYTES - PREFIX_BYTES) + after)

    return make


async def measure_stored(effort: Effort, uri: str, stored: int, seconds: float) -> Section:
    """Compare writes into the large collection with writes into an empty one."""
    section = Section(
        title="A large collection",
        text=f"""\
Events with random `event_id`s, which spread over the whole index, stored by the handler in a
collection of {stored:,} documents (filled in {seconds:.0f} s) and in an empty one, in events a
second. MongoDB has a cache of 256 MiB.""",
        header=("concurrent", "large", "empty", "ratio (middle half)"),
    )
    post = posting("analytics", lambda: event() | {"event_id": str(uuid4())})
    for concurrent in (1, 32):
        found = await compare(
            effort.rounds,
            partial(rate_into, LARGE, uri, post, concurrent, effort.seconds),
            partial(rate_into, EMPTY, uri, post, concurrent, effort.seconds),
        )
        section.rows.append((str(concurrent), *rates(found)))
        section.bars[f"into {stored:,} documents, {concurrent} at once, against an empty one"] = (
            found.ratio
        )
    return section


async def rate_into(name: str, uri: str, post: Act[Any], concurrent: int, seconds: float) -> float:
    """Return the rate at which events are stored in one of the databases."""
    async with functions(uri, name):
        await post.once()  # opens the connection
        return await rate(post, concurrent, seconds)
