"""`insights feedback`."""

from datetime import UTC, datetime, timedelta

import pytest
from pymongo.database import Database

from tests.support.commands import plan_of
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

MINUTE = timedelta(minutes=1)


def test_prints_a_table_newest_first(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, message_id="m1", rating="up", comment="Just what I needed."),
            a_feedback(NOON + 2 * MINUTE, message_id="m3", user_id="u2", rating="👎"),
            a_feedback(NOON + MINUTE, message_id="m2", rating="4", comment="Out\nof date."),
        ]
    )

    result = insights("feedback")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "Time (UTC)        Rating  User  Message  Comment\n"
        "2026-11-01 12:02  👎      u2    m3\n"
        "2026-11-01 12:01  4       u1    m2       Out of date.\n"
        "2026-11-01 12:00  up      u1    m1       Just what I needed.\n"
    )


def test_reasons_precede_the_comment_in_brackets(
    insights: Insights, empty_database: Database[Document]
) -> None:
    reasons = ["wrong", "out of date"]
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, message_id="m1", rating="down", comment="In [June]?", reasons=reasons),
            a_feedback(NOON + MINUTE, message_id="m2", rating="down", reasons=["wrong"]),
            a_feedback(NOON + 2 * MINUTE, message_id="m3", comment="Good."),
        ]
    )

    assert insights("feedback").stdout == (
        "Time (UTC)        Rating  User  Message  Comment\n"
        "2026-11-01 12:02  up      u1    m3       Good.\n"
        "2026-11-01 12:01  down    u1    m2       [wrong]\n"
        "2026-11-01 12:00  down    u1    m1       [wrong, out of date] In [June]?\n"
    )
    assert [each.get("reasons") for each in insights("feedback", "--json").lines] == [
        None,
        ["wrong"],
        reasons,
    ]


def test_prints_json_lines_of_the_fields_as_stored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    time = NOON + timedelta(milliseconds=7)
    empty_database.feedback.insert_many(
        [
            a_feedback(time, message_id="m1", rating="up", comment="Só so"),
            a_feedback(NOON, message_id="m2"),
        ]
    )

    result = insights("feedback", "--json")

    assert result.stdout == (
        '{"message_id": "m1", "user_id": "u1", "rating": "up", '
        '"timestamp": "2026-11-01T12:00:00.007Z", "comment": "Só so"}\n'
        '{"message_id": "m2", "user_id": "u1", "rating": "up", '
        '"timestamp": "2026-11-01T12:00:00.000Z"}\n'
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], 20), (["--limit", "3"], 3), (["--limit", "100"], 25), (["--limit", "9" * 30], 25)],
)
def test_prints_the_newest_up_to_the_limit(
    insights: Insights, empty_database: Database[Document], options: list[str], expected: int
) -> None:
    empty_database.feedback.insert_many(
        a_feedback(NOON + number * MINUTE, message_id=str(number)) for number in range(25)
    )

    lines = insights("feedback", "--json", *options).lines

    assert [line["message_id"] for line in lines] == [str(24 - each) for each in range(expected)]
    assert len(insights("feedback", *options).stdout.splitlines()) == expected + 1


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5"])
def test_refuses_an_invalid_limit(insights: Insights, limit: str) -> None:
    result = insights("feedback", "--limit", limit)

    assert result.exit_code == 2
    assert result.stderr.startswith("insights: Invalid value for '--limit': ")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reports_that_there_is_no_feedback(insights: Insights, options: list[str]) -> None:
    result = insights("feedback", *options)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "insights: no feedback yet\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reports_that_nothing_matches(
    insights: Insights, empty_database: Database[Document], options: list[str]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))

    result = insights("feedback", "--user", "nobody", *options)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "insights: nothing matches\n"


@pytest.mark.parametrize(
    ("options", "index"),
    [
        ([], "timestamp: 1"),
        (["--since", "7d"], "timestamp: 1"),
        (["--user", "u1"], "user_id: 1, timestamp: 1"),
        (["--user", "u1", "--since", "7d", "--rating", "negative"], "user_id: 1, timestamp: 1"),
        (["--message", "m1"], "message_id: 1, timestamp: 1"),
        (["--rating", "up"], "rating: 1, timestamp: 1"),
        (["--rating", "negative", "--since", "7d"], "timestamp: 1"),
        (["--where", "user_id=u1"], "user_id: 1, timestamp: 1"),
    ],
)
def test_reads_through_an_index(
    insights: Insights, empty_database: Database[Document], options: list[str], index: str
) -> None:
    now = datetime.now(UTC)
    empty_database.feedback.insert_many(
        a_feedback(
            now - number * MINUTE,
            message_id=f"m{number % 100}",
            user_id=f"u{number // 100}",
            rating=("up", "down", "5", "1")[number % 4],
        )
        for number in range(1000)
    )
    insights("setup")

    with plan_of(empty_database, "feedback") as plan:
        insights("feedback", *options)

    # With a period, another counts what has no date.
    assert len(plan) == (2 if "--since" in options else 1)
    assert plan[0].startswith(f"IXSCAN {{ {index}")
