"""An open page of the live dashboard: the processor time that it costs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import NamedTuple

import httpx
from pymongo import MongoClient

from benchmarks.effort import Effort
from benchmarks.report import Section, Target
from benchmarks.samples import Document, event_document
from benchmarks.servers import ROOT

EVENTS_A_SECOND = 2
PAGES = (1, 10)

# The server sends at least its time each minute.
SILENCE_SECONDS = 120

# Of one core, for MongoDB and the server together.
MOST_SHARE = 0.10


class Cost(NamedTuple):
    """Shares of one core."""

    mongodb: float
    server: float

    @property
    def together(self) -> float:
        """The sum."""
        return self.mongodb + self.server


def measure(effort: Effort, uri: str, database: str, events: int) -> Section:
    """Measure a page, and then several, while events arrive."""
    section = Section(
        title="An open page of the live dashboard",
        text=f"""\
`insights dashboard --serve` with {events:,} events, while {EVENTS_A_SECOND} events a second arrive
for {effort.live_seconds:.0f} s: the processor time, as a share of one core.""",
        header=("open pages", "MongoDB", "server", "together"),
    )
    costs = {pages: measure_pages(effort, uri, database, pages) for pages in PAGES}
    for pages, cost in costs.items():
        shares = (cost.mongodb, cost.server, cost.together)
        section.rows.append((f"{pages}", *(f"{each:.1%}" for each in shares)))
    few, many = (costs[pages].together for pages in PAGES)
    section.targets.append(Target("live page: share of a core", few, at_most=MOST_SHARE))
    section.targets.append(Target("live page: cost of ten, of one", many / few, at_most=1.2))
    return section


def measure_pages(effort: Effort, uri: str, database: str, pages: int) -> Cost:
    """Return the cost of so many open pages."""
    environment = {"MONGODB_URI": uri, "MONGODB_DATABASE": database}
    with (
        MongoClient[Document](uri) as client,
        serving(environment) as (server, url),
        reading([url.replace("/?", "/stream?")] * pages),
    ):
        mongod = client.admin.command("serverStatus")["pid"]
        store(client, database, effort.live_warm_up)
        before = [processor_seconds(pid) for pid in (mongod, server)]
        seconds = store(client, database, effort.live_seconds)
        after = [processor_seconds(pid) for pid in (mongod, server)]
    return Cost(*((end - start) / seconds for start, end in zip(before, after, strict=True)))


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Serve the dashboard; yield the id of its process and its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "insights", "dashboard", "--serve", "--port", "0"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            found = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
            if not found:
                raise RuntimeError("the dashboard did not start")
            yield process.pid, found[0]
        finally:
            process.kill()


@contextmanager
def reading(urls: Sequence[str]) -> Iterator[None]:
    """Read streams like open pages, until the server ends them."""

    def read(url: str) -> None:
        # The server is killed in the end.
        with (
            suppress(httpx.TransportError),
            httpx.stream("GET", url, timeout=SILENCE_SECONDS) as response,
        ):
            for _ in response.iter_bytes():
                pass

    for url in urls:
        Thread(target=read, args=(url,), daemon=True).start()
    yield


def store(client: MongoClient[Document], database: str, seconds: float) -> float:
    """Store events at an even rate for so long; return the seconds that it took."""
    start = monotonic()
    while monotonic() - start < seconds:
        body = {"user_id": "user-0001", "event_type": "page_view", "details": {}}
        client[database]["analytics"].insert_one(event_document(body))
        sleep(1 / EVENTS_A_SECOND)
    return monotonic() - start


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
