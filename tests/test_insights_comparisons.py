"""Ratings compared by value: the statistics, in simulations with a fixed seed, and the finding."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from insights.figures.answers import Verdict
from insights.figures.comparisons import (
    Breakdown,
    Group,
    User,
    groups_of,
    headline,
    number_of_comparisons,
    show_points,
    show_without,
)

SEED = 17

CLEAR = {Verdict.BETTER, Verdict.WORSE}

# The positive and the scored ratings of a value, one of each user.
Votes = tuple[int, int]


def breakdown(users: Mapping[str, Mapping[str, User]], without: int = 0) -> Breakdown:
    """Return the comparison of these users' ratings, by value."""
    comparisons = number_of_comparisons(users)
    return Breakdown("message.model", groups_of(users, comparisons), without, max(comparisons, 1))


def voted(votes: Mapping[str, Votes], without: int = 0) -> Breakdown:
    """Return the comparison of values, of which each was rated by other users."""
    return breakdown(
        {
            value: {f"{value}-{number}": Counter([number < positive]) for number in range(scored)}
            for value, (positive, scored) in votes.items()
        },
        without,
    )


def verdicts(found: Breakdown) -> dict[str, str | None]:
    """Return the verdict on each value."""
    return {each.value: each.verdict for each in found.groups}


def drawn(
    random: np.random.RandomState,
    shares: Sequence[float],
    ratings: int,
    users: int,
    loudness: float = 1.6,
) -> list[Group]:
    """Return the groups of so many ratings, each of a random user and a random value.

    Some users are happier than others, with every value. The user who rates most gives 44 % of
    the ratings with a `loudness` of 1.6, and 18 % with 1.2.
    """
    values = random.choice(len(shares), ratings, p=frequencies(len(shares)))
    raters = random.zipf(loudness, ratings) % users
    moods = random.normal(0, 0.05, users)
    positive = random.random_sample(ratings) < np.array(shares)[values] + moods[raters]
    given: dict[str, dict[str, User]] = {}
    for value, user, is_positive in zip(values, raters, positive, strict=True):
        own = given.setdefault(str(value), {}).setdefault(str(user), Counter())
        own[bool(is_positive)] += 1
    return breakdown(given).groups


def frequencies(number: int) -> list[float]:
    """Return how frequent each of so many values is, the first most."""
    weights = [1 / each for each in range(1, number + 1)]
    return [each / sum(weights) for each in weights]


def test_chance_seldom_passes_for_a_difference_among_five_values() -> None:
    # Its numbers are the same with every version of NumPy.
    random, rounds = np.random.RandomState(SEED), 400
    found = sum(
        any(each.verdict in CLEAR for each in drawn(random, [0.75] * 5, 1000, 300))
        for _ in range(rounds)
    )

    assert found / rounds <= 0.06


def test_finds_the_one_value_that_differs() -> None:
    random, rounds = np.random.RandomState(SEED), 100
    better = [
        {
            each.value
            for each in drawn(random, [0.7, 0.8, 0.7, 0.7, 0.7], 3000, 800, loudness=1.2)
            if each.verdict in CLEAR
        }
        for _ in range(rounds)
    ]

    assert sum("1" in each for each in better) / rounds >= 0.8
    assert sum(bool(each - {"1"}) for each in better) / rounds <= 0.06


def test_values_are_compared_with_the_most_frequent() -> None:
    found = voted({"a": (350, 500), "b": (480, 600), "c": (300, 400), "d": (9, 10)})

    assert [each.value for each in found.groups] == ["b", "a", "c", "d"]
    assert found.groups[0].difference is None
    assert verdicts(found) == {
        "b": None,
        "a": Verdict.WORSE,
        "c": Verdict.NO_CLEAR_DIFFERENCE,
        "d": Verdict.TOO_FEW_RATINGS,
    }
    assert found.comparisons == 3


def test_equally_frequent_values_are_in_alphabetical_order() -> None:
    assert [each.value for each in voted({"b": (1, 3), "a": (2, 3), "c": (1, 4)}).groups] == [
        "c",
        "a",
        "b",
    ]


def test_the_more_values_the_clearer_a_difference_must_be() -> None:
    others = {f"x{number}": (70, 100) for number in range(9)}

    assert verdicts(voted({"a": (140, 200), "b": (80, 98)}))["b"] is Verdict.BETTER
    assert (
        verdicts(voted({"a": (140, 200), "b": (80, 98)} | others))["b"]
        is Verdict.NO_CLEAR_DIFFERENCE
    )


