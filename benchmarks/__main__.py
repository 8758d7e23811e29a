"""Run the benchmarks and write the results: `python -m benchmarks`; `--quick` is a smoke test."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import (
    attack,
    browser,
    chart,
    connections,
    floor,
    growth,
    imports,
    machine,
    reading,
    scaling,
    stages,
    versus_peer,
)
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.report import Section, targets_section
from local_project.addresses import free_address
from local_project.mongod import running_mongod

FOLDER = Path(__file__).parent
INTRODUCTION = """\
# Benchmarks

Written by `make bench`. Each ratio compares two sides that took turns in one run, and is the median
of the ratios of all turns, with the middle half of them in brackets. Other numbers are medians.

![The ratios as a chart](results.svg)

"""


def main() -> None:
    """Run everything; a quick run writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure little and write nothing")
    quick = parser.parse_args().quick
    address = free_address()
    with tempfile.TemporaryDirectory() as folder, running_mongod(address, Path(folder)):
        text, images = asyncio.run(measure(QUICK if quick else FULL, f"mongodb://{address}"))
    if not quick:
        (FOLDER / "RESULTS.md").write_text(INTRODUCTION + text, encoding="utf-8")
        for name, image in images.items():
            (FOLDER / name).write_bytes(image)


async def measure(effort: Effort, uri: str) -> tuple[str, dict[str, bytes]]:
    """Take every measurement, printing its tables at once; return the tables and the charts."""
    description = f"## The machine\n\n{await machine.describe(uri)}\n"
    say(description)
    measurements: list[Callable[[], Awaitable[list[Section]]]] = [
        lambda: imports.measure(effort),
        lambda: floor.measure(effort, uri),
        lambda: connections.measure(effort, uri),
        lambda: stages.measure(effort, uri),
        lambda: versus_peer.measure(effort, uri),
        lambda: attack.measure(effort, uri),
        lambda: growth.measure(effort, uri),
        lambda: reading.measure(effort, uri),
    ]
    sections: list[Section] = []
    for measurement in measurements:
        found = await measurement()
        say("\n".join(map(str, found)))
        sections += found
    lost = await browser.measure(effort)
    say(str(lost))
    sections.append(lost)
    scaled, image = await scaling.measure(effort)
    say(str(scaled))
    sections.append(scaled)
    targets = targets_section(sections)
    say(str(targets))
    text = "\n".join(map(str, (targets, *sections, description)))
    return text, {"results.svg": chart.draw(sections), "scaling.svg": image}


def say(text: str) -> None:
    """Print and flush, for pipes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
