"""`insights journey`."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NoReturn

import pytest
from bson import Code, Decimal128, ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.figures import journeys
from insights.figures.shares import Profile, compare
from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
WINDOW = timedelta(minutes=30)
TIMES = "\N{MULTIPLICATION SIGN}"
DAY = ("--since", "2026-11-01", "--until", "2026-11-02")
PERIOD = "from 1 Nov 2026 00:00 to 2 Nov 2026 00:00 UTC"
EXPLANATION = (
    "Before: share of the ratings with events in their window. Positive: the same of positive "
    "ratings. All: share of the events of all users. Lift: Before divided by All. Bold: clearly "
    "more frequent than before positive ratings."
)

# User, minutes after noon, and event type or rating.
Doings = Sequence[tuple[str, float, str]]

# Eight events: four of a, two of b, two of c. Each is the end of one sequence: ann's a, ab, abc;
# bob's c; cid's a; dan's a, aa, aab. Of the three negative ratings ann's comes after a, b and c,
# bob's after c, and cid's more than 30 minutes after the last event.
EVENTS: Doings = [
    *[("ann", -10, "a"), ("ann", -5, "b"), ("ann", -2, "c")],
    ("bob", -1, "c"),
    ("cid", -40, "a"),
    *[("dan", -90, "a"), ("dan", -80, "a"), ("dan", -70, "b")],
]
RATINGS: Doings = [
    *[("ann", 0, "down"), ("bob", 0, "bad"), ("cid", 0, "1")],
    *[("dan", -60, "up"), ("eve", 0, "3"), ("fay", 0, "so so")],
]


def store(database: Database[Document], events: Doings, ratings: Doings) -> None:
    """Store events as (user, minutes after noon, type), and ratings as (user, minutes, rating)."""
    for user, minutes, event_type in events:
        event = an_event(NOON + minutes * MINUTE, user_id=user, event_type=event_type)
        database.analytics.insert_one(event)
    for user, minutes, rating in ratings:
        database.feedback.insert_one(
            a_feedback(NOON + minutes * MINUTE, user_id=user, rating=rating)
        )


def found(insights: Insights, *options: str) -> Any:
    """Return the command's results for the first of November."""
    result = insights("journey", *DAY, *options, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    [line] = result.lines
    return line


def befores(steps: list[Any]) -> dict[str, int]:
    """Return the number of ratings that follow each step."""
    return {" ".join(each["steps"]): each["before"] for each in steps}


def test_compares_the_steps_before_ratings_with_contrasting_ratings_and_all_events(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database, EVENTS, RATINGS)

    journeys = found(insights, "--before-rating", "negative", "--window", "30m")

    [last], sequences = journeys.pop("last"), journeys.pop("sequences")
    assert journeys == {
        "before_rating": "negative",
        "window_seconds": 1800,
        "since": "2026-11-01T00:00:00.000Z",
        "filters": "",
        "until": "2026-11-02T00:00:00.000Z",
        "ratings": 3,
        "without_events": 1,
        "contrast": "positive",
        "contrast_ratings": 1,
        "contrast_without_events": 0,
        "left_out": [],
    }
    # Two of two against none of one.
    assert last.pop("share_before_interval") == pytest.approx({"low": 0.3424, "high": 1}, abs=1e-4)
    assert last.pop("share_contrast_interval") == pytest.approx(
        {"low": 0, "high": 0.7935}, abs=1e-4
    )
    assert last.pop("p_fisher") == pytest.approx(1 / 3)
    assert last == {
        "steps": ["c"],
        "users": 2,
        "before": 2,
        "share_before": 1,
        "contrast": 0,
        "share_contrast": 0,
        "difference_percentage_points": 100,
        "difference_percentage_points_interval": None,
        "p_clustered": 1,
        "is_clear": False,
        "share_all": 0.25,
        "lift": 4,
    }
    assert [each["steps"] for each in sequences] == [["a", "b", "c"], ["c"]]
    for each in sequences:
        figures = [each[name] for name in ("before", "share_before", "share_all", "lift", "users")]
        assert figures == [1, 0.5, 0.125, 4, 1]
        assert each["share_before_interval"] == pytest.approx(
            {"low": 0.0945, "high": 0.9055}, abs=1e-4
        )


@pytest.mark.parametrize(
    ("rating", "contrast", "ratings", "others"),
    [
        ("negative", "positive", 2, 1),
        ("positive", "negative", 1, 2),
        ("neutral", "other", 1, 4),
        ("unscored", "other", 1, 4),
        ("1", "other", 1, 4),
    ],
)
def test_each_rating_has_its_contrast(
    insights: Insights,
    empty_database: Database[Document],
    rating: str,
    contrast: str,
    ratings: int,
    others: int,
) -> None:
    given = ["👎", "1", "5", "3", "meh"]
    store(empty_database, [("u0", -1, "a")], [(f"u{n}", 0, each) for n, each in enumerate(given)])

    journeys = found(insights, "--before-rating", rating)

    assert journeys["contrast"] == contrast
    assert (journeys["ratings"], journeys["contrast_ratings"]) == (ratings, others)
    assert journeys["without_events"] + journeys["contrast_without_events"] == (
        4 if contrast == "other" else 2
    )


def test_finds_what_counting_one_by_one_finds(
    insights: Insights, empty_database: Database[Document]
) -> None:
    random = Random("journeys")  # noqa: S311 (nothing here is secret)
    users, ratings = [f"u{number}" for number in range(25)], ("up", "down", "3", "hm")
    events: Doings = [
        (random.choice(users), random.randrange(0, 600, 2), random.choice("aaabbcde"))
        for _ in range(600)
    ]
    given: Doings = [
        (random.choice(users), random.randrange(1, 600, 2), random.choice(ratings))
        for _ in range(300)
    ]
    # One event of a user at a time, so that their order is known.
    events = [(user, time, kind) for (user, time), kind in {e[:2]: e[2] for e in events}.items()]
    store(empty_database, events, given)

    journeys = found(insights)

    counted = {length: profiles_of(events, given, length) for length in (1, 3)}
    assert len(counted[1]) == 5
    for length, name in ((1, "last"), (3, "sequences")):
        assert len(journeys[name]) == min(len(counted[length]), 10)
        most = sorted(
            (
                -sum(each.positive for each in profiles),
                sum(each.positive_before for each in profiles),
                steps,
            )
            for steps, profiles in counted[length].items()
        )
        assert [tuple(each["steps"]) for each in journeys[name]] == [each[2] for each in most[:10]]
        for step in journeys[name]:
            expected = compare(counted[length][tuple(step["steps"])])
            assert expected.now is not None
            assert expected.before is not None
            assert expected.difference is not None
            assert (step["before"], step["contrast"]) == (
                expected.now.positive,
                expected.before.positive,
            )
            assert step["share_before"] == pytest.approx(expected.now.value)
            assert step["share_contrast"] == pytest.approx(expected.before.value)
            assert step["share_before_interval"]["low"] == pytest.approx(expected.now.interval.low)
            assert step["difference_percentage_points"] == pytest.approx(
                expected.difference.value * 100
            )
            corrected = min(expected.difference.p_clustered * len(journeys[name]), 1)
            assert step["p_clustered"] == pytest.approx(corrected)


def rank(steps: tuple[str, ...], profiles: list[Profile]) -> tuple[int, int, tuple[str, ...]]:
    """Return the sort key of a step."""
    wanted, contrast = (
        sum(getattr(each, name) for each in profiles) for name in ("positive", "positive_before")
    )
    return -wanted, contrast, steps


def profiles_of(events: Doings, given: Doings, length: int) -> dict[tuple[str, ...], list[Profile]]:
    """Return the profile of each user who gave a rating after an event, for each step."""
    before: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    for user, rated, rating in given:
        last = sorted(e[1:] for e in events if e[0] == user and rated - 30 <= e[1] < rated)
        if last and rating in {"up", "down"}:
            before[user, rating, tuple(kind for _, kind in last[-length:])] += 1
    users = sorted({user for user, _, _ in before})
    return {
        steps: [
            Profile(
                1,
                before[user, "down", steps],
                sum(n for (u, r, _), n in before.items() if (u, r) == (user, "down")),
                before[user, "up", steps],
                sum(n for (u, r, _), n in before.items() if (u, r) == (user, "up")),
            )
            for user in users
        ]
        for steps in sorted({steps for _, rating, steps in before if rating == "down"})
    }


@pytest.mark.parametrize(
    ("rating", "expected"),
    [
        ("negative", {"n": 2}),
        ("positive", {"p": 1}),
        ("neutral", {"m": 1}),
        ("unscored", {"x": 1}),
        ("1", {"n": 1}),
        ("meh", {"x": 1}),
    ],
)
def test_accepts_a_sentiment_or_an_exact_rating(
    insights: Insights, empty_database: Database[Document], rating: str, expected: dict[str, int]
) -> None:
    given = [("u1", "n", "👎"), ("u2", "n", "1"), ("u3", "p", "5"), ("u4", "m", "3")]
    given.append(("u5", "x", "meh"))
    store(
        empty_database,
        events=[(user, -1, event_type) for user, event_type, _ in given],
        ratings=[(user, 0, each) for user, _, each in given],
    )

    assert befores(found(insights, "--before-rating", rating)["last"]) == expected


def test_defaults_to_negative_ratings_of_the_last_thirty_days(
    insights: Insights, empty_database: Database[Document]
) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(days=31), now - timedelta(days=29), now + timedelta(hours=1)]
    empty_database.feedback.insert_many([a_feedback(time, rating="down") for time in times])

    [line] = insights("journey", "--json").lines

    assert (line["before_rating"], line["window_seconds"], line["ratings"]) == ("negative", 1800, 1)