@pytest.mark.parametrize("positive", range(60, 100, 2))
def test_each_interval_agrees_with_its_verdict(positive: int) -> None:
    others = {f"x{number}": (70, 100) for number in range(4)}
    for group in voted({"a": (140, 200), "b": (positive, 100)} | others).groups[1:]:
        assert group.difference
        interval = group.difference.interval
        assert interval
        assert interval.low <= group.difference.value <= interval.high
        assert (group.verdict in CLEAR) != (interval.low <= 0 <= interval.high)


def test_a_single_users_value_cannot_differ_and_is_no_comparison() -> None:
    votes = {f"u{number}": Counter([number < 70]) for number in range(100)}
    found = breakdown({"a": votes, "b": {"loud": Counter({False: 90})}, "c": dict(votes)})

    assert verdicts(found)["b"] is Verdict.TOO_FEW_RATINGS
    assert found.groups[2].difference
    assert found.groups[2].difference.interval is None
    assert found.comparisons == 1


def test_users_of_both_values_are_compared_with_themselves() -> None:
    # Each user rates both; of strangers, the difference would not be clear.
    happy, unhappy = Counter({True: 9, False: 1}), Counter({True: 4, False: 6})
    happier, unhappier = Counter({True: 10}), Counter({True: 6, False: 5})
    users = [f"u{number}" for number in range(40)]
    first = {user: happy if number % 2 else unhappy for number, user in enumerate(users)}
    second = {user: happier if number % 2 else unhappier for number, user in enumerate(users)}

    alike = breakdown({"a": first, "b": second}).groups[1].difference
    strangers = breakdown({"a": first, "b": {f"x{each}": second[each] for each in users}})

    other = strangers.groups[1].difference
    assert alike
    assert other
    assert alike.value == pytest.approx(other.value)
    assert alike.p_clustered < other.p_clustered


@pytest.mark.parametrize(
    ("votes", "without", "expected"),
    [
        (
            {"a": (859, 1250), "b": (934, 1249)},
            0,
            (
                "b is better than a, the most frequent message.model: 75 % (72 to 77 %) of 1,249 "
                "ratings are positive, against 69 % (66 to 71 %) of 1,250: "
                "6.1 percentage points higher, between 2.5 and 9.6."
            ),
        ),
        (
            {"a": (80, 100), "b": (20, 90), "c": (3, 4)},
            0,
            (
                "b is worse than a, the most frequent message.model: 22 % (15 to 32 %) of 90 "
                "ratings are positive, against 80 % (71 to 87 %) of 100: "
                "57.8 percentage points lower, between 44.1 and 71.4."
            ),
        ),
        (
            {"a": (50, 100), "b": (80, 90), "c": (80, 90), "d": (9, 90), "e": (8, 80)},
            0,
            "b and c are better than a, the most frequent message.model; d and e are worse.",
        ),
        (
            {"a": (90, 100), "b": (10, 90), "c": (10, 80), "d": (10, 70)},
            0,
            "b, c and d are worse than a, the most frequent message.model.",
        ),
        (
            {"a": (70, 100), "b": (65, 90)},
            0,
            "No message.model is clearly better or worse than a, the most frequent.",
        ),
        (
            {"a": (70, 100), "b": (5, 9)},
            0,
            "Too few ratings to say which message.model is better.",
        ),
        (
            {"a": (1, 1)},
            0,
            "All values of message.model are a (1 scored rating): nothing to compare.",
        ),
        ({}, 7, "None of the 7 scored ratings has a message.model."),
        ({}, 1, "The only scored rating has no message.model."),
        ({}, 0, "There are no scored ratings in this period."),
    ],
)
def test_says_which_value_is_better(votes: dict[str, Votes], without: int, expected: str) -> None:
    assert headline(voted(votes, without)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", '""'),
        (" ", '" "'),
        ("a\nb\x1b", "a b\N{REPLACEMENT CHARACTER}"),
        ("x" * 41, "x" * 39 + "…"),
    ],
)
def test_the_name_of_a_value_is_one_short_line(value: str, expected: str) -> None:
    assert voted({value: (1, 2)}).groups[0].name == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.081, "+8.1"), (-0.0049, "-0.5"), (-0.0001, "+0.0"), (1.0, "+100.0")]
)
def test_shows_differences_with_their_sign(value: float, expected: str) -> None:
    assert show_points(value) == expected


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (1, "1 scored rating has no message.model"),
        (1200, "1,200 scored ratings have no message.model"),
    ],
)
def test_counts_ratings_without_a_value(without: int, expected: str) -> None:
    assert show_without(voted({}, without)) == expected
