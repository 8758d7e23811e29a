"""How much is measured: enough to judge by, or just enough to see that everything runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """The bounds of one run."""

    rounds: int
    """How often two things alternate; in short turns, what disturbs one disturbs the other too."""
    seconds: float
    """How long one of them runs in one round."""
    starts: int
    """How often a process is started to time its start."""
    documents: int
    """How many documents the large collection has."""
    fill_seconds: float
    """When filling the large collection ends, full or not."""
    users: int
    """How many users the demo that is read has; 8,000 have a million events."""
    exports: int
    """How often exporting in a format alternates with reading."""


FULL = Effort(
    rounds=30, seconds=0.2, starts=30, documents=5_000_000, fill_seconds=120, users=8000, exports=2
)
QUICK = Effort(
    rounds=2, seconds=0.1, starts=2, documents=50_000, fill_seconds=5, users=50, exports=2
)