@pytest.mark.parametrize(
    ("before", "is_before"),
    [
        (MILLISECOND, True),
        (timedelta(), False),
        (-MILLISECOND, False),
        (WINDOW, True),
        (WINDOW + MILLISECOND, False),
    ],
)
def test_the_window_ends_just_before_the_rating(
    insights: Insights,
    empty_database: Database[Document],
    before: timedelta,
    is_before: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, rating="down"))
    empty_database.analytics.insert_one(an_event(NOON - before))

    assert found(insights)["without_events"] == (0 if is_before else 1)


@pytest.mark.parametrize(("apart", "share_all"), [(WINDOW - MILLISECOND, 0.25), (WINDOW, 0)])
def test_a_sequence_of_all_users_also_lies_in_one_window(
    insights: Insights, empty_database: Database[Document], apart: timedelta, share_all: float
) -> None:
    # Bob's events are that sequence if they lie in a window that ends just after the last of them.
    store(empty_database, [("ann", -2, "a"), ("ann", -1, "b")], [("ann", 0, "down")])
    times = {"a": NOON, "b": NOON + apart}
    empty_database.analytics.insert_many(
        [an_event(time, user_id="bob", event_type=event) for event, time in times.items()]
    )

    [sequence] = found(insights)["sequences"]

    assert sequence["steps"] == ["a", "b"]
    assert sequence["share_all"] == 0.25 + share_all


