"""The verdict on a change, and the sentences that explain it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from insights.figures.answers import (
    Verdict,
    describe_curve,
    explain,
    not_counted_before,
    show_difference,
    verdict_on,
)
from insights.figures.curves import Curve, FeedbackDay, Part, divide
from insights.figures.feedback import FeedbackSummary
from insights.figures.reasons import Reasons
from insights.figures.shares import Comparison, Difference, Interval, Profile, compare
from insights.figures.words import Words

FIRST = date(2026, 11, 2)
DAY = timedelta(days=1)

# Of ratings, one of each user: the positive ones, and all that can be scored.
Votes = tuple[int, int]


def compared(now: Votes, before: Votes) -> Comparison:
    """Return the comparison of two periods that have no user in common."""
    profiles = [
        Profile(now[0], 1, 1, 0, 0),
        Profile(now[1] - now[0], 0, 1, 0, 0),
        Profile(before[0], 0, 0, 1, 1),
        Profile(before[1] - before[0], 0, 0, 0, 1),
    ]
    return compare([each for each in profiles if each.users])


def days(*votes: Votes) -> list[FeedbackDay]:
    """Return days of which each has these ratings."""
    return [
        FeedbackDay(FIRST + number * DAY, scored, positive, 0, scored - positive)
        for number, (positive, scored) in enumerate(votes)
    ]


def feedback(now: Votes, before: Votes = (0, 0), unscored: int = 0) -> FeedbackSummary:
    """Return a week of feedback, all of it on the first day."""
    return FeedbackSummary(
        count=now[1] + unscored,
        previous_count=before[1],
        begins=None,
        sentiments={},
        comparison=compared(now, before),
        curve=None,
        ratings=[],
        unscored=[],
        others=0,
        worst=[],
        reasons=Reasons(0, [], 0),
        words=Words(0, 0, None),
        daily=days(now, *[(0, 0)] * 6),
    )


def curve(earlier: tuple[date, date, Votes], later: tuple[date, date, Votes]) -> Curve:
    """Return two parts of a period, each with its first and last day and its ratings."""
    found = compared(later[2], earlier[2])
    assert found.now
    assert found.before
    assert found.difference
    return Curve(Part(*earlier[:2], found.before), Part(*later[:2], found.now), found.difference, 6)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ((934, 1250), (859, 1250), Verdict.BETTER),
        ((859, 1250), (934, 1250), Verdict.WORSE),
        ((75, 100), (70, 100), Verdict.NO_CLEAR_CHANGE),
        ((20, 20), (20, 20), Verdict.NO_CLEAR_CHANGE),
        ((75, 100), (14, 19), Verdict.TOO_FEW_RATINGS),
        ((14, 19), (75, 100), Verdict.TOO_FEW_RATINGS),
        # Few, but all different.
        ((12, 12), (0, 12), Verdict.BETTER),
        ((5, 9), (0, 0), Verdict.NOTHING_TO_COMPARE),
        ((0, 0), (5, 9), Verdict.NOTHING_TO_COMPARE),
    ],
)
def test_the_verdict_is_one_of_five(now: Votes, before: Votes, expected: Verdict) -> None:
    assert verdict_on(feedback(now, before)) is expected


def test_ratings_of_one_user_are_too_few_to_say() -> None:
    found = replace(
        feedback((0, 0)), comparison=compare([Profile(1, 0, 100, 0, 0), Profile(50, 0, 0, 1, 2)])
    )

    assert verdict_on(found) is Verdict.TOO_FEW_RATINGS
    [sentence] = explain(found, "7 days")
    assert sentence.endswith(
        "50.0 percentage points down, with a single user in one of the periods."
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            feedback((934, 1250), (859, 1250)),
            (
                "75 % (72 to 77 %) of 1,250 scored ratings are positive, "
                "after 69 % (66 to 71 %) of 1,250 in the 7 days before: "
                "6.0 percentage points up, between 2.5 and 9.5."
            ),
        ),
        (
            feedback((7, 9), (6, 9)),
            (
                "78 % (45 to 94 %) of 9 scored ratings are positive, "
                "after 67 % (35 to 88 %) of 9 in the 7 days before: "
                "11.1 percentage points up, between 41.7 down and 63.9 up."
            ),
        ),
        (
            feedback((0, 1)),
            (
                "0 % (0 to 79 %) of 1 scored rating is positive. "
                "There are no scored ratings in the 7 days before."
            ),
        ),
        (feedback((0, 0), (1, 2)), "There is no feedback in this period."),
        (feedback((0, 0), unscored=3), "None of the 3 ratings can be scored."),
        (
            replace(feedback((1, 2)), begins=datetime(2026, 10, 29, 23, tzinfo=UTC)),
            (
                "50 % (9 to 91 %) of 2 scored ratings are positive. Feedback begins on "
                "29 Oct 2026, too late to compare with the 7 days before."
            ),
        ),
    ],
)
def test_says_what_the_figures_are_and_how_sure(found: FeedbackSummary, expected: str) -> None:
    assert " ".join(explain(found, "7 days")) == expected


def test_says_how_the_last_week_was_where_that_is_half_or_less() -> None:
    two_weeks = days((10, 20), *[(0, 0)] * 7, (5, 10), *[(0, 0)] * 4, (4, 5))
    found = replace(feedback((19, 35)), daily=two_weeks)

    assert (
        list(explain(found, "14 days"))[-1]
        == "In the last 7 days (9 to 15 Nov): 60 % (36 to 80 %)."
    )
    assert "last 7" not in " ".join(explain(replace(found, daily=two_weeks[1:]), "13 days"))


@pytest.mark.parametrize(
    ("change", "interval", "expected"),
    [
        (0.06, Interval(0.012, 0.108), "6.0 percentage points up, between 1.2 and 10.8"),
        (-0.06, Interval(-0.108, -0.012), "6.0 percentage points down, between 1.2 and 10.8"),
        (0.01, Interval(-0.022, 0.042), "1.0 percentage points up, between 2.2 down and 4.2 up"),
        (0.01, Interval(0.0, 0.042), "1.0 percentage points up, between 0.0 and 4.2"),
        (-0.0001, Interval(-0.05, 0.05), "no difference, between 5.0 down and 5.0 up"),
    ],
)
def test_shows_a_difference_with_its_interval(
    change: float, interval: Interval, expected: str
) -> None:
    assert show_difference(Difference(change, interval, 0.5, 0.5)) == expected


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (
            (date(2026, 11, 3), date(2026, 11, 9), (47, 100)),
            (date(2026, 11, 24), date(2026, 11, 30), (82, 100)),
            "It fell to 47 % (3 to 9 Nov) and rose to 82 % (24 to 30 Nov).",
        ),
        (
            (date(2026, 11, 3), date(2026, 11, 3), (82, 100)),
            (date(2026, 11, 28), date(2026, 12, 4), (47, 100)),
            "It rose to 82 % (3 Nov) and fell to 47 % (28 Nov to 4 Dec).",
        ),
        (
            (FIRST, FIRST + DAY, (47, 100)),
            (date(2027, 1, 3), date(2027, 1, 9), (82, 100)),
            "It was 47 % (2 to 3 Nov 2026) and rose to 82 % (3 to 9 Jan 2027).",
        ),
    ],
)
def test_describes_how_the_share_moved(
    earlier: tuple[date, date, Votes], later: tuple[date, date, Votes], expected: str
) -> None:
    assert describe_curve(curve(earlier, later), days((1, 2))[0]) == expected


@pytest.mark.parametrize(
    ("later", "is_told"), [((82, 100), True), ((60, 100), False), ((47, 100), False)]
)
def test_tells_of_a_curve_only_if_it_is_clear(later: Votes, *, is_told: bool) -> None:
    moved = curve((FIRST, FIRST, (45, 100)), (FIRST + DAY, FIRST + DAY, later))
    found = replace(feedback((5, 10), (5, 10)), curve=moved)

    assert any(each.startswith("It was 45 %") for each in explain(found, "7 days")) == is_told


@pytest.mark.parametrize(
    ("scored", "lengths"),
    [
        ([20] * 12, [2] * 6),
        ([20] * 6, [1] * 6),
        ([20] * 8, [1, 1, 2, 1, 1, 2]),
        ([10] * 12, [2] * 6),
        ([5] * 12, [4, 4, 4]),
        ([20, 0, 20, 0], [2, 2]),
        ([19, 20], [2]),
        ([100], [1]),
        ([100, 0, 0, 0, 0, 0, 19], [7]),
        ([100, 0, 0, 0, 0, 0, 20], [3, 4]),
    ],
)
def test_divides_the_days_into_equal_parts_with_enough_ratings(
    scored: list[int], lengths: list[int]
) -> None:
    parts = divide(days(*((0, number) for number in scored)))

    assert [len(part) for part in parts] == lengths


def test_says_beside_a_number_why_there_is_none_before() -> None:
    expected = "since 29 Oct 2026, too late to compare"
    assert not_counted_before(datetime(2026, 10, 29, tzinfo=UTC)) == expected
