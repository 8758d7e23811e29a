"""Cold start: importing a function against importing only the packages that it needs."""

import asyncio
import os
import subprocess
import sys
from functools import partial

from benchmarks.comparison import compare
from benchmarks.effort import Effort
from benchmarks.report import Section, Target
from benchmarks.servers import ROOT

FUNCTIONS = ("feedback_function", "analytics_function")
BARE = "azure.functions, pymongo, pydantic"
# Pydantic is loaded in full with the first model.
ONE_MODEL = f"{BARE}; type('Model', (pydantic.BaseModel,), {{}})"
TIMED = "from time import perf_counter as now; start = now(); import {}; print(now() - start)"


async def measure(effort: Effort) -> list[Section]:
    """Compare the import of each function with that of the bare packages."""
    section = Section(
        title="Cold start against the bare imports",
        text=f"""\
`import` of a function in a fresh interpreter against `import {BARE}` in another, in
milliseconds.""",
        header=("import", "function", "bare", "ratio (middle half)"),
    )
    for function in FUNCTIONS:
        found = await compare(
            effort.starts, partial(import_time, function), partial(import_time, BARE)
        )
        section.rows.append((function, f"{found.ours:.0f}", f"{found.other:.0f}", str(found)))
        section.targets.append(Target(f"{function}: time to import", found.ratio, at_most=1.15))
    model = await compare(
        effort.starts, partial(import_time, ONE_MODEL), partial(import_time, BARE)
    )
    row = "the bare packages and one model", f"{model.ours:.0f}", f"{model.other:.0f}", str(model)
    section.rows.append(row)
    return [section]


async def import_time(modules: str) -> float:
    """Return the milliseconds that `import modules` takes in a fresh interpreter."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        TIMED.format(modules),
        cwd=ROOT,
        # Without the variables that our own import set.
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return float(printed) * 1000
