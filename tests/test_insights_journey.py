"""`insights journey`."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from insights.figures.journeys import before_ratings
from insights.queries.filters import all_of, rated
from insights.queries.periods import Period
from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
WINDOW = timedelta(minutes=30)
DAY = ("--since", "2026-11-01", "--until", "2026-11-02")
PERIOD = "from 2026-11-01 00:00 to 2026-11-02 00:00 UTC"
EXPLANATION = (
    (
        "Before: share of the ratings with events in their window. "
        "All: share of the events of all users. Lift: Before divided by"
    ),
    "All.",
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
    database.analytics.insert_many(
        [
            an_event(NOON + minutes * MINUTE, user_id=user, event_type=event_type)
            for user, minutes, event_type in events
        ]
    )
    database.feedback.insert_many(
        [
            a_feedback(NOON + minutes * MINUTE, user_id=user, rating=rating)
            for user, minutes, rating in ratings
        ]
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


def test_compares_the_steps_before_ratings_with_those_of_all_users(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database, EVENTS, RATINGS)

    assert found(insights, "--before-rating", "negative", "--window", "30m") == {
        "before_rating": "negative",
        "window_seconds": 1800,
        "since": "2026-11-01T00:00:00.000Z",
        "until": "2026-11-02T00:00:00.000Z",
        "ratings": 3,
        "without_events": 1,
        "left_out": [],
        "last": [
            {
                "steps": ["c"],
                "before": 2,
                "share_before": 1,
                "share_all": 0.25,
                "lift": 4,
                "users": 2,
            }
        ],
        "sequences": [
            {
                "steps": ["a", "b", "c"],
                "before": 1,
                "share_before": 0.5,
                "share_all": 0.125,
                "lift": 4,
                "users": 1,
            },
            {
                "steps": ["c"],
                "before": 1,
                "share_before": 0.5,
                "share_all": 0.125,
                "lift": 4,
                "users": 1,
            },
        ],
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
        (timedelta(), False),
        (-MILLISECOND, False),
        (MILLISECOND, True),
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


@pytest.mark.parametrize(("apart", "share_all"), [(WINDOW, 0), (WINDOW - MILLISECOND, 0.25)])
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

    assert (journeys["ratings"], journeys["without_events"]) == (3, 2)
    assert befores(journeys["last"]) == {"a": 1}


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


def test_shows_ten_by_frequency_then_lift_then_name(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # Three ratings follow z, two y, and one each of the others; x is also frequent elsewhere, so
    # its lift is the smallest.
    types = [*"zzzyy", *"abcdefghijx"]
    users = [f"u{number}" for number in range(len(types))]
    store(
        empty_database,
        events=[
            *((user, -1, each) for user, each in zip(users, types, strict=True)),
            *[("other", -1, "x"), ("another", -1, "a")],
        ],
        ratings=[(user, 0, "down") for user in users],
    )

    journeys = found(insights)

    shown = {"z": 3, "y": 2, **dict.fromkeys("bcdefghi", 1)}
    assert list(befores(journeys["last"]).items()) == list(shown.items())
    assert list(befores(journeys["sequences"]).items()) == list(shown.items())


def standing_out(database: Database[Document], before: int, users: int, elsewhere: int) -> None:
    """Store `e` before ratings of some users, and 100 times `o` and some `e` by others.

    Each rating is 20 minutes after the one before it.
    """
    times = [(f"u{number % users}", number * 20) for number in range(before)]
    store(
        database,
        events=[
            *((user, minutes, "e") for user, minutes in times),
            *(("other", number, "o") for number in range(100)),
            *(("other", number, "e") for number in range(elsewhere)),
        ],
        ratings=[(user, minutes + 1, "down") for user, minutes in times],
    )


@pytest.mark.parametrize(
    ("before", "users", "elsewhere", "expected"),
    [
        # 10 of 10 ratings, and 10 of 110 events.
        (10, 10, 0, "Before a negative rating, the last event was e 11.0 times as often as usual."),
        # 20 of 20, and 40 of 140.
        (20, 20, 20, "Before a negative rating, the last event was e 3.5 times as often as usual."),
        (10, 9, 0, "Too few users gave a negative rating after an event to say what stands out."),
        (30, 1, 0, "Too few users gave a negative rating after an event to say what stands out."),
        # 10 of 10, and 110 of 210: 1.9 times as often, but chance leads to 5.2, and up to 12.
        (10, 10, 100, "No last event stands out before a negative rating."),
        # 30 of 30, and 330 of 430: so many that it is no chance, but only 1.3 times as often.
        (30, 30, 300, "No last event stands out before a negative rating."),
    ],
)
def test_draws_only_conclusions_that_the_numbers_support(
    insights: Insights,
    empty_database: Database[Document],
    before: int,
    users: int,
    elsewhere: int,
    expected: str,
) -> None:
    standing_out(empty_database, before, users, elsewhere)

    result = insights("journey", *DAY)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == expected


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

    assert result.stdout.startswith(f"Too few users gave {named} after")


def test_prints_a_sentence_and_a_table(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database, EVENTS, RATINGS)

    result = insights("journey", *DAY)

    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines == [
        "Too few users gave a negative rating after an event to say what stands out.",
        "",
        f"3 ratings {PERIOD}, 1 without an event in the 30m before.",
        "",
        "Last event         Ratings   Before     All  Lift",
        "c                        2  100.0 %  25.0 %  4.0\N{MULTIPLICATION SIGN}",
        "",
        "Last three events",
        "a → b → c                1   50.0 %  12.5 %  4.0\N{MULTIPLICATION SIGN}",
        "c                        1   50.0 %  12.5 %  4.0\N{MULTIPLICATION SIGN}",
        "",
        *EXPLANATION,
    ]


def test_a_small_share_is_not_shown_as_zero(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store(empty_database, [("ann", -1, "a"), *[("bob", 0, "b")] * 2500], [("ann", 0, "down")])

    assert re.search(r"^a +1 +100.0 % +<0.1 % ", insights("journey", *DAY).stdout, re.MULTILINE)


def test_a_lift_over_zero_is_a_dash(insights: Insights, empty_database: Database[Document]) -> None:
    store(empty_database, [("ann", -1, "a")], [("ann", 0, "down")])

    result = insights("journey", "--since", "2026-11-01T12:00", "--until", "2026-11-02")

    assert re.search(r"^a +1 +100.0 % +0.0 % +-\s*$", result.stdout, re.MULTILINE)


def test_fits_sixty_columns(insights: Insights, empty_database: Database[Document]) -> None:
    types = ["message_sent_" + "x" * 50, "error_shown", "page_view"]
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
        "Too few users gave a negative rating after an event to say what stands out.\n\n"
        f"1,234 ratings {PERIOD}, 1,234 without an event in the 30m before.\n"
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
    assert feedback[0] == "IXSCAN { timestamp: 1, rating: 1, user_id: 1 }"
    assert analytics[0] == "IXSCAN { user_id: 1, timestamp: 1, _id: 1, event_type: 1 }"
    assert {plan.split()[0] for plan in feedback + analytics} <= {"IXSCAN", "COUNT_SCAN"}


def test_finds_the_events_before_each_rating_by_user(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # One event is in the window, one before it, one of another user.
    events: Doings = [("u1", -1, "a"), ("u1", -50, "a"), ("u2", -1, "b")]
    store(empty_database, events, [("u1", 0, "down")])
    insights("setup")

    period = Period(NOON - MINUTE, NOON + MINUTE)
    condition = all_of(rated("negative", None), period.condition())
    pipeline = [{"$match": condition}, *before_ratings(WINDOW, {})]
    command = {"aggregate": "feedback", "pipeline": pipeline, "cursor": {}}
    explained = empty_database.command("explain", command, verbosity="executionStats")

    [lookup] = [stage for stage in explained["stages"] if "$lookup" in stage]
    assert lookup["indexesUsed"] == ["insights_by_user"]
    assert (lookup["collectionScans"], lookup["totalDocsExamined"]) == (0, 1)
