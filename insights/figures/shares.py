"""Shares of positive ratings: their confidence intervals, and tests of their differences.

Ratings by the same user are correlated: ten of one user say less than ten of ten users. All
figures here are clustered by user.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, fsum, lgamma, sqrt
from statistics import NormalDist
from typing import NamedTuple

from insights.figures.t_distribution import t_quantile, t_tail

# The significance level of the tests, and the miss rate of a 95 % interval.
LEVEL = 0.05

# The relative difference of probabilities that is rounding.
EQUAL = 1e-7

# Smaller parts of a sum do not change it.
NEGLIGIBLE = 1e-17

# The normal distribution's quantile for a 95 % interval.
Z = NormalDist().inv_cdf(1 - LEVEL / 2)


class Counts(NamedTuple):
    """A number of users who each gave the same numbers of positive and scored ratings."""

    users: int
    positive: int
    scored: int


class Profile(NamedTuple):
    """A number of users with the same numbers of ratings in a group, and in the one to compare.

    The groups are two periods, `before` the earlier, or the ratings of two values.
    """

    users: int
    positive: int
    scored: int
    positive_before: int
    scored_before: int


@dataclass(frozen=True)
class Interval:
    """The range in which a value lies with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """The share of positive ratings among the scored ones.

    `effective` is the equivalent number of independent ratings.
    """

    positive: int
    scored: int
    users: int
    effective: float

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.positive / self.scored

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the share."""
        return wilson_interval(self.value, self.effective)

    @property
    def least_variance(self) -> float:
        """The variance if a user's ratings were independent.

        Adding a positive and a negative rating (Agresti and Caffo) keeps it above 0.
        """
        independent = self.scored if 0 < self.value < 1 else self.effective
        value = (self.value * independent + 1) / (independent + 2)
        return value * (1 - value) / (independent + 2)

    def part(self, positive: int, scored: int) -> "Share":
        """Return the share of some of these ratings, with the same design effect."""
        return Share(positive, scored, self.users, scored * self.effective / self.scored)


@dataclass(frozen=True)
class Difference:
    """The difference between two shares, with its p-values.

    It has no interval if one of the shares is a single user's.
    """

    value: float
    interval: Interval | None
    p_fisher: float
    p_clustered: float

    def is_clear(self, comparisons: int = 1) -> bool:
        """Say whether both tests are significant, Bonferroni-corrected for the comparisons."""
        return max(self.p_fisher, self.p_clustered) * comparisons < LEVEL


@dataclass(frozen=True)
class Comparison:
    """The shares of two groups and their difference; None without scored ratings."""

    now: Share | None
    before: Share | None
    difference: Difference | None


def compare(profiles: Sequence[Profile], comparisons: int = 1) -> Comparison:
    """Return the shares of two groups and their difference, one of the `comparisons`."""
    now = share_of([Counts(each.users, each.positive, each.scored) for each in profiles])
    before = share_of(
        [Counts(each.users, each.positive_before, each.scored_before) for each in profiles]
    )
    if now is None or before is None:
        return Comparison(now, before, None)
    return Comparison(now, before, difference(profiles, now, before, comparisons))


def share_of(counts: Iterable[Counts]) -> Share | None:
    """Return the share of positive ratings, or None without scored ratings."""
    given = [each for each in counts if each.scored]
    users, positive, scored = (
        sum(each.users for each in given),
        sum(each.users * each.positive for each in given),
        sum(each.users * each.scored for each in given),
    )
    return Share(positive, scored, users, effective_number(given)) if scored else None


def effective_number(counts: Sequence[Counts]) -> float:
    """Return the number of ratings divided by the design effect of users.

    The design effect is the clustered variance over that of independent ratings, corrected for the
    few degrees of freedom of few users (Korn and Graubard). The result is at most the number of
    ratings, and at least Kish's effective number, as if each user's ratings were all equal. It is
    the latter if all ratings are equal, or one user's.
    """
    users = sum(each.users for each in counts)
    scored = sum(each.users * each.scored for each in counts)
    share = sum(each.users * each.positive for each in counts) / scored
    least = kish((each.users, each.scored) for each in counts)
    if share in {0, 1} or users == 1:
        return least
    variance = clustered_variance(
        (each.users, influence(each.positive, each.scored, share, scored)) for each in counts
    )
    independent = share * (1 - share) / (scored - 1)
    correction = (t_quantile(scored - 1, LEVEL) / t_quantile(least - 1, LEVEL)) ** 2
    return max(least, scored * correction / max(variance / independent, 1.0))


def kish(numbers: Iterable[tuple[int, int]]) -> float:
    """Return Kish's effective number of users, from numbers of users with so many ratings each."""
    total = squares = 0
    for users, scored in numbers:
        total += users * scored
        squares += users * scored**2
    return total**2 / squares


