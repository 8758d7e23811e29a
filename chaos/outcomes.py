"""What a run of a scenario came to, what it may come to, and the table of many runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.report import table

# For an outage of ten seconds; a longer one, on a busy machine, allows for more. Events alone make
# at most ten requests; votes have a pause of their own.
OUTAGE_SECONDS = 10
MOST_REQUESTS = 12
MOST_DRAIN_SECONDS = 10
HEADER = (
    "scenario",
    "runs",
    "lost",
    "twice",
    "old votes",
    "most requests in the outage",
    "slowest drain",
)


@dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    lost: int
    twice: int
    old_votes: int
    """Messages whose stored vote is not the newest one, or not the only one."""
    requests: int
    """In the outage, preflights included."""
    outage_seconds: float
    drain_seconds: float
    """From the end of the outage until everything was stored."""
    pending: int
    """Items that the page holds, although all are stored."""
    dropped: int
    """Items that the client gave up."""

    @property
    def problems(self) -> list[str]:
        """What must not be, in words."""
        scale = max(1, self.outage_seconds / OUTAGE_SECONDS)
        found = {
            f"{self.lost} lost": self.lost,
            f"{self.twice} stored twice": self.twice,
            f"{self.old_votes} messages with an old vote": self.old_votes,
            f"{self.requests} requests in the outage": self.requests > MOST_REQUESTS * scale,
            f"drained after {self.drain_seconds:.1f} s": (
                self.drain_seconds > MOST_DRAIN_SECONDS * scale
            ),
            f"{self.pending} still pending": self.pending,
            f"{self.dropped} given up": self.dropped,
        }
        return [problem for problem, is_so in found.items() if is_so]


def summary(outcomes: Mapping[str, Sequence[Outcome]]) -> str:
    """Return a table of all runs of each scenario."""
    rows = [(name.replace("_", " "), *row(runs)) for name, runs in outcomes.items() if runs]
    return table(HEADER, rows)


def row(runs: Sequence[Outcome]) -> tuple[str, ...]:
    """Return the sums and maxima of a scenario's runs."""
    return (
        f"{len(runs)}",
        f"{sum(run.lost for run in runs)}",
        f"{sum(run.twice for run in runs)}",
        f"{sum(run.old_votes for run in runs)}",
        f"{max(run.requests for run in runs)}",
        f"{max(run.drain_seconds for run in runs):.1f} s",
    )
