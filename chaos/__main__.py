"""`python -m chaos [--rounds N] [SCENARIO ...]`: run scenarios, all at once in each round.

Prints what went wrong, and then a table. The exit code is 1 if anything did.
"""

import argparse
import asyncio
import sys
from collections import defaultdict

from chaos.lab import running_lab
from chaos.outcomes import Outcome, summary
from chaos.pages import our_files
from chaos.runs import our_client, problems_of, run_scenarios
from chaos.scenarios import SCENARIOS, scenarios_for
from tests.support.engines import Engine


def main() -> int:
    """Run the scenarios, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="runs of each (default: 10)")
    parser.add_argument("--browser", type=Engine, choices=list(Engine), default=Engine.CHROMIUM)
    parser.add_argument(
        "names", nargs="*", metavar="SCENARIO", help=f"any of {', '.join(SCENARIOS)} (default: all)"
    )
    options = parser.parse_args()
    outcomes = defaultdict[str, list[Outcome]](list)
    failed = False
    names = options.names or scenarios_for(options.browser)
    with running_lab(our_files()) as lab:
        for number in range(options.rounds):
            say(f"Round {number + 1} of {options.rounds} ...")
            found = asyncio.run(run_scenarios(lab, names, our_client(lab), options.browser))
            for name, result in found.items():
                if isinstance(result, Outcome):
                    outcomes[name].append(result)
                for problem in problems_of(result):
                    failed = True
                    say(f"  {name}: {problem}")
    say(summary(outcomes))
    return 1 if failed else 0


def say(text: str) -> None:
    """Print and flush, for pipes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
