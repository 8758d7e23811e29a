"""`insights summary`, on data with figures calculated by hand."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from rich.cells import cell_len

from insights.figures import ratings, worst
from insights.figures.feedback import profiles
from insights.figures.ratings import count_ratings
from insights.figures.shares import Profile
from insights.kinds import Kind
from insights.queries.periods import Period
from insights.queries.scopes import Scope
from insights.settings import Settings
from insights.wording import show_days
from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import Document, a_feedback, an_event
from tests.support.insights_cli import Insights

SETTINGS = Settings.model_validate({"MONGODB_URI": "mongodb://127.0.0.1"})

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

# A week, the one before it, and an hour in the middle of the first day.
SINCE, UNTIL = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 9, tzinfo=UTC)
BEFORE = SINCE - timedelta(days=7)
NOON = SINCE + timedelta(hours=12)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
WEEK = ("--since", "2026-11-02", "--until", "2026-11-09")

HOSTILE = "[bold]\x1b[31mred\x1b]0;title\x07\n$type :smile: \u202eevil"


def rate(
    database: Database[Document], ratings: Iterable[str], time: datetime = NOON, **fields: Any
) -> None:
    """Store a feedback for each of these ratings."""
    each = enumerate(ratings)
    database.feedback.insert_many(
        a_feedback(time, rating=rating, user_id=f"u{number}", **fields) for number, rating in each
    )


def figures(insights: Insights, *options: str, **environment: str) -> Any:
    """Return `summary --json` of the week, or of the period in the options."""
    result = insights("summary", *(options or WEEK), "--json", **environment)
    assert (result.exit_code, result.stderr) == (0, "")
    [found] = result.lines
    return found


def test_compares_the_share_of_positive_ratings_with_the_period_before(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up", "up", "up", "neutral", "down", "meh"])
    rate(empty_database, ["up", "down", "what?"], BEFORE)

    found = figures(insights)

    assert (found["since"], found["until"]) == (
        "2026-11-02T00:00:00.000Z",
        "2026-11-09T00:00:00.000Z",
    )
    feedback = found["feedback"]
    assert (feedback["count"], feedback["previous_count"]) == (6, 3)
    assert feedback["sentiments"] == {"positive": 3, "neutral": 1, "negative": 1, "unscored": 1}
    assert feedback["share_positive"] == pytest.approx(3 / 5)
    assert feedback["previous_share_positive"] == pytest.approx(1 / 2)
    assert feedback["share_change_percentage_points"] == pytest.approx(10)


def test_scores_vocabularies_together(
    insights: Insights, empty_database: Database[Document]
) -> None:
    positive = [
        "Positive",
        " good ",
        "UP",
        "like",
        "thumbs_up",
        "yes",
        "👍",
        "👍🏽",
        "5",
        "4",
        "3.5",
    ]
    neutral = ["neutral", "3", "3.0"]
    negative = ["negative", "bad", "down", "dislike", "thumbs_down", "no", "👎", "👎🏿", "1", "+2"]
    unscored = ["6", "0", "-2", "wow", "❤️", "five", "inf", "$rating"]
    rate(empty_database, [*positive, *neutral, *negative, *unscored])

    feedback = figures(insights)["feedback"]

    assert feedback["sentiments"] == {
        "positive": 11,
        "neutral": 3,
        "negative": 10,
        "unscored": 8,
    }
    assert feedback["share_positive"] == pytest.approx(11 / 24)
    assert {each["rating"] for each in feedback["unscored"]} == set(unscored)


def test_scores_numbers_on_the_scale_of_the_vocabulary(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["0", "4", "5", "6", "10", "11"])

    scale = ",".join(map(str, range(11)))
    feedback = figures(insights, FEEDBACK_RATINGS=scale)["feedback"]

    assert feedback["sentiments"] == {"positive": 2, "neutral": 1, "negative": 2, "unscored": 1}


def test_the_period_is_half_open(insights: Insights, empty_database: Database[Document]) -> None:
    times = [
        BEFORE - MILLISECOND,
        *(BEFORE, SINCE - MILLISECOND),
        *(SINCE, NOON, UNTIL - MILLISECOND),
        UNTIL,
    ]
    empty_database.feedback.insert_many(a_feedback(time) for time in times)
    empty_database.analytics.insert_many(an_event(time) for time in times)

    found = figures(insights)

    for kind in ("feedback", "events"):
        assert (found[kind]["count"], found[kind]["previous_count"]) == (3, 2)


def test_has_every_calendar_day_of_the_period(
    insights: Insights, empty_database: Database[Document]
) -> None:
    first, last = datetime(2026, 11, 2, 18, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)
    rate(empty_database, ["up", "down", "3", "hm"], first)
    rate(empty_database, ["up", "up"], last - MILLISECOND)
    rate(empty_database, ["down"], last)

    options = ("--since", "2026-11-02T18:00Z", "--until", "2026-11-05T00:00:00.001Z")
    feedback = figures(insights, *options)["feedback"]

    assert feedback["daily"] == [
        {"day": "2026-11-02", "count": 4, "positive": 1, "neutral": 1, "negative": 1},
        {"day": "2026-11-03", "count": 0, "positive": 0, "neutral": 0, "negative": 0},
        {"day": "2026-11-04", "count": 2, "positive": 2, "neutral": 0, "negative": 0},
        {"day": "2026-11-05", "count": 1, "positive": 0, "neutral": 0, "negative": 1},
    ]
    daily = figures(insights, *options)["events"]["daily"]
    assert daily[1] == {"day": "2026-11-03", "count": 0, "users": 0, "types": {}}


def test_a_day_that_begins_at_the_end_is_left_out(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up"])

    daily = figures(insights)["feedback"]["daily"]

    assert [day["day"] for day in daily] == [f"2026-11-0{number}" for number in range(2, 9)]


def test_lists_the_ratings_by_frequency_then_name(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up", "down", "up", "b", "a"])

    assert figures(insights)["feedback"]["ratings"] == [
        {"rating": "up", "sentiment": "positive", "count": 2},
        {"rating": "a", "sentiment": "unscored", "count": 1},
        {"rating": "b", "sentiment": "unscored", "count": 1},
        {"rating": "down", "sentiment": "negative", "count": 1},
    ]


def test_names_at_most_twenty_ratings_and_counts_the_others(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up"] * 2)
    rate(empty_database, [f"rating {number:02}" for number in range(25)])

    feedback = figures(insights)["feedback"]

    assert [each["rating"] for each in feedback["ratings"]] == [
        "up",
        *(f"rating {number:02}" for number in range(19)),
    ]
    assert feedback["others"] == 6
    assert len(feedback["unscored"]) == 20
    assert feedback["sentiments"]["unscored"] == 25


def test_ranks_the_worst_messages_by_the_least_share_of_negative_ratings(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["down"] * 6 + ["up"] * 14, message_id="many, mostly positive")
    rate(empty_database, ["down", "1", "bad", "up", "up"], message_id="three of five")
    rate(empty_database, ["down"] * 8 + ["up"], message_id="nearly all")
    rate(empty_database, ["down", "no", "hm"], message_id="both")
    rate(empty_database, ["down", "3"], message_id="one of two")
    rate(empty_database, ["down"], message_id="b, equal")
    rate(empty_database, ["down"], message_id="a, equal")
    rate(empty_database, ["up", "3", "hm"], message_id="never negative")
    rate(empty_database, ["down"] * 9, BEFORE, message_id="negative before")

    worst = figures(insights)["feedback"]["worst"]

    assert [(each["message_id"], each["negative"], each["count"]) for each in worst] == [
        ("nearly all", 8, 9),
        ("both", 2, 2),
        ("three of five", 3, 5),
        ("a, equal", 1, 1),
        ("b, equal", 1, 1),
        ("many, mostly positive", 6, 20),
        ("one of two", 1, 2),
    ]
    # Wilson's interval of 8 of 9.
    assert worst[0]["share_negative"] == pytest.approx(8 / 9)
    assert worst[0]["share_negative_interval"] == {
        "low": pytest.approx(0.565, abs=0.001),
        "high": pytest.approx(0.980, abs=0.001),
    }
    assert [each["share_negative_interval"]["low"] for each in worst] == sorted(
        (each["share_negative_interval"]["low"] for each in worst), reverse=True
    )


def test_lists_the_newest_negative_ratings_where_messages_have_one_each(
    insights: Insights, empty_database: Database[Document]
) -> None:
    given = [("older", 1, "Wrong."), ("newest", 9, None), ("new", 8, None), ("old", 2, "Slow.")]
    empty_database.feedback.insert_many(
        a_feedback(NOON + minute * MINUTE, message_id=message, rating="down", comment=comment)
        for message, minute, comment in given
    )
    rate(empty_database, ["up", "up", "up"], message_id="liked")

    worst = figures(insights)["feedback"]["worst"]

    assert [each["message_id"] for each in worst] == ["old", "older", "newest", "new"]
    shown = insights("summary", *WEEK).stdout
    assert "Each has a single rating: the newest negative ones, with a comment first." in shown


def test_says_nothing_of_single_ratings_where_messages_have_several(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["down", "up"], message_id="two")
    rate(empty_database, ["down"], message_id="one")

    assert "single rating" not in insights("summary", *WEEK).stdout


def test_shows_the_texts_of_the_worst_messages(
    insights: Insights, empty_database: Database[Document]
) -> None:
    messages = [
        {"message_id": "q", "role": "user", "content": "Will it\nrain?"},
        {"message_id": "m", "role": "assistant", "content": f"No. {HOSTILE}{'x' * 300}"},
    ]
    empty_database.sessions.insert_many([{"messages": messages}, {"messages": None}])
    rate(empty_database, ["down", "down"], message_id="m")
    rate(empty_database, ["down"], message_id="unknown")
    lookup = {"MESSAGE_LOOKUP": "sessions.messages.message_id"}

    known, unknown = figures(insights, **lookup)["feedback"]["worst"]
    assert (known["question"], known["text"]) == (messages[0]["content"], messages[1]["content"])
    assert (unknown["question"], unknown["text"]) == (None, None)
    assert figures(insights)["feedback"]["worst"][0]["text"] is None

    shown = insights("summary", *WEEK, **lookup).stdout
    assert "asked     Will it rain?" in shown
    assert "answered  No. [bold]" in shown
    assert "\x1b" not in shown
    assert "x" * 200 not in "".join(shown.split())


def test_lists_at_most_ten_of_the_worst_messages(
    insights: Insights, empty_database: Database[Document]
) -> None:
    for number in range(12):
        rate(empty_database, ["down"] * (number + 1), message_id=f"m{number}")

    worst = figures(insights)["feedback"]["worst"]

    assert [each["message_id"] for each in worst] == [f"m{number}" for number in range(11, 1, -1)]


def test_lists_the_newest_comments_of_negative_ratings_first(
    insights: Insights, empty_database: Database[Document]
) -> None:
    given = [
        ("up", "the newest, but positive", 9),
        ("down", "old", 1),
        ("bad", "new", 8),
        ("up", "older, and positive", 0),
        ("hm", "unscored", 5),
        ("down", "in between", 2),
        ("down", "", 7),
        ("down", None, 6),
    ]
    empty_database.feedback.insert_many(
        a_feedback(
            NOON + minute * MINUTE,
            message_id="m",
            user_id=f"u{minute}",
            rating=rating,
            comment=comment,
        )
        for rating, comment, minute in given
    )
    empty_database.feedback.insert_one(
        a_feedback(BEFORE, message_id="m", user_id="before", comment="x")
    )

    [worst] = figures(insights)["feedback"]["worst"]

    assert worst["comments"] == [
        {"user_id": f"u{minute}", "rating": rating, "comment": comment}
        | {"timestamp": f"2026-11-02T12:{minute:02}:00.000Z"}
        for rating, comment, minute in (
            ("bad", "new", 8),
            ("down", "in between", 2),
            ("down", "old", 1),
            ("up", "the newest, but positive", 9),
            ("hm", "unscored", 5),
        )
    ]


def test_counts_events_and_their_users_by_type(
    insights: Insights, empty_database: Database[Document]
) -> None:
    given = [("u1", "view"), ("u1", "view"), ("u2", "view"), ("u2", "click"), ("u3", "buy")]
    empty_database.analytics.insert_many(
        an_event(NOON, user_id=user, event_type=event_type) for user, event_type in given
    )

    events = figures(insights)["events"]

    assert (events["count"], events["others"]) == (5, 0)
    assert events["types"] == [
        {"event_type": "view", "count": 3, "users": 2},
        {"event_type": "buy", "count": 1, "users": 1},
        {"event_type": "click", "count": 1, "users": 1},
    ]


def test_names_at_most_twenty_types_and_counts_the_others(
    insights: Insights, empty_database: Database[Document]
) -> None:
    types = [f"type {number:02}" for number in range(25)]
    empty_database.analytics.insert_many(an_event(NOON, event_type=each) for each in types)

    events = figures(insights)["events"]

    assert [each["event_type"] for each in events["types"]] == types[:20]
    assert (events["count"], events["others"]) == (25, 5)
    assert events["daily"][0] == {
        "day": "2026-11-02",
        "count": 25,
        "users": 1,
        "types": dict.fromkeys(types[:20], 1),
    }


def test_counts_events_users_and_types_of_each_day(
    insights: Insights, empty_database: Database[Document]
) -> None:
    given = [
        (SINCE, "u1", "view"),
        (SINCE + DAY - MILLISECOND, "u1", "click"),
        (SINCE + DAY, "u1", "view"),
        (SINCE + DAY, "u2", "view"),
    ]
    empty_database.analytics.insert_many(
        an_event(time, user_id=user, event_type=event_type) for time, user, event_type in given
    )

    daily = figures(insights)["events"]["daily"]

    assert len(daily) == 7
    assert daily[:3] == [
        {"day": "2026-11-02", "count": 2, "users": 1, "types": {"view": 1, "click": 1}},
        {"day": "2026-11-03", "count": 2, "users": 2, "types": {"view": 2}},
        {"day": "2026-11-04", "count": 0, "users": 0, "types": {}},
    ]


def test_counts_users_active_in_the_last_1_7_and_30_days_of_the_period(
    insights: Insights, empty_database: Database[Document]
) -> None:
    last_seen = {
        "after": UNTIL,
        "a": UNTIL - MILLISECOND,
        "b": UNTIL - DAY,
        "c": UNTIL - DAY - MILLISECOND,
        "d": UNTIL - 7 * DAY,
        "e": UNTIL - 7 * DAY - MILLISECOND,
        "f": UNTIL - 30 * DAY,
        "g": UNTIL - 30 * DAY - MILLISECOND,
    }
    empty_database.analytics.insert_many(
        an_event(time, user_id=user) for user, time in last_seen.items()
    )
    # A user with earlier events is still one user.
    empty_database.analytics.insert_one(an_event(UNTIL - 20 * DAY, user_id="a"))

    # The period may be shorter than the days counted.
    options = ("--since", "2026-11-08", "--until", "2026-11-09")
    found = figures(insights, *options)["events"]
    assert found["active"] == {"day": 2, "week": 4, "month": 6}
    # The events begin too late to cover the 30 days before.
    assert found["previous_active"] == {"day": 1, "week": 1, "month": None}


def test_compares_active_users_with_those_of_as_many_days_before(
    insights: Insights, empty_database: Database[Document]
) -> None:
    hours = {"a": 24, "b": 48, "c": 48.1, "d": 7 * 24 + 1, "e": 31 * 24, "f": 60 * 24, "g": 61 * 24}
    empty_database.analytics.insert_many(
        an_event(UNTIL - number * HOUR, user_id=user) for user, number in hours.items()
    )
    options = ("--since", "2026-11-08", "--until", "2026-11-09")

    assert figures(insights, *options)["events"]["previous_active"] == {
        "day": 1,
        "week": 1,
        "month": 2,
    }
    shown = insights("summary", *options).stdout
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "in the last day 1 1 in the day before" in lines
    assert "in the last 30 days 4 2 in the 30 days before" in lines


def test_defaults_to_the_last_seven_days(
    insights: Insights, empty_database: Database[Document]
) -> None:
    now = datetime.now(UTC)
    empty_database.feedback.insert_many(
        a_feedback(now - time) for time in (HOUR, 7 * DAY - HOUR, 7 * DAY + HOUR)
    )

    [found] = insights("summary", "--json").lines

    assert (found["feedback"]["count"], found["feedback"]["previous_count"]) == (2, 1)


def test_compares_an_unfinished_period_with_as_much_time_before(
    insights: Insights, empty_database: Database[Document]
) -> None:
    now = datetime.now(UTC)
    times = (HOUR, 2 * DAY - HOUR, 2 * DAY + HOUR, 4 * DAY + HOUR)
    empty_database.feedback.insert_many(a_feedback(now - time) for time in times)
    empty_database.analytics.insert_one(an_event(now - HOUR))

    found = figures(insights, "--since", "2d", "--until", (now + 7 * DAY).isoformat())

    assert (found["feedback"]["count"], found["feedback"]["previous_count"]) == (2, 1)
    assert found["events"]["active"]["day"] == 1
    assert datetime.fromisoformat(found["until"]) < now + HOUR


def test_accepts_a_beginning_without_a_previous_period(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up"], datetime(1, 1, 1, tzinfo=UTC))

    found = figures(insights, "--since", "0001-01-01", "--until", "0001-01-03")

    assert (found["feedback"]["count"], found["feedback"]["previous_count"]) == (1, 0)


@pytest.mark.parametrize("collection", ["feedback", "analytics"])
def test_names_the_period_without_data(
    insights: Insights, empty_database: Database[Document], collection: str
) -> None:
    empty_database[collection].insert_one(a_feedback(UNTIL))

    result = insights("summary", *WEEK)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == (
        "insights: no feedback and no events from 2 Nov 2026 00:00 to 9 Nov 2026 00:00 UTC\n"
    )


def test_prints_the_answers_before_the_details(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up", "up", "up", "meh"], SINCE)
    rate(empty_database, ["down", "1"], SINCE + 2 * DAY, message_id="m1", comment="Out of date.")
    rate(empty_database, ["down", "down", "up"], BEFORE)
    empty_database.analytics.insert_many(
        [
            an_event(SINCE, event_type="view"),
            an_event(SINCE, event_type="view"),
            an_event(SINCE + 6 * DAY, user_id="u2"),
            an_event(SINCE - 10 * DAY, user_id="u3"),
        ]
    )

    result = insights("summary", *WEEK)

    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "From 2 Nov 2026 00:00 to 9 Nov 2026 00:00 UTC",
        "",
        "Too few ratings to say",
        (
            "60 % (16 to 92 %) of 5 scored ratings are positive, "
            "after 33 % (6 to 79 %) of 3 in the 7 days before: 26.7 percentage"
        ),
        "points up, between 100.0 down and 100.0 up.",
        "",
        "  feedback  6  3 in the 7 days before",
        "  events    3  0 in the 7 days before",
        "",
        "Day by day",
        "  share positive  █ ▁      0 to 100 %",
        "  feedback        █ ▄      max 4",
        "  events          █     ▄  max 2",
        "  active users    █     █  max 1",
        f"{'':18}{show_days(SINCE, UNTIL - DAY)}",
        "  Scale: the share from 0 to 100 %, counts from 0 to their maximum. A gap means none.",
        "",
        "Ratings",
        "  positive  3  60 % (16 to 92 %)  ████████████",
        "                                  up (3)",
        "  negative  2   40 % (8 to 84 %)  ████████",
        "                                  1 (1), down (1)",
        "  unscored  1                     not in the share",
        "                                  meh (1)",
        "",
        "Worst-rated messages",
        "  2 of 2 negative (34 to 100 %)  m1",
        "    “Out of date.” 1, 4 Nov 2026 00:00, by u1",
        "    “Out of date.” down, 4 Nov 2026 00:00, by u0",
        "",
        "Events",
        "  Type       Events  Users",
        "  view            2      1",
        "  page_view       1      1",
        "",
        "Active users",
        "  in the last day      1  0 in the day before",
        "  in the last 7 days   2  0 in the 7 days before",
        "  in the last 30 days  3  no earlier data",
    ]


@pytest.mark.parametrize(
    ("ratings", "before", "line"),
    [
        (["up"] * 30, ["up", "down"] * 15, "▲ Better"),
        (["down"] * 30, ["up", "down"] * 15, "▼ Worse"),
        (["up", "down"] * 15, ["5", "1"] * 15, "No clear change"),
        (["up", "down"] * 9, ["up", "down"] * 15, "Too few ratings to say"),
        (["up"], [], "Nothing to compare"),
        # What was "better" here, and "worse" on the dashboard.
        (["up"] * 7 + ["down"] * 2, ["up"] * 6 + ["down"] * 3, "Too few ratings to say"),
        (["down"], ["up"] * 28 + ["down"] * 2, "Too few ratings to say"),
    ],
)
def test_puts_better_or_worse_in_words(
    insights: Insights,
    empty_database: Database[Document],
    ratings: list[str],
    before: list[str],
    line: str,
) -> None:
    rate(empty_database, ratings)
    rate(empty_database, before or ["unscored"], BEFORE)

    assert insights("summary", *WEEK).stdout.splitlines()[2] == line
    assert figures(insights)["feedback"]["verdict"] == line.strip("▲▼ ").lower()


def test_one_loud_user_is_no_change(insights: Insights, empty_database: Database[Document]) -> None:
    rate(empty_database, ["up"] * 75 + ["down"] * 25)
    rate(empty_database, ["up"] * 75 + ["down"] * 25, BEFORE)
    empty_database.feedback.insert_many(
        a_feedback(NOON, rating="down", user_id="loud") for _ in range(40)
    )

    feedback = figures(insights)["feedback"]

    assert feedback["verdict"] == "no clear change"
    assert feedback["share_change_percentage_points"] == pytest.approx(100 * (75 / 140 - 75 / 100))
    assert feedback["p_fisher"] < 0.001
    assert feedback["p_clustered"] > 0.05


def test_a_change_has_its_interval_and_the_shares_have_theirs(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up"] * 18 + ["down"] * 2)
    rate(empty_database, ["up"] * 10 + ["3"] * 10, BEFORE)

    feedback = figures(insights)["feedback"]

    # Wilson's, with one rating of each user.
    assert feedback["share_positive_interval"] == pytest.approx(
        {"low": 0.6990, "high": 0.9721}, abs=1e-4
    )
    assert feedback["previous_share_positive_interval"] == pytest.approx(
        {"low": 0.2993, "high": 0.7007}, abs=1e-4
    )
    interval = feedback["share_change_percentage_points_interval"]
    assert 0 < interval["low"] < 40 < interval["high"] < 100
    assert feedback["p_fisher"] == pytest.approx(0.01381, abs=1e-5)
    assert 0 < feedback["p_clustered"] < 0.05


def test_users_are_those_of_every_type_of_id(empty_database: Database[Document]) -> None:
    ids = ["42", 42, ObjectId(), None, {"id": 1}, [1], True, NOON]
    given = [a_feedback(NOON) | {"user_id": user} for user in ids]
    empty_database.feedback.insert_many([*given, *(each | {"_id": ObjectId()} for each in given)])
    scope = Scope(empty_database, Kind.FEEDBACK, Period(SINCE, UNTIL))

    before = Period(BEFORE, SINCE)
    found = profiles(scope, scope.during(before), count_ratings(scope, before, SETTINGS))

    assert found == [Profile(len(ids), 2, 2, 0, 0)]


def test_profiles_are_of_users_in_both_periods(empty_database: Database[Document]) -> None:
    rate(empty_database, ["up", "down", "odd"])
    rate(empty_database, ["up", "up", "3"], SINCE - MILLISECOND)
    rate(empty_database, ["up", "up", "5"], BEFORE)
    rate(empty_database, ["up"], UNTIL)
    rate(empty_database, ["up"], BEFORE - MILLISECOND)
    scope = Scope(empty_database, Kind.FEEDBACK, Period(SINCE, UNTIL))

    before = Period(BEFORE, SINCE)
    found = profiles(scope, scope.during(before), count_ratings(scope, before, SETTINGS))

    assert sorted(found) == [
        Profile(1, 0, 0, 1, 2),
        Profile(1, 0, 1, 2, 2),
        Profile(1, 1, 1, 2, 2),
    ]


@pytest.mark.parametrize("kind", ["feedback", "events"])
def test_compares_nothing_where_the_period_before_is_not_covered(
    insights: Insights, empty_database: Database[Document], kind: str
) -> None:
    # A twentieth of a week is 8 hours and 24 minutes.
    too_late = BEFORE + timedelta(hours=8, minutes=24, milliseconds=1)
    beginnings = {"feedback": BEFORE, "events": BEFORE} | {kind: too_late}
    rate(empty_database, ["up"] * 30)
    rate(empty_database, ["down"] * 30, beginnings["feedback"])
    empty_database.analytics.insert_many([an_event(NOON), an_event(beginnings["events"])])

    found = figures(insights)
    lines = insights("summary", *WEEK, COLUMNS="120").stdout.splitlines()

    assert found[kind]["begins"] == "2026-10-26T08:24:00.001Z"
    [line] = [each for each in lines if each.startswith(f"  {kind} ")][:1]
    assert line.endswith("since 26 Oct 2026, too late to compare")
    if kind == "feedback":
        assert lines[2:5] == [
            "Nothing to compare",
            "100 % (89 to 100 %) of 30 scored ratings are positive.",
            "Feedback begins on 26 Oct 2026, too late to compare with the 7 days before.",
        ]
        assert found["feedback"]["previous_share_positive"] is None
        assert found["feedback"]["share_change_percentage_points"] is None
    else:
        assert lines[2] == "▲ Better"
        assert found["feedback"]["begins"] is None


@pytest.mark.parametrize("oldest", [BEFORE - DAY, BEFORE + timedelta(hours=8, minutes=24)])
def test_compares_where_the_period_before_is_covered_all_but_a_twentieth(
    insights: Insights, empty_database: Database[Document], oldest: datetime
) -> None:
    rate(empty_database, ["up"] * 30)
    rate(empty_database, ["down"], oldest)
    rate(empty_database, ["down"] * 30, BEFORE + DAY)
    empty_database.analytics.insert_many([an_event(NOON), an_event(oldest)])

    found = figures(insights)

    assert (found["feedback"]["begins"], found["events"]["begins"]) == (None, None)
    assert found["feedback"]["verdict"] == "better"


def test_says_how_the_share_moved_within_the_period(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # 63 % in both weeks; in this one 20 of 30 on each day, but two, with 5 and 28 of 30.
    for day in range(7):
        positive = {2: 5, 5: 28}.get(day, 20)
        ratings = ["up"] * positive + ["down"] * (30 - positive)
        rate(empty_database, ratings, SINCE + day * DAY)
        rate(empty_database, ["up"] * 19 + ["down"] * 11, BEFORE + day * DAY)

    lines = insights("summary", *WEEK).stdout.splitlines()
    curve = figures(insights)["feedback"]["curve"]

    assert lines[2] == "No clear change"
    assert "It fell to 17 % (4 Nov) and rose to 80 % (7 to 8 Nov)." in lines
    assert curve["is_clear"]
    assert (curve["earlier"]["first_day"], curve["earlier"]["last_day"]) == (
        "2026-11-04",
        "2026-11-04",
    )
    assert curve["earlier"]["share_positive"] == pytest.approx(5 / 30)
    assert curve["p_fisher"] < 0.05
    assert curve["p_clustered"] < 0.05


def test_says_nothing_of_days_that_differ_by_chance(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # The most different of 15 pairs: alone, they would be a clear difference.
    for day, positive in enumerate([20, 14, 17, 15, 23, 18]):
        rate(empty_database, ["up"] * positive + ["down"] * (30 - positive), SINCE + day * DAY)

    shown = insights("summary", "--since", "2026-11-02", "--until", "2026-11-08")
    [found] = insights("summary", "--since", "2026-11-02", "--until", "2026-11-08", "--json").lines

    assert "It " not in shown.stdout
    assert not found["feedback"]["curve"]["is_clear"]
    assert found["feedback"]["curve"]["p_fisher"] > 0.05


@pytest.mark.parametrize("ratings", [["up"] * 20 + ["down"] * 10, ["up"] * 10 + ["down"] * 9])
def test_there_is_no_curve_where_all_days_are_alike_or_have_few_ratings(
    insights: Insights, empty_database: Database[Document], ratings: list[str]
) -> None:
    for day in range(1 if len(ratings) < 20 else 7):
        rate(empty_database, ratings, SINCE + day * DAY)

    assert figures(insights)["feedback"]["curve"] is None


def test_uses_colours_for_better_and_worse_only(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["3"] * 30)
    rate(empty_database, ["up"] * 30, BEFORE)
    environment = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}

    worse = insights("summary", *WEEK, **environment).stdout
    before = insights("summary", "--since", "2026-10-26", "--until", "2026-11-02", **environment)

    assert "\x1b[1;31m▼" in worse
    assert "\x1b[32m" not in worse
    assert "\x1b[31m" not in before.stdout


def test_reports_that_there_is_nothing_to_compare(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up"])
    rate(empty_database, ["odd"], BEFORE)

    lines = insights("summary", *WEEK).stdout.splitlines()

    assert "100 % (21 to 100 %) of 1 scored rating is positive." in lines
    assert "There are no scored ratings in the 7 days before." in lines


def test_works_without_feedback(insights: Insights, empty_database: Database[Document]) -> None:
    empty_database.analytics.insert_one(an_event(NOON))

    result = insights("summary", *WEEK)

    assert result.exit_code == 0
    assert "There is no feedback in this period." in result.stdout
    assert "Worst-rated" not in result.stdout
    [share] = [line for line in result.stdout.splitlines() if "share positive" in line]
    assert share.split() == ["share", "positive", "none"]


def test_works_without_events(insights: Insights, empty_database: Database[Document]) -> None:
    rate(empty_database, ["down"])

    result = insights("summary", *WEEK)

    assert result.exit_code == 0
    assert "Worst-rated" in result.stdout
    assert "in the last 30 days  0" in result.stdout


def day_by_day(insights: Insights, width: int, since: datetime, until: datetime) -> list[str]:
    """Return the lines of the sparklines of a period."""
    period = ("--since", since.isoformat(), "--until", until.isoformat())
    result = insights("summary", *period, COLUMNS=str(width))
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("Day by day"))
    return lines[start : lines.index("", start)]


def test_a_sparkline_has_a_mark_for_each_day_below_its_name_if_there_is_no_room_beside(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # Of 40 days, the first and the last have feedback.
    since = SINCE - 40 * DAY
    rate(empty_database, ["up", "up", "down", "down"], since)
    rate(empty_database, ["up", "down"], since + 39 * DAY)

    assert day_by_day(insights, 60, since, SINCE) == [
        "Day by day",
        "  share positive  50 %",
        f"  ▄{' ' * 38}▄",
        "  feedback  max 4",
        f"  █{' ' * 38}▄",
        "  events  none",
        "  active users  none",
        f"  {show_days(since, since)}{show_days(SINCE - DAY, SINCE - DAY):>34}",
        "  Scale: the share from 0 to 100 %, counts from 0 to their",
        "  maximum. A gap means none.",
    ]


def test_a_mark_is_the_mean_of_several_days_if_there_is_no_room_for_each(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # 61 days in 58 marks: of two days each, but for the last one.
    since = SINCE - 61 * DAY
    rate(empty_database, ["up", "up", "down", "down"], since)
    rate(empty_database, ["up"], since + 60 * DAY + HOUR)

    lines = day_by_day(insights, 60, since, SINCE - HOUR)

    assert lines == [
        "Day by day (a mark is the mean of 2 days, the last of 1)",
        "  share positive  50 to 100 %",
        f"  ▄{' ' * 29}█",
        "  feedback  max 2",
        f"  █{' ' * 29}▄",
        "  events  none",
        "  active users  none",
        f"  {show_days(since, since)}{show_days(SINCE - DAY, SINCE - DAY):>26}",
        "  Scale: the share from 0 to 100 %, counts from 0 to their",
        "  maximum. A gap means none. The last day is partial.",
    ]


def test_more_ratings_may_be_unscored_than_scored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up", "a", "b"])

    result = insights("summary", *WEEK)

    assert "  unscored  2                       not in the share" in result.stdout


def test_a_small_change_of_the_share_looks_small(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up"] * 64 + ["down"] * 36)
    rate(empty_database, ["up"] * 65 + ["down"] * 35, NOON + DAY)

    [_, share, *_] = day_by_day(insights, 60, SINCE, SINCE + 2 * DAY)

    assert share == "  share positive  ▅▆  64 to 65 %"


def test_fits_60_columns(insights: Insights, empty_database: Database[Document]) -> None:
    long = "a long text without end " * 8
    rate(empty_database, [long[:64], "1" * 20, "👎🏽", "down"], message_id="m1", comment=long)
    empty_database.analytics.insert_many(
        [an_event(NOON, event_type=long[:40]), an_event(NOON, event_type="x" * 40)]
    )

    result = insights("summary", *WEEK, COLUMNS="60")

    assert max(map(cell_len, result.stdout.splitlines())) <= 60


def test_ends_no_line_before_a_percent_sign(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["up"] * 7 + ["down"] * 2)
    rate(empty_database, ["up"] * 6 + ["down"] * 3, BEFORE)

    for width in range(40, 80):
        lines = insights("summary", *WEEK, COLUMNS=str(width)).stdout.splitlines()[3:8]

        assert not [line for line in lines if line.startswith("%")]
        assert max(map(len, lines)) <= width


def test_shows_hostile_texts_without_interpreting_them(
    insights: Insights, empty_database: Database[Document]
) -> None:
    rate(empty_database, ["down", HOSTILE], message_id=HOSTILE, comment=HOSTILE)
    empty_database.analytics.insert_one(an_event(NOON, event_type=HOSTILE, user_id=HOSTILE))

    result = insights("summary", *WEEK)

    shown = "[bold]\ufffd[31mred\ufffd]0;title\ufffd $type :smile: \ufffdevil"
    assert result.exit_code == 0
    assert not set("\x1b\x07\u202e") & set(result.stdout)
    assert f"“{shown}” down" in result.stdout
    assert f"{shown} (1)" in result.stdout
    found = figures(insights)
    assert found["feedback"]["worst"][0]["message_id"] == HOSTILE
    assert found["events"]["daily"][0]["types"] == {HOSTILE: 1}


@pytest.mark.crossed
@pytest.mark.parametrize(
    ("module", "limit", "most"), [(ratings, "MOST_VALUES", 20), (worst, "BATCH", 1)]
)
def test_many_different_ratings_and_messages_change_no_figure(
    insights: Insights,
    empty_database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    limit: str,
    most: int,
) -> None:
    given = ["up", "down", "3", "meh", "bad", "👎", "1", "odd", "down", "5"]
    given += [f"text {number}" for number in range(20)]
    for number in range(120):
        feedback = {
            "user_id": f"u{number % 17}",
            "message_id": f"m{number % (7 + number % 31)}",
            "rating": given[number % 30 if number % 2 else number % 10],
            "reasons": [["wrong"], ["late", "wrong"], []][number % 3],
            "comment": "It is wrong" if number % 4 else None,
        }
        # Other programs may have stored several of a user.
        own = a_feedback(UNTIL - number * HOUR / 5, **feedback) | {"_id": number}
        empty_database.feedback.insert_one(own)
    few = figures(insights)

    monkeypatch.setattr(module, limit, most)

    assert figures(insights) == few


def test_very_long_ids_of_messages_are_counted_one_by_one(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        rate(empty_database, ["down"], UNTIL - number * HOUR, message_id=f"m{number:02}" + "x" * 90)
    few = figures(insights)["feedback"]["worst"]

    monkeypatch.setattr(worst, "MOST_CHARACTERS", 100)

    assert figures(insights)["feedback"]["worst"] == few


def test_reads_through_the_indexes_of_setup(
    insights: Insights, empty_database: Database[Document]
) -> None:
    numbers = range(200)
    empty_database.feedback.insert_many(
        a_feedback(UNTIL - number * HOUR, comment="why") for number in numbers
    )
    empty_database.analytics.insert_many(an_event(UNTIL - number * HOUR) for number in numbers)
    rate(empty_database, ["down"], comment="Wrong.")
    insights("setup")

    with (
        plan_of(empty_database, "feedback") as feedback,
        plan_of(empty_database, "analytics") as analytics,
    ):
        figures(insights)

    # Four of them count what is left out, and one reads the second batch of comments.
    assert (len(feedback), len(analytics)) == (14, 10)
    scans = {plan.split()[0] for plan in [*feedback, *analytics]}
    assert scans <= {"IXSCAN", "COUNT_SCAN", "DISTINCT_SCAN"}


def test_reads_events_from_the_indexes_alone(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_many(an_event(NOON + each * MINUTE) for each in range(50))
    insights("setup")

    with plan_of(empty_database, "analytics"):
        figures(insights)

    reads = empty_database.system.profile.find({"ns": f"{empty_database.name}.analytics"})
    assert {each["docsExamined"] for each in reads if "planSummary" in each} == {0}
