"""Periods: `--since` and `--until`."""

from datetime import UTC, datetime, timedelta

import pytest
from pymongo.database import Database

from insights.queries.periods import Period
from insights.wording import length_of
from tests.support.documents import NOON, Document, a_feedback
from tests.support.insights_cli import Insights

HOUR = timedelta(hours=1)


def listed(insights: Insights, *options: str) -> set[str]:
    """Return the ratings of the listed feedback."""
    return {line["rating"] for line in insights("feedback", "--json", *options).lines}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"11", "12", "13", "next day"}),
        (["--since", "2026-11-01T12:00:00Z"], {"12", "13", "next day"}),
        (["--since", "2026-11-01T12:00:00.001Z"], {"13", "next day"}),
        (["--until", "2026-11-01T12:00:00Z"], {"11"}),
        (["--until", "2026-11-01T12:00:00.001Z"], {"11", "12"}),
        (["--since", "2026-11-01T12:00", "--until", "2026-11-01 13:00"], {"12"}),
        (["--since", "2026-11-01T14:00+02:00", "--until", "2026-11-01T08:00-05:00"], {"12"}),
        (["--since", "2026-11-02"], {"next day"}),
        (["--until", "2026-11-02"], {"11", "12", "13"}),
        (["--since", "2026-11-01", "--until", "2026-11-02"], {"11", "12", "13"}),
    ],
)
def test_a_period_is_half_open_and_in_utc(
    insights: Insights, empty_database: Database[Document], options: list[str], expected: set[str]
) -> None:
    times = {"11": NOON - HOUR, "12": NOON, "13": NOON + HOUR, "next day": NOON + 12 * HOUR}
    empty_database.feedback.insert_many(
        a_feedback(time, rating=rating) for rating, time in times.items()
    )

    assert listed(insights, *options) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--since", "5400s"], {"1h ago"}),
        (["--since", "90m"], {"1h ago"}),
        (["--since", "24h"], {"1h ago", "20h ago"}),
        (["--since", "7d"], {"1h ago", "20h ago", "6d ago"}),
        (["--since", "2w"], {"1h ago", "20h ago", "6d ago", "13d ago"}),
        (["--until", "1d"], {"6d ago", "13d ago"}),
        (["--since", "7d", "--until", "2h"], {"20h ago", "6d ago"}),
    ],
)
def test_a_duration_counts_back_from_now(
    insights: Insights, empty_database: Database[Document], options: list[str], expected: set[str]
) -> None:
    now = datetime.now(UTC)
    ages = {"1h ago": 1, "20h ago": 20, "6d ago": 6 * 24, "13d ago": 13 * 24}
    empty_database.feedback.insert_many(
        a_feedback(now - age * HOUR, rating=rating) for rating, age in ages.items()
    )

    assert listed(insights, *options) == expected


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "7",
        "7 d",
        "-7d",
        "7y",
        "999999w",
        "\N{ARABIC-INDIC DIGIT SEVEN}d",
        "2026-13-01",
        "2026-02-30",
        "2026-11-01T25:00",
        "0001-01-01T00:00+14:00",
        "9" * 400,
    ],
)
def test_explains_the_form_of_times(command_line: Insights, option: str, text: str) -> None:
    result = command_line("feedback", option, text)

    assert result.exit_code == 2
    assert result.stderr == (
        f"insights: {text!r} is not a time: use an ISO 8601 date or time "
        "(2026-11-01, 2026-11-01T09:30:00Z) or an age (90m, 24h, 7d)\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--since", "2026-11-02", "--until", "2026-11-01"],
            "--since 2026-11-02 must be before --until 2026-11-01",
        ),
        (
            ["--since", "2026-11-01", "--until", "2026-11-01"],
            "--since 2026-11-01 must be before --until 2026-11-01",
        ),
        (["--since", "1h", "--until", "7d"], "--since 1h must be before --until 7d"),
        (["--since", "9999-01-01"], "--since 9999-01-01 must be before now"),
    ],
)
def test_refuses_a_period_that_ends_before_it_begins(
    command_line: Insights, options: list[str], message: str
) -> None:
    result = command_line("events", *options)

    assert (result.exit_code, result.stderr) == (2, f"insights: {message}\n")


@pytest.mark.parametrize(
    ("period", "previous"),
    [
        (Period(NOON - HOUR, NOON), Period(NOON - 2 * HOUR, NOON - HOUR)),
        (Period(NOON - HOUR), Period(NOON - 3 * HOUR, NOON - HOUR)),
        (Period(None, NOON), None),
        (Period(), None),
    ],
)
def test_the_previous_period_is_as_long(period: Period, previous: Period | None) -> None:
    assert period.previous(now=NOON + HOUR) == previous


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(days=30), "30 days"),
        # A live page goes on for so long before it is made anew.
        (timedelta(days=30, minutes=5), "30 days"),
        (timedelta(hours=24, seconds=40), "24 hours"),
        (timedelta(days=2, hours=1), "49 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=80), "1 minute"),
    ],
)
def test_says_how_long_a_period_is(length: timedelta, said: str) -> None:
    assert length_of(Period(NOON, NOON + length)) == said
