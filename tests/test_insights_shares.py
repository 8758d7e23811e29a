"""How sure shares and their differences are: by hand, and in simulations with a fixed seed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import inf
from random import Random

import numpy as np
import pytest
from scipy import stats

from insights.figures.shares import (
    Comparison,
    Counts,
    Difference,
    Profile,
    Share,
    compare,
    fisher_p,
    share_of,
    wilson_interval,
)
from insights.figures.t_distribution import t_quantile, t_tail

# Of one user: the positive and the scored ratings.
User = tuple[int, int]

SEED = 17


def compared(now: Iterable[User], before: Iterable[User]) -> Comparison:
    """Return the comparison of two periods that have no user in common."""
    counted = Counter([*((*user, 0, 0) for user in now), *((0, 0, *user) for user in before)])
    return compare([Profile(users, *numbers) for numbers, users in counted.items()])


def difference(now: Iterable[User], before: Iterable[User]) -> Difference:
    """Return the difference between two such periods, which both have ratings."""
    found = compared(now, before).difference
    assert found
    return found


def votes(positive: int, scored: int) -> list[User]:
    """Return one rating each of so many users."""
    return [(1, 1)] * positive + [(0, 1)] * (scored - positive)


def drawn(
    random: np.random.RandomState, number: int, share: float, mean: float, likeness: float
) -> list[User]:
    """Return users with so many ratings in all; `likeness` is the correlation within a user."""
    rated = random.geometric(1 / mean, number)
    rated = rated[: np.searchsorted(rated.cumsum(), number) + 1]
    rated[-1] -= rated.sum() - number
    scale = (1 - likeness) / likeness if likeness else 0
    own = random.beta(share * scale, (1 - share) * scale, len(rated)) if likeness else share
    return list(zip(random.binomial(rated, own).tolist(), rated.tolist(), strict=True))


def share_clear(
    numbers: tuple[int, int],
    shares: tuple[float, float] = (0.75, 0.75),
    *,
    mean: float = 2,
    likeness: float = 0,
    loud: int = 0,
    rounds: int = 1000,
) -> float:
    """Return how often a difference is clear; a `loud` user adds negative ratings of their own."""
    # Its numbers are the same with every version of NumPy.
    random, found = np.random.RandomState(SEED), 0
    extra = [(0, loud)] if loud else []
    for _ in range(rounds):
        now, before = (
            drawn(random, number, share, mean, likeness)
            for number, share in zip(numbers, shares, strict=True)
        )
        found += difference(now + extra, before).is_clear()
    return found / rounds


@pytest.mark.parametrize("numbers", [(2, 2), (1, 30), (9, 9), (30, 30), (100, 100), (1000, 1000)])
def test_chance_seldom_passes_for_a_change(numbers: tuple[int, int]) -> None:
    assert share_clear(numbers) <= 0.06


def test_chance_seldom_passes_for_a_change_where_users_differ() -> None:
    assert share_clear((1000, 1000), mean=4, likeness=0.1, rounds=2000) <= 0.06


def test_a_loud_user_seldom_passes_for_a_change() -> None:
    assert share_clear((200, 200), loud=40) <= 0.06


def of_different_users(random: np.random.RandomState, ratings: Sequence[int]) -> list[User]:
    """Return a user for each number of ratings, with an own probability of a positive one."""
    own = random.beta(2.8, 1.2, len(ratings))
    return list(zip(random.binomial(ratings, own).tolist(), ratings, strict=True))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ([300, *[1] * 100], [1] * 300),
        ([100, *[2] * 30], [100, *[2] * 30]),
        ([100, *[1] * 5], [1] * 100),
        ([30, 30, 30], [30, 30, 30]),
    ],
)
def test_users_who_give_most_ratings_seldom_pass_for_a_change(
    now: Sequence[int], before: Sequence[int]
) -> None:
    random, rounds = np.random.RandomState(SEED), 300
    found = [
        compared(of_different_users(random, now), of_different_users(random, before))
        for _ in range(rounds)
    ]

    clear = sum(each.difference.is_clear() for each in found if each.difference)
    intervals = [each.now.interval for each in found if each.now]
    assert clear / rounds <= 0.06
    assert sum(each.low <= 0.7 <= each.high for each in intervals) / rounds >= 0.93


@pytest.mark.parametrize("likeness", [0, 0.05])
def test_finds_a_real_change(likeness: float) -> None:
    shares = (0.747, 0.687)

    assert share_clear((1250, 1250), shares, likeness=likeness, rounds=500) >= 0.8


@pytest.mark.parametrize(
    ("now", "before", "is_clear"),
    [
        # What `summary` called better, and `dashboard` worse.
        (votes(7, 9), votes(6, 9), False),
        (votes(0, 1), votes(28, 30), False),
        ([*votes(75, 100), (0, 40)], votes(75, 100), False),
        # Many ratings of few users, who always agree with themselves.
        ([(50, 50), (0, 50)], [(0, 50), (0, 50)], False),
        (votes(0, 12), votes(12, 12), True),
        (votes(900, 1000), votes(800, 1000), True),
    ],
)
def test_a_change_is_clear_if_chance_does_not_explain_it(
    now: list[User], before: list[User], *, is_clear: bool
) -> None:
    found = difference(now, before)

    assert found.is_clear() == is_clear


def test_both_tests_must_agree() -> None:
    # Fisher's test alone takes the loud user's ratings for those of forty.
    loud = difference([*votes(75, 100), (0, 40)], votes(75, 100))

    assert loud.p_fisher < 0.001
    assert loud.p_clustered > 0.05


def test_fishers_test_is_that_of_the_library() -> None:
    random = Random(18)  # noqa: S311 (test data)
    sizes = [1, 2, 9, 40, 300, 40_000]
    for _ in range(300):
        now, before = random.choice(sizes), random.choice(sizes)
        positive, positive_before = random.randint(0, now), random.randint(0, before)
        table = [[positive, now - positive], [positive_before, before - positive_before]]
        share, other = (
            Share(*each, 1) for each in ((positive, now, 1), (positive_before, before, 1))
        )

        assert fisher_p(share, other) == pytest.approx(
            stats.fisher_exact(table).pvalue, rel=1e-6, abs=1e-300
        )


@pytest.mark.parametrize("freedom", [0.1, 0.5, 1, 2.5, 30, 999, 1e6])
def test_students_distribution_is_that_of_the_library(freedom: float) -> None:
    for t in (0.0, 1e-3, 1, 1.7, 1.8, 2, 10, 1e5):
        assert t_tail(freedom, t) == pytest.approx(stats.t.sf(t, freedom), rel=1e-7)
    for level in (0.5, 0.05, 0.01, 1e-5):
        expected = stats.t.isf(level / 2, freedom)
        assert t_quantile(freedom, level) == pytest.approx(expected, rel=1e-7)


def test_a_quantile_may_be_too_large_for_a_float() -> None:
    assert t_quantile(1e-6, 0.05) == inf


def test_of_many_comparisons_the_most_different_must_be_clearer() -> None:
    found = difference(votes(60, 100), votes(44, 100))

    assert 0.01 < max(found.p_fisher, found.p_clustered) < 0.05
    assert found.is_clear()
    assert not found.is_clear(comparisons=15)


def test_users_of_both_periods_are_compared_with_themselves() -> None:
    # Ten give ten ratings in each period, and the same nine more are positive.
    profiles = [Profile(5, 9, 10, 7, 10), Profile(5, 4, 10, 2, 10)]
    strangers = difference([(9, 10)] * 5 + [(4, 10)] * 5, [(7, 10)] * 5 + [(2, 10)] * 5)

    found = compare(profiles).difference

    assert found
    assert found.value == pytest.approx(strangers.value) == pytest.approx(0.2)
    assert found.p_clustered < 0.05 < strangers.p_clustered


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (votes(7, 9), votes(6, 9)),
        (votes(18, 20), votes(12, 20)),
        (votes(13, 20), votes(19, 20)),
        (votes(900, 1000), votes(800, 1000)),
        (votes(0, 12), votes(12, 12)),
        (votes(5, 5), votes(5, 5)),
    ],
)
def test_the_interval_of_a_difference_agrees_with_the_tests(
    now: list[User], before: list[User]
) -> None:
    found = difference(now, before)

    assert found.interval
    assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1
    assert found.interval.low < found.interval.high
    assert found.is_clear() != (found.interval.low <= 0 <= found.interval.high)


def test_a_single_user_has_no_interval_and_no_clear_difference() -> None:
    found = difference([(0, 100)], votes(900, 1000))

    assert found.interval is None
    assert not found.is_clear()


@pytest.mark.parametrize(("now", "before"), [([], votes(1, 2)), (votes(1, 2), []), ([], [])])
def test_without_ratings_there_is_nothing_to_compare(now: list[User], before: list[User]) -> None:
    found = compared(now, before)

    assert (found.now is None, found.before is None) == (not now, not before)
    assert found.difference is None


@pytest.mark.parametrize(
    ("positive", "scored", "low", "high"),
    [
        (7, 9, 0.4526, 0.9368),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_an_interval_is_that_of_wilson(positive: int, scored: int, low: float, high: float) -> None:
    share = share_of([Counts(positive, 1, 1), Counts(scored - positive, 0, 1)])

    assert share
    assert share.effective == pytest.approx(scored)
    assert (share.interval.low, share.interval.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("counts", "effective"),
    [
        # Ratings that are alike within a user count as one of each user.
        ([Counts(10, 10, 10), Counts(10, 0, 10)], 20),
        # Users who are alike do not matter, except that twenty have only 19 degrees of freedom.
        ([Counts(20, 5, 10)], 200 * (stats.t.isf(0.025, 199) / stats.t.isf(0.025, 19)) ** 2),
        # Two who are alike by chance say no more than two ratings.
        ([Counts(2, 7, 10)], 2),
        # Kish: 200² / (100² + 100).
        ([Counts(1, 100, 100), Counts(50, 1, 1), Counts(50, 0, 1)], 200**2 / 10_100),
        # Kish: 12² / (10² + 2).
        ([Counts(1, 10, 10), Counts(2, 1, 1)], 144 / 102),
        ([Counts(1, 5, 10)], 1),
    ],
)
def test_the_effective_number_allows_for_users_who_rate_often(
    counts: list[Counts], effective: float
) -> None:
    share = share_of(counts)

    assert share
    assert share.effective == pytest.approx(effective, rel=0.06)
    assert share.interval == wilson_interval(share.value, share.effective)


def test_a_part_has_the_design_effect_of_the_whole() -> None:
    whole = share_of([Counts(10, 10, 10), Counts(10, 0, 10)])
    assert whole

    part = whole.part(30, 40)

    assert part.value == pytest.approx(0.75)
    assert part.effective / 40 == pytest.approx(whole.effective / 200)
