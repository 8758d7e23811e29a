"""The browser client against libraries from npm: their sizes, their cost, and what they lose."""

import gzip
import json
import re
import shutil
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks.effort import Effort
from benchmarks.report import Row, Section, Target
from chaos.lab import Lab, running_lab
from chaos.outcomes import Outcome
from chaos.pages import our_files
from chaos.runs import Subject, our_client, run_scenarios, shared_browser, starting
from tests.support.http_servers import serving

FOLDER = Path(__file__).parent / "libraries"
LIBRARIES = {
    "posthog": "posthog-js",
    "segment": "@segment/analytics-next",
    "rudderstack": "@rudderstack/analytics-js",
    "snowplow": "@snowplow/browser-tracker",
}
SCENARIOS = {
    "unavailable": "503, of 200",
    "refused": "refused, of 200",
    "hanging": "hangs, of 200",
    "offline": "offline, of 200",
    "two_tabs": "two tabs, of 200",
    "closed": "closed, of 60",
    "closed_while_down": "and refused, of 60",
    "killed": "killed, of 30",
    "much": "200 KB, of 100",
}

NO_NODE = " The libraries were not measured, because there is no Node here."
MOST_BYTES = 2600
MOST_MICROSECONDS = 50

PAGE = """\
<!doctype html><meta charset="utf-8"><title>{0}</title><link rel="icon" href="data:,">
<script src="/{0}.js"></script>
"""
# For RudderStack.
SOURCE = {
    "source": {
        "id": "source",
        "name": "source",
        "writeKey": "key",
        "enabled": True,
        "workspaceId": "workspace",
        "config": {
            "statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}
        },
        "connections": [],
        "destinations": [],
        "dataplanes": {},
    }
}
MARK = re.compile(r"<(\w+) (\d+)>")

# Microseconds of a call. Browsers round the time, so that twenty calls are timed together.
TIME = """async () => {
  const times = [];
  for (let turn = 0; turn < 100; turn++) {
    const start = performance.now();
    for (let call = 0; call < 20; call++) track("speed", 20 * turn + call, "");
    times.push((performance.now() - start) * 1000 / 20);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return times;
}"""


class Collector:
    """The events that arrived in the formats of all libraries, found by their marks."""

    keeps_votes = False

    def __init__(self) -> None:
        self.bodies: list[str] = []

    async def events(self, run: str) -> Counter[int]:
        """Return how often each event arrived."""
        marks = (mark for body in list(self.bodies) for mark in MARK.findall(body))
        return Counter(int(number) for of, number in marks if of == run)

    async def votes(self, _run: str) -> dict[str, list[str]]:
        """Return nothing: the libraries have no votes."""
        return {}


@contextmanager
def collecting(collector: Collector) -> Iterator[str]:
    """Accept whatever a library sends; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if body.startswith(b"\x1f\x8b"):
                body = gzip.decompress(body)
            collector.bodies.append(body.decode(errors="replace"))
            self.send_response(200)
            asked = self.headers.get("Access-Control-Request-Headers") or "*"
            for name, value in {
                "Access-Control-Allow-Origin": self.headers.get("Origin") or "*",
                "Access-Control-Allow-Credentials": "true",
                "Access-Control-Allow-Headers": asked,
                "Content-Type": "application/json",
                "Content-Length": "2",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_OPTIONS = respond  # noqa: N815 (names of the class)

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"


async def measure(effort: Effort) -> Section:
    """Measure our client and, where Node is at hand, the libraries."""
    libraries = LIBRARIES if build_libraries() else {}
    section = Section(
        title="Browser client",
        text=f"""\
Bytes minified and gzipped, microseconds of a call of `track`, and the events that are lost once the
user has come back: while requests fail for ten seconds, where one of two tabs is closed meanwhile,
where the tab is closed at once, or its process killed, and with more than a closing page can
send.{"" if libraries else NO_NODE}""",
        header=("library", "bytes", "us", *SCENARIOS.values()),
    )
    files = our_files() | library_files(libraries)
    with running_lab(files) as lab, collecting(collector := Collector()) as address:
        ours = await measure_client(effort, lab, our_client(lab))
        section.rows.append(row("ours", files["/client.js"], ours))
        for name, title in libraries.items():
            page = Subject(f"{lab.origin}/{name}.html", address, collector)
            found = await measure_client(effort, lab, page)
            section.rows.append(row(title, files[f"/{name}.js"], found))
    targets = [
        Target("browser client: bytes", packed_size(files["/client.js"]), at_most=MOST_BYTES),
        Target("browser client: us of `track`", ours.microseconds, at_most=MOST_MICROSECONDS),
    ]
    section.targets.extend(targets)
    return section


def build_libraries() -> bool:
    """Install the libraries and write their pages' scripts; say whether there is a Node."""
    npm = shutil.which("npm")
    if npm is None:
        return False
    for command in (("ci", "--no-audit", "--no-fund"), ("run", "build")):
        subprocess.run([npm, "--silent", *command], cwd=FOLDER, check=True)  # noqa: S603 (fixed)
    return True


def library_files(libraries: Iterable[str]) -> dict[str, bytes]:
    """Return the pages of the libraries, and what these load."""
    files = {"/sourceConfig/": json.dumps(SOURCE).encode()}
    for name in libraries:
        files[f"/{name}.html"] = PAGE.format(name).encode()
        files[f"/{name}.js"] = (FOLDER / "dist" / f"{name}.js").read_bytes()
    return files


class Measured(NamedTuple):
    """What was measured of a client."""

    microseconds: float
    lost: list[str]


async def measure_client(effort: Effort, lab: Lab, subject: Subject) -> Measured:
    """Time the calls, and run the scenarios."""
    microseconds = await time_calls(lab, subject)
    outcomes = await run_scenarios(lab, list(SCENARIOS)[: effort.scenarios], subject)
    lost = [str(each.lost) if isinstance(each, Outcome) else "-" for each in outcomes.values()]
    return Measured(microseconds, lost + [""] * (len(SCENARIOS) - len(lost)))


async def time_calls(lab: Lab, subject: Subject) -> float:
    """Return the median time of a call in microseconds."""
    async with (
        shared_browser() as browser,
        httpx.AsyncClient() as client,
        starting(lab, browser, client, subject) as trial,
    ):
        tab = await trial.open()
        return float(statistics.median(await tab.page.evaluate(TIME)))


def row(title: str, script: bytes, measured: Measured) -> Row:
    """Return a client as a row of the table."""
    return title, f"{packed_size(script):,}", f"{measured.microseconds:.0f}", *measured.lost


def packed_size(script: bytes) -> int:
    """Return the size of a gzipped script."""
    return len(gzip.compress(script))
