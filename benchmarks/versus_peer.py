"""Against the peer: requests over HTTP, the start of the process, and memory."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from statistics import quantiles

from pydantic_core import to_json

from benchmarks.comparison import Comparison, compare
from benchmarks.effort import Effort
from benchmarks.http_client import Load, send
from benchmarks.report import Row, Section, Target
from benchmarks.samples import event, feedback
from benchmarks.servers import Server, our_server, peer_server

CONNECTIONS = (1, 32)
SAMPLES = {"analytics": event, "feedback": feedback}

Start = Callable[[str], AbstractAsyncContextManager[Server]]


async def measure(effort: Effort, uri: str) -> list[Section]:
    """Compare our server with the peer."""
    starts = await compare(
        effort.starts,
        lambda: ready_seconds(our_server, uri),
        lambda: ready_seconds(peer_server, uri),
    )
    async with our_server(uri) as ours, peer_server(uri) as peer:
        requests = await measure_requests(effort, ours, peer)
        memory = Comparison([(ours.memory / 2**20, peer.memory / 2**20)] * 2)
    return [requests, processes_section(starts, memory)]


async def ready_seconds(server: Start, uri: str) -> float:
    """Return the time from the start of a process to its first response."""
    async with server(uri) as started:
        return started.ready_seconds


async def measure_requests(effort: Effort, ours: Server, peer: Server) -> Section:
    """Compare the servers with requests of one document each."""
    section = Section(
        title="Over HTTP against the peer",
        text="""\
`python -m devserver` without its access log against `benchmarks/peer.py`, FastAPI with one insert a
request, both under uvicorn, on the same cores as MongoDB and the client; in requests a second, and
milliseconds for a request.""",
        header=(
            "function",
            "connections",
            "ours",
            "peer",
            "ratio (middle half)",
            "ours p50 / p95 / p99",
            "peer p50 / p95 / p99",
        ),
    )
    for function in SAMPLES:
        for connections in CONNECTIONS:
            await measure_load(section, effort, function, connections, (ours, peer))
    return section


async def measure_load(
    section: Section,
    effort: Effort,
    function: str,
    connections: int,
    servers: tuple[Server, Server],
) -> None:
    """Add a row for one function at one number of connections."""
    loads = [
        tuple([await load(effort, server, function, connections) for server in servers])
        for _ in range(effort.rounds + 1)
    ][1:]  # the first was the warm-up
    found = Comparison([(ours.rate, peer.rate) for ours, peer in loads])
    ours, peer = (percentiles(side) for side in zip(*loads, strict=True))
    rates = f"{found.ours:,.0f}", f"{found.other:,.0f}", str(found)
    section.rows.append((function, str(connections), *rates, ours, peer))
    limit = 2 if connections == max(CONNECTIONS) else 1
    name = f"{function} over HTTP, {connections} at once, against the peer"
    section.targets.append(Target(name, found.ratio, at_least=limit))
    section.bars[name] = found.ratio


async def load(effort: Effort, server: Server, function: str, connections: int) -> Load:
    """Load a server for one round."""
    sample = SAMPLES[function]
    path = f"/api/{function}"
    return await send(server.port, path, lambda: to_json(sample()), connections, effort.seconds)


def percentiles(loads: tuple[Load, ...]) -> str:
    """Return p50, p95 and p99 of all requests, in milliseconds."""
    latencies = [latency * 1000 for each in loads for latency in each.latencies]
    cuts = quantiles(latencies, n=100, method="inclusive")
    return " / ".join(f"{cuts[percent - 1]:.1f}" for percent in (50, 95, 99))


def processes_section(starts: Comparison, memory: Comparison) -> Section:
    """Return a section on the start and the memory of both processes."""
    return Section(
        title="The processes",
        text="""\
From the start of the process to the first response, in seconds, and resident memory after
the load above, in MiB.""",
        header=("figure", "ours", "peer", "ratio (middle half)"),
        rows=[
            row("seconds to ready", starts),
            (*row("MiB resident after load", memory)[:3], f"{memory.ratio:.2f}"),
        ],
    )


def row(figure: str, found: Comparison) -> Row:
    """Return a comparison as a row."""
    return figure, f"{found.ours:.2f}", f"{found.other:.2f}", str(found)