def influence(positive: int, scored: int, share: float, total: int) -> float:
    """Return the change of a share if the ratings of a user were left out of the total."""
    return (positive - share * scored) / (total - scored)


def clustered_variance(influences: Iterable[tuple[int, float]]) -> float:
    """Return the jackknife variance of an estimate from numbers of users with the same influence.

    Unlike the usual sandwich estimate, it is not too small where a few users give most ratings.
    """
    given = list(influences)
    users = sum(count for count, _ in given)
    # Exact, so that the order in which a server returns the users does not matter.
    total = fsum(count * each**2 for count, each in given)
    return total * (users - 1) / users


def difference(
    profiles: Sequence[Profile], now: Share, before: Share, comparisons: int = 1
) -> Difference:
    """Return the difference, tested by Fisher's exact test and a t-test clustered by user.

    Fisher's test is exact for few ratings; the t-test accounts for users who rate often. The
    intervals of several comparisons hold together with 95 % confidence (Bonferroni), so that each
    agrees with its `is_clear`.
    """
    level = LEVEL / comparisons
    change, fisher = now.value - before.value, fisher_p(now, before)
    if 1 in {now.users, before.users}:
        return Difference(change, None, fisher, 1.0)
    freedom = degrees_of_freedom(profiles)
    error = standard_error(profiles, now, before)
    reach = t_quantile(freedom, level) * error
    p_clustered = 2 * t_tail(freedom, abs(change) / error)
    interval = Interval(max(change - reach, -1.0), min(change + reach, 1.0))
    if fisher >= level:
        # Keep the interval consistent with the verdict.
        interval = Interval(min(interval.low, 0.0), max(interval.high, 0.0))
    return Difference(change, interval, fisher, p_clustered)


def degrees_of_freedom(profiles: Sequence[Profile]) -> float:
    """Return those of the t-test. A user who rates often is worth fewer than one."""
    now = kish((each.users, each.scored) for each in profiles)
    before = kish((each.users, each.scored_before) for each in profiles)
    return min(now, before) - 1


def fisher_p(now: Share, before: Share) -> float:
    """Return the p-value of Fisher's exact test, which assumes independent ratings.

    That is the probability of all tables with the same sums that are at most as likely.
    """
    positive, scored = now.positive + before.positive, now.scored + before.scored
    fewest, most = max(positive - before.scored, 0), min(positive, now.scored)
    likeliest = (now.scored + 1) * (positive + 1) // (scored + 2)

    def probability(number: int) -> float:
        chosen = log_choose(now.scored, number) + log_choose(before.scored, positive - number)
        return exp(chosen - log_choose(scored, positive))

    # Rounding must not tell equally likely tables apart.
    limit = probability(now.positive) * (1 + EQUAL)
    sides = range(likeliest, most + 1), range(likeliest - 1, fewest - 1, -1)
    return min(fsum(sum_rare(each, probability, limit) for each in sides), 1.0)


def sum_rare(numbers: range, probability: Callable[[int], float], limit: float) -> float:
    """Return the sum of the probabilities up to a limit, of numbers from the likeliest on."""
    first = bisect_left(numbers, -limit, key=lambda number: -probability(number))
    total = 0.0
    for number in numbers[first:]:
        added = probability(number)
        total += added
        if added <= total * NEGLIGIBLE:
            break
    return total


def log_choose(number: int, chosen: int) -> float:
    """Return the logarithm of a binomial coefficient."""
    return lgamma(number + 1) - lgamma(chosen + 1) - lgamma(number - chosen + 1)


def standard_error(profiles: Iterable[Profile], now: Share, before: Share) -> float:
    """Return the standard error of the difference of two shares, clustered by user."""
    variance = clustered_variance(
        (
            each.users,
            influence(each.positive, each.scored, now.value, now.scored)
            - influence(each.positive_before, each.scored_before, before.value, before.scored),
        )
        for each in profiles
    )
    return sqrt(max(variance, now.least_variance + before.least_variance))


def wilson_interval(share: float, number: float) -> Interval:
    """Return Wilson's 95 % interval for a share of a number of independent ratings."""
    scale = 1 + Z**2 / number
    centre = (share + Z**2 / (2 * number)) / scale
    reach = Z * sqrt(share * (1 - share) / number + (Z / (2 * number)) ** 2) / scale
    return Interval(max(centre - reach, 0.0), min(centre + reach, 1.0))
