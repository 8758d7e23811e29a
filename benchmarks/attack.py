"""Throughput and latency of honest clients while attackers send the costliest bodies."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic_core import to_json

from benchmarks.comparison import Comparison
from benchmarks.effort import Effort
from benchmarks.http_client import Load, connect, send
from benchmarks.report import Section, Target
from benchmarks.samples import event
from benchmarks.servers import our_server

HONEST = 8
ATTACKERS = 4
PATH = "/api/analytics"
GZIP = b"Content-Encoding: gzip\r\n"

# In tenths of a second one attacker may not get a turn.
ROUNDS_LONGER = 10
LONGEST_SECONDS = 1


def batch_with_details(details: str, count: int) -> bytes:
    """Return a batch of equal events with these details."""
    sample = f'{{"user_id":"attacker","event_type":"e","details":{details}}}'
    return f"[{','.join([sample] * count)}]".encode()


def deep(values: str) -> str:
    """Return details that nest values as deep as allowed."""
    return '{"a":' + "[" * 170 + values + "]" * 170 + "}"


ZEROS = ",".join(["0"] * 15_000)
OBJECTS = ",".join(["{}"] * 600)
BODIES = {
    "infinities at a depth": batch_with_details(deep(",".join(["1e999"] * 3400)), 24),
    "integers among zeros": batch_with_details(deep(f"{ZEROS},{2**70}"), 6),
    "unknown fields": json.dumps([{f"unknown-{n}": n for n in range(12)}] * 500).encode(),
    "NUL in keys": batch_with_details(json.dumps({f"\0{n}": n for n in range(1500)}), 16),
    "zeros, stored": batch_with_details(f'{{"a":[{ZEROS}]}}', 6),
    "objects, stored": batch_with_details(f'{{"a":[{OBJECTS}]}}', 32),
    "objects and a long text": batch_with_details(f'{{"a":[{OBJECTS}],"b":"{"x" * 14_000}"}}', 32),
    "small objects": batch_with_details(f'{{"a":[{OBJECTS}]}}', 1),
    "500 of nothing": b"[" + b",".join([b"{}"] * 500) + b"]",
    "a bomb of gzip": b" " * 2**22,
    "no JSON": b"x",
    "small and wrong": batch_with_details(f'{{"a":[{",".join(["0"] * 900)},{2**70}]}}', 1),
}


async def measure(effort: Effort, uri: str) -> list[Section]:
    """Measure honest clients alone and beside attackers, in turns."""
    section = Section(
        title="Under attack",
        text=f"""\
{HONEST} honest clients of the local server, each with one event after the other, alone and beside
{ATTACKERS} that repeat one costly body of up to 512 KiB, gzipped: events a second, and the longest
wait of an honest client in seconds.""",
        header=("body", "alone", "attacked", "ratio (middle half)", "longest wait"),
    )
    async with our_server(uri) as server:
        for name, body in BODIES.items():
            await measure_body(section, effort, server.port, name, gzip.compress(body))
    return [section]


async def measure_body(section: Section, effort: Effort, port: int, name: str, body: bytes) -> None:
    """Add a row for one body."""
    seconds = effort.seconds * ROUNDS_LONGER
    pairs: list[tuple[Load, Load]] = []
    for _ in range(max(2, effort.rounds // ROUNDS_LONGER)):
        async with attackers(port, body):
            attacked = await honest(port, seconds)
        pairs.append((attacked, await honest(port, seconds)))
    found = Comparison([(attacked.rate, alone.rate) for attacked, alone in pairs])
    longest = max(max(attacked.latencies) for attacked, _ in pairs)
    section.rows.append(
        (name, f"{found.other:,.0f}", f"{found.ours:,.0f}", str(found), f"{longest:.2f}")
    )
    section.targets.append(Target(f"throughput under attack: {name}", found.ratio, at_least=0.5))
    section.targets.append(
        Target(f"seconds of the longest wait: {name}", longest, at_most=LONGEST_SECONDS)
    )


async def honest(port: int, seconds: float) -> Load:
    """Return the load that the honest clients achieved."""
    return await send(port, PATH, lambda: to_json(event()), HONEST, seconds)


@asynccontextmanager
async def attackers(port: int, body: bytes) -> AsyncIterator[None]:
    """Run attackers that repeat a body, until the block ends."""
    async with asyncio.TaskGroup() as group:
        attacks = [group.create_task(repeat(port, body)) for _ in range(ATTACKERS)]
        yield
        for each in attacks:
            each.cancel()


async def repeat(port: int, body: bytes) -> None:
    """Send a body again and again, whatever the response."""
    connection = await connect(port)
    try:
        while True:
            await connection.post(PATH, body, GZIP)
    finally:
        connection.transport.close()
