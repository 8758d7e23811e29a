"""The amount of measuring: enough to judge by, or a smoke test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """The bounds of one run."""

    rounds: int
    """Turns of each side; many short turns, so that a disturbance hits both."""
    seconds: float
    """Length of a turn."""
    starts: int
    """Starts of each process whose start is timed."""
    documents: int
    """Size of the large collection."""
    fill_seconds: float
    """Time limit for filling the large collection."""
    users: int
    """Users in the demo's data; 8,000 have 900,000 events."""
    exports: int
    """Turns of an export and the bare read."""
    scales: tuple[tuple[int, int], ...]
    """Days and users of the demo's data in each database: 10,000 to 10 million events."""
    scale_seconds: float
    """Length of the load on each of them."""
    live_warm_up: float
    """Seconds before a live page is measured."""
    live_seconds: float
    """Seconds for which it is measured, several times as long as all figures are kept."""
    scenarios: int
    """Number of failures between a browser and the server."""


FULL = Effort(
    rounds=30,
    seconds=0.2,
    starts=30,
    documents=5_000_000,
    fill_seconds=120,
    users=8000,
    exports=2,
    scales=((7, 10), (60, 200), (60, 8_400), (60, 91_000)),
    scale_seconds=3,
    live_warm_up=30,
    live_seconds=180,
    scenarios=9,
)
QUICK = Effort(
    rounds=2,
    seconds=0.1,
    starts=2,
    documents=50_000,
    fill_seconds=5,
    users=50,
    exports=2,
    scales=((7, 10), (7, 50)),
    scale_seconds=0.2,
    live_warm_up=1,
    live_seconds=3,
    scenarios=0,
)
