"""The curve: the movement of the share of positive ratings within a period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from insights.figures.shares import Difference, Share
from insights.queries.sentiment import Sentiment

# Plain strings, for JSON and templates.
SCORED = [each.value for each in Sentiment if each is not Sentiment.UNSCORED]

# More parts make a finer curve, but parts with few ratings show only chance.
MOST_PARTS = 6
ENOUGH_FOR_A_PART = 20


@dataclass(frozen=True)
class FeedbackDay:
    """The feedback of one calendar day in UTC, or of an hour, whose start is the `day`.

    `count` includes unscored ratings.
    """

    day: date
    count: int
    positive: int
    neutral: int
    negative: int


@dataclass(frozen=True)
class Part:
    """Consecutive days of a period, with their share of positive ratings."""

    first: date
    last: date
    share: Share


@dataclass(frozen=True)
class Curve:
    """The two parts of a period with the greatest difference between their shares.

    `parts` is the number of all parts; every pair of them counts as compared.
    """

    earlier: Part
    later: Part
    difference: Difference
    parts: int

    @property
    def pairs(self) -> int:
        """The number of pairs of parts."""
        return self.parts * (self.parts - 1) // 2

    @property
    def is_clear(self) -> bool:
        """Whether the difference is significant."""
        return self.difference.is_clear(self.pairs)


def divide(daily: Sequence[FeedbackDay]) -> list[Sequence[FeedbackDay]]:
    """Split the days into as many equal parts as have enough ratings each."""
    for number in range(min(MOST_PARTS, len(daily)), 1, -1):
        ends = [len(daily) * each // number for each in range(number + 1)]
        parts = [daily[start:end] for start, end in pairwise(ends)]
        if all(scored_in(part) >= ENOUGH_FOR_A_PART for part in parts):
            return parts
    return [daily]


def scored_in(days: Sequence[FeedbackDay]) -> int:
    """Return the number of scored ratings of some days."""
    return sum(getattr(day, name) for day in days for name in SCORED)


def share_in(days: Sequence[FeedbackDay]) -> float:
    """Return the share of positive ratings of days that have scored ones."""
    return sum(day.positive for day in days) / scored_in(days)
