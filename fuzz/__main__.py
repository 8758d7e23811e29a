"""`python -m fuzz [--seconds N]`: fuzz the code in front of MongoDB, guided by coverage (atheris).

`python -m fuzz FILE ...` runs single inputs, such as earlier findings.
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
# More than the limit of one feedback or event.
LONGEST = 40_000


def main() -> None:
    """Fuzz, or run the inputs on the command line."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="duration (default: 60)")
    parser.add_argument("inputs", nargs="*", type=Path, help="only run these")
    options = parser.parse_args()
    if options.inputs:
        target = importlib.import_module("fuzz.target")
        for each in options.inputs:
            target.run(each.read_bytes())
    else:
        fuzz(options.seconds)


def fuzz(seconds: int) -> None:
    """Fuzz for `seconds`, starting from the corpus of earlier runs, and exit."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.exit("fuzzing needs atheris, which supports only Python 3.11 to 3.13 on Linux x86-64")
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
        # Slower inputs are findings, and so are those that take a gigabyte.
        *("-timeout=5", "-rss_limit_mb=1024"),
    ]
    atheris.Setup(arguments, watched, custom_mutator=mutate)
    atheris.Fuzz()


def corpus() -> Path:
    """Return the corpus folder, with the seeds in it."""
    folder = FOLDER / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    # Imported late: it imports the models, which must be instrumented.
    seeds = importlib.import_module("fuzz.seeds").seeds()
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    return folder


if __name__ == "__main__":
    main()