def test_each_rating_of_a_user_counts_with_its_own_window(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(
        empty_database,
        events=[("ann", 0, "a"), ("ann", 2, "b"), ("ann", 4, "c"), ("ann", 6, "d")],
        ratings=[("ann", 1, "down"), ("ann", 3, "no"), ("ann", 5, "2"), ("ann", 7, "1")],
    )

    journeys = found(insights)

    assert befores(journeys["last"]) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert befores(journeys["sequences"]) == {"a": 1, "a b": 1, "a b c": 1, "b c d": 1}


def test_reports_the_number_of_users_behind_the_ratings(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(
        empty_database,
        events=[("ann", 0, "a"), ("ann", 2, "a"), ("bob", 0, "a")],
        ratings=[("ann", 1, "down"), ("ann", 3, "no"), ("bob", 1, "2")],
    )

    [last] = found(insights)["last"]

    assert (last["before"], last["users"]) == (3, 2)


def test_other_programs_ids_do_not_match_other_users(
    insights: Insights, empty_database: Database[Document]
) -> None:
    events: Doings = [("42", -1, "a"), ("None", -1, "a"), ("ann", -1, "a")]
    store(empty_database, events, [("ann", 0, "down")])
    odd = a_feedback(NOON, rating="down") | {"_id": 1, "user_id": 42}
    empty_database.feedback.insert_many([odd, odd | {"_id": 2, "user_id": None}])

    journeys = found(insights)

    assert (journeys["ratings"], journeys["without_events"]) == (2, 1)
    assert befores(journeys["last"]) == {"a": 1}


@pytest.mark.parametrize(
    ("of_events", "of_ratings"),
    [
        (42, 42),
        (42, 42.0),
        (Decimal128("42"), 42),
        (ObjectId("5f5e10000000000000000001"), ObjectId("5f5e10000000000000000001")),
        (True, True),
        ({"id": "ann"}, {"id": "ann"}),
        (math.nan, Decimal128("NaN")),
        (Code("ann"), Code("ann")),
    ],
)
def test_users_whose_ids_are_no_texts_count_everywhere(
    insights: Insights, empty_database: Database[Document], of_events: Any, of_ratings: Any
) -> None:
    # A number is not a truth value.
    store(empty_database, [("ann", -1, "b"), ("ann", -1, "c")], [])
    for number, user in enumerate([of_events, 1]):
        event = an_event(NOON - MINUTE, event_type="ab"[number]) | {"user_id": user}
        empty_database.analytics.insert_one(event)
    rated = a_feedback(NOON, rating="down") | {"_id": 1, "user_id": of_ratings}
    empty_database.feedback.insert_one(rated)

    journeys = found(insights)

    assert (journeys["ratings"], journeys["without_events"]) == (1, 0)
    [last] = journeys["last"]
    assert (last["steps"], last["share_all"], last["users"]) == (["a"], 0.25, 1)


@pytest.mark.crossed
@pytest.mark.parametrize("indexed", ["nothing", "time", "everything"])
def test_what_has_no_user_is_in_no_journey(
    insights: Insights, empty_database: Database[Document], indexed: str
) -> None:
    if indexed == "everything":
        insights("setup", FEEDBACK_RETENTION_DAYS="9999", ANALYTICS_RETENTION_DAYS="9999")
    if indexed == "time":
        empty_database.feedback.create_index("timestamp")
        empty_database.analytics.create_index("timestamp")
    store(empty_database, [("ann", -1, "a")], [("ann", 0, "down")])
    users: list[Document] = [{}, {"user_id": None}, {"user_id": ["ann"]}]
    for number, user in enumerate(users):
        rated = a_feedback(NOON, rating="down") | {"_id": number}
        event = an_event(NOON - MINUTE, event_type="b")
        for each, collection in ((rated, "feedback"), (event, "analytics")):
            del each["user_id"]
            empty_database[collection].insert_one(each | user)

    result, journeys = insights("journey", *DAY), found(insights)

    assert (journeys["ratings"], journeys["without_events"]) == (1, 0)
    assert [(each["steps"], each["share_all"]) for each in journeys["last"]] == [(["a"], 1)]
    assert journeys["left_out"] == [
        {"kind": kind, "reason": "no_user", "count": 3} for kind in ("feedback", "events")
    ]
    assert "3 events have no user and are in no journey." in result.stdout.splitlines()


def test_simultaneous_events_are_in_the_order_of_their_ids(
    insights: Insights, empty_database: Database[Document]
) -> None:
    ids = [ObjectId() for _ in range(3)]
    for index, event_type in ((2, "a"), (0, "c"), (1, "b")):
        event = an_event(NOON - MINUTE, event_type=event_type)
        empty_database.analytics.insert_one(event | {"_id": ids[index]})
    empty_database.feedback.insert_one(a_feedback(NOON, rating="down"))

    journeys = found(insights)

    assert befores(journeys["last"]) == {"a": 1}
    [sequence] = journeys["sequences"]
    assert (sequence["steps"], sequence["share_all"]) == (["c", "b", "a"], 1 / 3)


def test_a_journey_may_begin_with_the_first_time_that_python_has(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # Other programs store it for an unknown time.
    first = datetime.min.replace(tzinfo=UTC)
    empty_database.analytics.insert_one(an_event(first, event_type="a"))
    empty_database.feedback.insert_one(a_feedback(first + MINUTE, rating="down"))

    result = insights("journey", "--since", "0001-01-01", "--json")

    assert result.exit_code == 0, result.stderr
    [journeys] = result.lines
    assert befores(journeys["last"]) == {"a": 1}
    assert [each["share_all"] for each in journeys["last"]] == [1]


def test_the_period_is_half_open(insights: Insights, empty_database: Database[Document]) -> None:
    midnight = datetime(2026, 11, 1, tzinfo=UTC)
    ends = [midnight - MILLISECOND, midnight, midnight + timedelta(days=1) - MILLISECOND]
    ends.append(midnight + timedelta(days=1))
    empty_database.feedback.insert_many([a_feedback(time, rating="down") for time in ends])
    types = dict(zip("abcd", ends, strict=True))
    empty_database.analytics.insert_many(
        [an_event(time, event_type=event_type, user_id="u2") for event_type, time in types.items()]
    )
    store(empty_database, [("u3", -1, "b"), ("u3", -1, "c")], [("u3", 0, "down")])

    journeys = found(insights)

    assert journeys["ratings"] == 3
    # The period contains b, c, b and c.
    assert journeys["last"][0]["share_all"] == 0.5


def test_the_window_of_a_rating_may_begin_before_the_period(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # Only c lies in the period, as the end of the sequence abc; no event in it is of type b.
    events: Doings = [("u1", -10, "a"), ("u1", -5, "b"), ("u1", 5, "c")]
    store(empty_database, events, [("u1", 1, "down"), ("u1", 6, "down")])

    result = insights("journey", "--since", "2026-11-01T12:00", "--until", "2026-11-02", "--json")
    [journeys] = result.lines

    assert {" ".join(each["steps"]): each["lift"] for each in journeys["last"]} == {
        "b": None,
        "c": 0.5,
    }
    assert {" ".join(each["steps"]): each["share_all"] for each in journeys["sequences"]} == {
        "a b": 0,
        "a b c": 1,
    }


def test_shows_ten_by_frequency_then_contrast_then_name(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # Three negative ratings follow z, two y, and one each of the others; a positive one follows x.
    types = [*"zzzyy", *"xabcdefghij"]
    users = [f"u{number}" for number in range(len(types))]
    store(
        empty_database,
        events=[
            *((user, -1, each) for user, each in zip(users, types, strict=True)),
            ("other", -1, "a"),
            ("another", -1, "q"),
        ],
        ratings=[*((user, 0, "down") for user in users), ("other", 0, "up"), ("another", 0, "up")],
    )

    journeys = found(insights)

    shown = {"z": 3, "y": 2, **dict.fromkeys("bcdefghi", 1)}
    assert list(befores(journeys["last"]).items()) == list(shown.items())
    assert list(befores(journeys["sequences"]).items()) == list(shown.items())


def store_many(database: Database[Document], event_type: str, count: int) -> None:
    """Store events of another user."""
    database.analytics.insert_many(
        [an_event(NOON, user_id="other", event_type=event_type) for _ in range(count)]
    )


def rate_after(database: Database[Document], rating: str, users: int, **types: int) -> None:
    """Store ratings of some users, each after an event; so many follow each type.

    A user's ratings are an hour apart.
    """
    kinds = [kind for kind, count in types.items() for _ in range(count)]
    given = [(f"{rating}{n % users}", 60 * (n // users), kind) for n, kind in enumerate(kinds)]
    store(
        database,
        [(user, minutes - 720, kind) for user, minutes, kind in given],
        [(user, minutes - 719, rating) for user, minutes, _ in given],
    )


NO_LAST_EVENT = (
    "No last event is clearly more frequent before a negative rating than before a positive one."
)
ERROR = (
    "Before a negative rating the last event was error in 40 % (28 to 54 %) of cases, "
    "before a positive one in 2 % (0 to 10 %)."
)
TOO_FEW = "Too few ratings follow events to compare a negative rating with a positive one."


@pytest.mark.parametrize(
    ("negative", "positive", "users", "expected"),
    [
        (
            {"shown": 30, "error": 20},
            {"shown": 49, "error": 1},
            50,
            ERROR,
        ),
        # Before every rating.
        ({"shown": 50}, {"shown": 50}, 50, NO_LAST_EVENT),
        # Less frequent.
        ({"shown": 50}, {"shown": 30, "copied": 20}, 50, None),
        ({"shown": 45, "error": 5}, {"shown": 48, "error": 2}, 50, NO_LAST_EVENT),
        ({"error": 19}, {"shown": 19}, 19, None),
        ({"shown": 14, "error": 5}, {"shown": 19}, 19, TOO_FEW),
        # A single user, and two.
        ({"error": 24}, {"shown": 24}, 1, TOO_FEW),
        ({"shown": 30}, {}, 30, TOO_FEW),
    ],
)
def test_draws_only_conclusions_that_the_numbers_support(
    insights: Insights,
    empty_database: Database[Document],
    negative: dict[str, int],
    positive: dict[str, int],
    users: int,
    expected: str | None,
) -> None:
    # So many other events that each of these is many times as frequent as usual.
    store_many(empty_database, "o", 500)
    rate_after(empty_database, "down", users, **negative)
    if positive:
        rate_after(empty_database, "up", users, **positive)

    result = insights("journey", *DAY, COLUMNS="200")

    assert result.exit_code == 0
    if expected:
        assert result.stdout.splitlines()[0] == expected
    else:
        assert all(each["is_clear"] for each in found(insights)["last"])


def test_a_rarer_event_is_clear_but_not_in_the_headline(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate_after(empty_database, "down", 50, shown=48, copied=2)
    rate_after(empty_database, "up", 50, shown=30, copied=20)

    journeys = found(insights)

    assert {each["steps"][0]: each["is_clear"] for each in journeys["last"]} == {
        "shown": True,
        "copied": True,
    }
    first = insights("journey", *DAY).stdout.splitlines()[0]
    assert first.startswith("Before a negative rating the last event was shown in 96 %")


def test_a_long_name_is_shortened_in_the_sentence(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate_after(empty_database, "down", 50, **{"e" * 200: 50})
    rate_after(empty_database, "up", 50, shown=50)

    sentence = insights("journey", *DAY).stdout.replace("\n", " ")

    assert sentence.startswith(f"Before a negative rating the last event was {'e' * 39}… in 100 %")


def test_a_loud_user_makes_no_difference_clear(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate_after(empty_database, "down", 30, shown=30)
    rate_after(empty_database, "up", 30, shown=30)
    # A user with 12 ratings after an error.
    times = range(-720, 0, 60)
    store(
        empty_database,
        [("loud", minutes, "error") for minutes in times],
        [("loud", minutes + 1, "down") for minutes in times],
    )

    error = next(each for each in found(insights)["last"] if each["steps"] == ["error"])

    assert (error["before"], error["users"], error["is_clear"]) == (12, 1, False)
    assert error["p_fisher"] < 0.05 < error["p_clustered"]


def test_the_test_is_corrected_for_the_steps_of_a_list(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate_after(empty_database, "down", 50, shown=39, error=7, a=1, b=1, c=1, d=1)
    rate_after(empty_database, "up", 50, shown=50)

    error = found(insights)["last"][1]

    # Alone, 7 of 50 against 0 of 50 has a p-value of 0.0125.
    assert error["p_fisher"] == pytest.approx(6 * 0.0125, abs=5e-4)
    assert error["is_clear"] is False


@pytest.mark.parametrize(
    ("rating", "named"),
    [("positive", "a positive rating"), ("unscored", "an unscored rating"), ("7", "the rating 7")],
)
def test_names_the_rating_in_the_sentence(
    insights: Insights, empty_database: Database[Document], rating: str, named: str
) -> None:
    given = [("u1", 0, "up"), ("u1", 0, "7"), ("u1", 0, "so so")]
    store(empty_database, [("u1", -1, "a")], given)

    result = insights("journey", *DAY, "--before-rating", rating)

    contrast = "a negative one" if rating == "positive" else "any other"
    said = f"Too few ratings follow events to compare {named} with {contrast}."
    assert result.stdout.splitlines()[0] == said


def test_prints_a_sentence_and_a_table(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database, EVENTS, RATINGS)

    result = insights("journey", *DAY)

    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert " ".join(lines[12:]) == EXPLANATION
    assert lines[:12] == [
        TOO_FEW,
        "",
        f"3 ratings {PERIOD}, 1 without an event in the 30m before.",
        "Compared with 1 positive rating, 0 without an event.",
        "",
        "Last event         Ratings               Before         Positive   All  Lift",
        f"c                        2  100 % (34 to 100 %)  0 % (0 to 79 %)  25 %  4.0{TIMES}",
        "",
        "Last three events",
        f"a → b → c                1     50 % (9 to 91 %)  0 % (0 to 79 %)  12 %  4.0{TIMES}",
        f"c                        1     50 % (9 to 91 %)  0 % (0 to 79 %)  12 %  4.0{TIMES}",
        "",
    ]


def test_a_small_share_is_not_shown_as_zero(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database, [("ann", -1, "a")], [("ann", 0, "down")])
    store_many(empty_database, "b", 2500)

    assert re.search(r"^a +1 +100 % .* - +<1 % ", insights("journey", *DAY).stdout, re.MULTILINE)


def test_a_lift_over_zero_is_a_dash(insights: Insights, empty_database: Database[Document]) -> None:
    store(empty_database, [("ann", -1, "a")], [("ann", 0, "down")])

    result = insights("journey", "--since", "2026-11-01T12:00", "--until", "2026-11-02")

    assert re.search(r"^a +1 +100 % .* - +0 % +-\s*$", result.stdout, re.MULTILINE)


def test_fits_sixty_columns(insights: Insights, empty_database: Database[Document]) -> None:
    types = ["message_sent_" + "x" * 40, "error_shown", "page_view"]
    events: Doings = [("u1", -minute, event_type) for minute, event_type in enumerate(types, 1)]
    store(empty_database, events, [("u1", 0, "down")])

    result = insights("journey", *DAY, COLUMNS="60")

    assert max(map(len, result.stdout.splitlines())) <= 60
    assert "→" in result.stdout


def test_hostile_types_have_no_effect(
    insights: Insights, empty_database: Database[Document]
) -> None:
    hostile = "[bold]\x1b[31mred\x1b]0;title\x07\n$type :smile:"
    store(empty_database, [("u1", -1, hostile)], [("u1", 0, "[red]\x1b[5m")])

    result = insights("journey", *DAY, "--before-rating", "[red]\x1b[5m")

    assert "[bold]\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}]0;ti" in result.stdout
    assert "the rating [red]\N{REPLACEMENT CHARACTER}[5m" in result.stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", result.stdout)


def test_no_matching_rating_is_no_data(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database, [("u1", -1, "a")], [("u1", 0, "up")])

    result = insights("journey", *DAY)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "insights: nobody gave a negative rating in this period\n"


def test_reports_ratings_without_any_event(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many([a_feedback(NOON, rating="down") for _ in range(1234)])

    result = insights("journey", *DAY)

    assert result.exit_code == 0
    assert result.stdout == (
        f"{TOO_FEW}\n\n"
        f"1,234 ratings {PERIOD}, 1,234 without an event in the 30m before.\n"
        "Compared with 0 positive ratings, 0 without an event.\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--window", "soon"], "'soon' is not a duration such as 90m, 24h or 7d"),
        (["--window", "0m"], "--window 0m must be longer than 0s and at most 366d"),
        (["--window", "999999w"], "--window 999999w must be longer than 0s and at most 366d"),
        (["--since", "yesterday"], "'yesterday' is not a time"),
        (["--since", "1d", "--until", "2d"], "--since 1d must be before --until 2d"),
    ],
)
def test_wrong_options_are_refused(insights: Insights, options: list[str], message: str) -> None:
    result = insights("journey", *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"insights: {message}")


def test_accepts_the_longest_window_and_the_longest_period(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database, [("u1", -1, "a")], [("u1", 0, "down")])

    result = insights("journey", "--since", "0001-01-01", "--window", "366d", "--json")

    assert (result.exit_code, result.stderr) == (0, "")


# There the events are counted by the client, and read without an index.
@pytest.mark.lacking(Dialect.AMAZON_DOCUMENTDB)
def test_uses_the_indexes_of_setup(insights: Insights, empty_database: Database[Document]) -> None:
    minutes = range(400)
    store(
        empty_database,
        [(f"u{minute % 40}", minute, "abcd"[minute % 4]) for minute in minutes],
        [(f"u{minute % 40}", minute + 1, "down") for minute in minutes],
    )
    insights("setup")

    with (
        plan_of(empty_database, "feedback") as feedback,
        plan_of(empty_database, "analytics") as analytics,
    ):
        found(insights)

    # The others count what is left out.
    assert "IXSCAN { user_id: 1, timestamp: 1, _id: 1, event_type: 1 }" in analytics
    assert {plan.split()[0] for plan in feedback + analytics} <= {"IXSCAN", "COUNT_SCAN"}


def test_counts_in_the_client_if_the_server_cannot_hold_the_events_of_a_user(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: Doings = [("u1", -2, "a"), ("u1", -1, "b"), ("u2", -1, "b")]
    store(empty_database, events, [("u1", 0, "down"), ("u2", 0, "up")])
    on_server = found(insights)

    def refuse(*_arguments: object) -> NoReturn:
        raise OperationFailure("$push used too much memory", code=146)

    monkeypatch.setattr(journeys, "count_on_server", refuse)

    assert found(insights) == on_server
