"""The search for costly inputs: a run keeps the one that takes the most processor time."""

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import thread_time

Run = Callable[[bytes], None]

NORMAL = b'\1{"user_id": "u1", "event_type": "page_view", "details": {"page": "/", "n": 12.5}}'
WARM_UP = 100
REPEATS = 3


class Costliest:
    """Runs inputs, keeps the costliest in a file, and knows its ratio to a normal event."""

    def __init__(self, run: Run, path: Path) -> None:
        self.run = run
        self.path = path
        self.normal = median(self.cost(NORMAL) for _ in range(WARM_UP))
        # The costliest input of an earlier run is the one to beat.
        self.most = self.confirmed(path.read_bytes()) if path.exists() else self.normal

    def __call__(self, data: bytes) -> None:
        """Run an input; measure it again if it seems to be the costliest."""
        if self.cost(data) > self.most and (cost := self.confirmed(data)) > self.most:
            self.most = cost
            self.path.write_bytes(data)
            sys.stderr.write(
                f"costliest so far: {self.ratio:.0f} times the checks of a normal event\n"
            )

    @property
    def ratio(self) -> float:
        """The cost of the costliest input, as a multiple of a normal event's."""
        return self.most / self.normal

    def cost(self, data: bytes) -> float:
        """Return the processor seconds of one run."""
        started = thread_time()
        self.run(data)
        return thread_time() - started

    def confirmed(self, data: bytes) -> float:
        """Return the least cost of several runs."""
        return min(self.cost(data) for _ in range(REPEATS))
