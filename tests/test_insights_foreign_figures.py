"""What figures make of documents that other programs stored: used, or left out and counted."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from bson import Code, ObjectId
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database

from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PERIOD = ("--since", "2026-11-01", "--until", "2026-11-02")
OID = ObjectId("5f5e10000000000000000001")
FAR = DatetimeMS(1_712_121_530_123_000)
NO_MESSAGE = "1 feedback has a negative rating but no message and is not among the worst"

# Of no period; the first array has no date in it.
NO_DATES: list[Any] = [
    None,
    "2026-11-01T12:00:00Z",
    1_793_534_400_000,
    {"a": NOON},
    True,
    ["x"],
    [],
]


def negative(**fields: Any) -> Document:
    """Return a negative feedback of noon with some fields instead, or without those of None."""
    given = a_feedback(NOON, rating="down") | {"_id": ObjectId()} | fields
    return {name: value for name, value in given.items() if value is not None}


def figures(insights: Insights, *options: str) -> Any:
    """Return what `summary --json` says."""
    result = insights("summary", *(options or PERIOD), "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.lines[0]


def worst(insights: Insights) -> dict[str, int]:
    """Return the worst messages, with their negative ratings."""
    return {each["message_id"]: each["negative"] for each in figures(insights)["feedback"]["worst"]}


def page(insights: Insights) -> str:
    """Return the page of the dashboard."""
    result = insights("dashboard", *PERIOD, "--out", "a.html")
    assert (result.exit_code, result.stderr) == (0, "")
    return (insights.folder / "a.html").read_text("utf-8")


@pytest.mark.parametrize("message", [{}, {"message_id": None}])
def test_a_negative_feedback_without_a_message_is_counted_beside_the_worst(
    insights: Insights, empty_database: Database[Document], message: Document
) -> None:
    document = negative()
    del document["message_id"]
    empty_database.feedback.insert_many([document | message, negative(message_id="m1")])

    found, printed = figures(insights), insights("summary", *PERIOD)

    assert found["feedback"]["sentiments"]["negative"] == 2
    assert worst(insights) == {"m1": 1}
    assert found["left_out"] == [{"kind": "feedback", "reason": "no_message", "count": 1}]
    assert f"{NO_MESSAGE}." in printed.stdout.splitlines()
    assert f"{NO_MESSAGE}." in page(insights)


@pytest.mark.parametrize(
    ("message", "shown"),
    [(7, "7"), (7.0, "7"), (OID, str(OID)), ({"id": 1}, '{"id": 1}'), (["a", 2], '["a", 2]')],
)
def test_a_message_is_shown_whatever_the_type_of_its_id(
    insights: Insights, empty_database: Database[Document], message: Any, shown: str
) -> None:
    empty_database.feedback.insert_many(
        [negative(message_id=message, comment="Wrong."), negative(message_id="other")]
    )

    assert worst(insights) == {shown: 1, "other": 1}
    assert "“Wrong.” down" in insights("summary", *PERIOD).stdout
    assert "Wrong." in page(insights)


def test_several_ratings_of_a_user_say_no_more_of_a_message_than_one(
    insights: Insights, empty_database: Database[Document]
) -> None:
    loud = [negative(message_id="loud", user_id="u1") for _ in range(40)]
    several = [negative(message_id="several", user_id=f"u{number}") for number in range(5)]
    empty_database.feedback.insert_many([*loud, *several])

    first, second = figures(insights)["feedback"]["worst"]

    assert (first["message_id"], second["message_id"]) == ("several", "loud")
    assert (second["negative"], second["count"]) == (40, 40)
    assert first["share_negative_interval"]["low"] == pytest.approx(0.566, abs=0.001)
    # That of a single rating.
    assert second["share_negative_interval"]["low"] == pytest.approx(0.207, abs=0.001)


def test_a_message_is_one_under_the_types_of_its_id(
    insights: Insights, empty_database: Database[Document]
) -> None:
    ids = [7, 7.0, "7", OID, str(OID)]
    empty_database.feedback.insert_many(
        negative(message_id=each, user_id=f"u{number}", comment=f"Of {each!r}.")
        for number, each in enumerate(ids)
    )

    assert worst(insights) == {"7": 3, str(OID): 2}
    comments = [len(each["comments"]) for each in figures(insights)["feedback"]["worst"]]
    assert comments == [3, 2]


def test_ratings_and_comments_of_other_types_are_shown(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [
            negative(message_id="m1"),
            negative(message_id="m1", rating=1, comment="A number."),
            negative(message_id="m1", rating="", comment="No rating."),
            negative(message_id="m1", rating=["up"], comment="A list."),
        ]
    )

    feedback = figures(insights)["feedback"]

    assert feedback["sentiments"] == {"positive": 0, "neutral": 0, "negative": 2, "unscored": 2}
    assert [each["rating"] for each in feedback["unscored"]] == ["(no rating)", '["up"]']
    assert {each["comment"]: each["rating"] for each in feedback["worst"][0]["comments"]} == {
        "A number.": "1",
        "No rating.": "(no rating)",
        "A list.": '["up"]',
    }
    assert "(no rating)" in page(insights)


def test_a_far_date_may_be_a_rating_and_a_message(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [negative(rating=FAR, message_id="m1"), negative(message_id=FAR), negative(comment=FAR)]
    )

    feedback = figures(insights)["feedback"]
    scored = insights("feedback", "--json", "--where", "rating>0")

    assert feedback["sentiments"] == {"positive": 0, "neutral": 0, "negative": 2, "unscored": 1}
    assert [each["rating"] for each in feedback["unscored"]] == ["+056224-12-21T09:55:23.000Z"]
    assert worst(insights)["+056224-12-21T09:55:23.000Z"] == 1
    assert len(insights("feedback", "--json", "--rating", "unscored").lines) == 1
    assert (scored.exit_code, scored.stderr) == (5, "insights: nothing matches\n")


@pytest.mark.crossed
@pytest.mark.parametrize("indexed", [False, True])
def test_what_has_no_date_is_left_out_and_counted(
    insights: Insights,
    empty_database: Database[Document],
    indexed: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    if indexed:
        insights("setup")
    dates = [*NO_DATES, [NOON], [NOON, "x"]]
    empty_database.feedback.insert_many(negative() | {"timestamp": each} for each in dates)
    empty_database.feedback.insert_many([negative(message_id="m1"), negative(message_id="m2")])
    no_field = negative()
    del no_field["timestamp"]
    empty_database.feedback.insert_one(no_field)
    empty_database.analytics.insert_many(
        [an_event(NOON - MINUTE), an_event(NOON) | {"timestamp": "soon"}]
    )

    found = figures(insights)

    lines = ["10 feedback have no date and are left out.", "1 event has no date and is left out."]
    assert (found["feedback"]["count"], found["events"]["count"]) == (2, 1)
    assert worst(insights) == {"m1": 1, "m2": 1}
    assert found["left_out"] == [
        {"kind": "feedback", "reason": "no_date", "count": 10},
        {"kind": "events", "reason": "no_date", "count": 1},
    ]
    for command in ("summary", "journey"):
        printed = insights(command, *PERIOD)
        assert [line for line in printed.stdout.splitlines() if "left out" in line] == lines
    assert all(line in page(insights) for line in lines)


def test_an_array_of_dates_is_of_the_period_that_it_is_left_out_of(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [negative(), negative(timestamp=[NOON]), negative(timestamp=[NOON - 3 * DAY])]
    )
    empty_database.analytics.insert_many(
        [an_event(NOON), an_event(NOON) | {"timestamp": [NOON - DAY]}]
    )

    found = figures(insights)

    assert (found["feedback"]["count"], found["events"]["previous_count"]) == (1, 0)
    assert found["left_out"] == [{"kind": "feedback", "reason": "no_date", "count": 1}]


@pytest.mark.parametrize(
    ("command", "outcome"),
    [("summary", (5, "")), ("journey", (5, "")), ("dashboard", (0, "dashboard.html\n"))],
)
def test_says_what_is_left_out_where_nothing_else_is(
    insights: Insights,
    empty_database: Database[Document],
    command: str,
    outcome: tuple[int, str],
) -> None:
    empty_database.feedback.insert_one(negative(timestamp="2026-11-01"))

    result = insights(command, *PERIOD)

    assert (result.exit_code, result.stdout) == outcome
    assert result.stderr.splitlines()[0] == "insights: 1 feedback has no date and is left out"


@pytest.mark.parametrize("end", ["2099-01-01", None])
def test_what_is_dated_in_the_future_is_counted_alike_everywhere(
    insights: Insights, empty_database: Database[Document], end: str | None
) -> None:
    now = datetime.now(UTC)
    times = [now - MINUTE, now + DAY, DatetimeMS(10**15)]
    empty_database.feedback.insert_many(negative(timestamp=each) for each in times)
    empty_database.analytics.insert_many(an_event(now) | {"timestamp": each} for each in times)
    options = ("--since", "7d", *(("--until", end) if end else ()))
    expected = 1 if end else 2

    found = figures(insights, *options)
    [journeys] = insights("journey", *options, "--json").lines
    assert insights("dashboard", *options, "--out", "a.html").exit_code == 0

    future = [
        {"kind": kind, "reason": "future", "count": expected} for kind in ("feedback", "events")
    ]
    assert (found["feedback"]["count"], found["events"]["count"]) == (1, 1)
    assert (journeys["ratings"], found["left_out"], journeys["left_out"]) == (1, future, future)
    verb = "is" if end else "are"
    line = f"{expected} feedback {verb} dated in the future and {verb} left out."
    assert line in insights("summary", *options).stdout
    assert line in insights("journey", *options).stdout
    assert line in (insights.folder / "a.html").read_text("utf-8")


def test_what_is_to_come_is_not_left_out_of_a_period_that_is_over(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many([negative(), negative(timestamp=datetime.now(UTC) + DAY)])

    assert figures(insights)["left_out"] == []


def test_a_day_before_1970_is_that_day(
    insights: Insights, empty_database: Database[Document]
) -> None:
    old = datetime(1969, 7, 20, 20, 17, tzinfo=UTC)
    empty_database.feedback.insert_many([negative(timestamp=old), negative(timestamp=old + DAY)])
    empty_database.analytics.insert_one(an_event(old))

    found = figures(insights, "--since", "1969-07-20", "--until", "1969-07-23")

    assert [day["count"] for day in found["feedback"]["daily"]] == [1, 1, 0]
    assert [day["types"] for day in found["events"]["daily"]] == [{"page_view": 1}, {}, {}]


# Types of events


def odd_types() -> Iterator[Document]:
    """Yield events of ann within half an hour before noon, of which three have a type."""
    types = ["a", None, "b", 7, ["c"], OID, "d"]
    for number, each in enumerate(types):
        yield an_event(NOON - (10 - number) * MINUTE, user_id="ann") | {"event_type": each}
    event = an_event(NOON - MINUTE, user_id="ann")
    del event["event_type"]
    yield event


def test_events_without_a_type_are_no_steps(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_many(odd_types())
    empty_database.feedback.insert_one(negative(user_id="ann"))

    result = insights("journey", *PERIOD)
    [found] = insights("journey", *PERIOD, "--json").lines

    assert result.exit_code == 0
    assert [each["steps"] for each in found["last"]] == [["d"]]
    assert found["last"][0]["share_all"] == pytest.approx(1 / 3)
    assert [each["steps"] for each in found["sequences"]] == [["a", "b", "d"]]
    assert "5 events have no type and are left out." in result.stdout.splitlines()


def test_events_without_a_type_are_counted_among_others(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_many(odd_types())

    events = figures(insights)["events"]

    assert (events["count"], events["others"]) == (8, 5)
    assert [each["event_type"] for each in events["types"]] == ["a", "b", "d"]
    assert events["daily"][0]["types"] == {"a": 1, "b": 1, "d": 1}
    assert "5 events have no type and are left out." in page(insights)


def test_ids_of_users_may_be_anything(
    insights: Insights, empty_database: Database[Document]
) -> None:
    users = ["ann", None, 7, OID, ["ann"], {"id": "ann"}, UUID(int=1), Code("ann"), FAR]
    empty_database.analytics.insert_many(
        an_event(NOON - MINUTE) | {"user_id": each} for each in users
    )
    empty_database.feedback.insert_many(
        negative(comment="Slow.") | {"user_id": each} for each in users
    )

    [journeys] = insights("journey", *PERIOD, "--json").lines

    # Neither null nor an array is a user.
    assert (journeys["ratings"], journeys["without_events"]) == (len(users) - 2, 0)
    assert figures(insights)["events"]["count"] == len(users)
    assert page(insights)
