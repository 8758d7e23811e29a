"""Two sides measured alternately, so that a disturbance hits both."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median, quantiles

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Comparison:
    """The measurements of our side and the other, in pairs."""

    pairs: list[tuple[float, float]]

    @property
    def ours(self) -> float:
        """The median of ours."""
        return median(ours for ours, _ in self.pairs)

    @property
    def other(self) -> float:
        """The median of the other."""
        return median(other for _, other in self.pairs)

    @property
    def ratios(self) -> list[float]:
        """Ours over the other, in each pair."""
        return [ours / other for ours, other in self.pairs]

    @property
    def ratio(self) -> float:
        """The median ratio."""
        return median(self.ratios)

    @property
    def inverse(self) -> "Comparison":
        """The same comparison with rates as times, or times as rates."""
        return Comparison([(1 / ours, 1 / other) for ours, other in self.pairs])

    def __str__(self) -> str:
        """Return the median ratio and its interquartile range."""
        low, _, high = quantiles(self.ratios, n=4, method="inclusive")
        return f"{self.ratio:.2f} ({low:.2f} to {high:.2f})"


async def compare(rounds: int, ours: Measure, other: Measure) -> Comparison:
    """Measure both once to warm up, and then alternately."""
    await ours()
    await other()
    return Comparison([(await ours(), await other()) for _ in range(rounds)])
