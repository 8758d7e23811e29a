"""How the share of positive ratings moved within a period, from one part of its days to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from insights.figures.shares import Difference, Share
from insights.queries.sentiment import Sentiment

# By the names of `Sentiment`, as plain texts, which JSON and templates show as they are.
SCORED = [each.value for each in Sentiment if each is not Sentiment.UNSCORED]

# The more parts, the finer the curve; with fewer ratings in each, it only shows chance.
MOST_PARTS = 6
ENOUGH_FOR_A_PART = 20


@dataclass(frozen=True)
class FeedbackDay:
    """The feedback of one calendar day in UTC; `count` includes what is unscored."""

    day: date
    count: int
    positive: int
    neutral: int
    negative: int


@dataclass(frozen=True)
class Part:
    """Some consecutive days of a period, and the share of positive ratings in them."""

    first: date
    last: date
    share: Share


@dataclass(frozen=True)
class Curve:
    """Of so many `parts` of a period, the two whose shares of positive ratings differ most.

    Every pair of parts counts as compared.
    """

    earlier: Part
    later: Part
    difference: Difference
    parts: int

    @property
    def pairs(self) -> int:
        """How many pairs of parts there are."""
        return self.parts * (self.parts - 1) // 2

    @property
    def is_clear(self) -> bool:
        """Whether the two differ by more than chance."""
        return self.difference.is_clear(self.pairs)


def divide(daily: Sequence[FeedbackDay]) -> list[Sequence[FeedbackDay]]:
    """Return the days in as many equal parts as there may be with enough ratings in each."""
    for number in range(min(MOST_PARTS, len(daily)), 1, -1):
        ends = [len(daily) * each // number for each in range(number + 1)]
        parts = [daily[start:end] for start, end in pairwise(ends)]
        if all(scored_in(part) >= ENOUGH_FOR_A_PART for part in parts):
            return parts
    return [daily]


def scored_in(days: Sequence[FeedbackDay]) -> int:
    """Return how many ratings of some days can be scored."""
    return sum(getattr(day, name) for day in days for name in SCORED)


def share_in(days: Sequence[FeedbackDay]) -> float:
    """Return the share of positive ratings in some days, which have scored ones."""
    return sum(day.positive for day in days) / scored_in(days)
