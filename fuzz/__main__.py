"""`python -m fuzz [--seconds N]`: fuzz what stands before MongoDB, guided by coverage (atheris).

`python -m fuzz FILE ...` only runs inputs that were found before.
"""

import argparse
import importlib
import sys
from pathlib import Path
from random import Random
from typing import Any

from fuzz.costs import Costliest

FOLDER = Path(".data/fuzz")
INSTRUMENTED = ["shared_code", "feedback_function", "analytics_function"]
# Beyond what one feedback or one event may have.
LONGEST = 40_000


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long to look (default: 60)")
    parser.add_argument("inputs", nargs="*", type=Path, help="only run these")
    options = parser.parse_args()
    if options.inputs:
        target = importlib.import_module("fuzz.target")
        for each in options.inputs:
            target.run(each.read_bytes())
    else:
        fuzz(options.seconds)


def fuzz(seconds: int) -> None:
    """Fuzz for so many seconds, from what earlier runs found worth keeping, and end the process."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.exit("fuzzing needs atheris, which is for Python 3.11 to 3.13 on Linux on x86-64")
    with atheris.instrument_imports(include=INSTRUMENTED):
        target = importlib.import_module("fuzz.target")
    mutation = importlib.import_module("fuzz.mutation")
    folder = corpus()
    watched = Costliest(target.run, FOLDER / "costliest")

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 (not for secrets)
        mutated: bytes = mutation.mutate(data, random, lambda each: atheris.Mutate(each, size))
        return mutated[:size]

    arguments = [
        *(sys.argv[0], str(folder)),
        *(f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={FOLDER}/"),
        # An input that takes longer is a finding; so is one that takes a gigabyte.
        *("-timeout=5", "-rss_limit_mb=1024"),
    ]
    atheris.Setup(arguments, watched, custom_mutator=mutate)
    atheris.Fuzz()


def corpus() -> Path:
    """Return the folder of what is worth keeping, with the seeds in it."""
    folder = FOLDER / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    # Imported only now, for it imports the models, which are instrumented.
    seeds = importlib.import_module("fuzz.seeds").seeds()
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    return folder


if __name__ == "__main__":
    main()
