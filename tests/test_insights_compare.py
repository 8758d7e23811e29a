"""`insights compare`: the table, the figures as JSON, and what it refuses."""

from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

MINUTE = timedelta(minutes=1)
PERIOD = ("--since", "2026-11-01", "--until", "2026-11-02")
MODEL = ("compare", "--by", "message.model", *PERIOD)

# Positive and all ratings, one of each user.
MODELS = {"atlas-2": (140, 200), "atlas-3": (88, 100), "atlas-3-mini": (37, 50), "old": (4, 9)}


@pytest.fixture
def lookup(insights: Insights) -> Insights:
    """Return a runner of the operator's tool with the setting for messages."""
    return Insights(
        insights.folder, **insights.settings, MESSAGE_LOOKUP="sessions.messages.message_id"
    )


@pytest.fixture
def models(empty_database: Database[Document]) -> Database[Document]:
    """Store the ratings of `MODELS`, two of messages without a model, and an unscored one."""
    for model, (positive, scored) in MODELS.items():
        rate(empty_database, {"model": model}, positive, scored)
    rate(empty_database, {}, 1, 2)
    empty_database.feedback.insert_one(a_feedback(NOON, rating="odd"))
    return empty_database


def rate(database: Database[Document], record: Document, positive: int, scored: int) -> None:
    """Store a session whose messages have these fields, and a rating of each by another user."""
    ids = [str(ObjectId()) for _ in range(scored)]
    messages = [{"message_id": each, "content": "Hello", **record} for each in ids]
    database.sessions.insert_one({"messages": messages})
    database.feedback.insert_many(
        a_feedback(
            NOON, message_id=each, user_id=each, rating="up" if number < positive else "down"
        )
        for number, each in enumerate(ids)
    )


@pytest.mark.usefixtures("models")
def test_prints_the_finding_and_a_table(lookup: Insights) -> None:
    result = lookup(*MODEL)

    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "From 2026-11-01 00:00 to 2026-11-02 00:00 UTC",
        "",
        (
            "atlas-3 is better than atlas-2, the most frequent message.model: 88 % (80 to 93 %) of "
            "100 ratings are positive, against"
        ),
        "70 % (63 to 76 %) of 200: 18.0 percentage points higher, between 6.8 and 29.2.",
        "",
        "Value         Ratings           Positive              Difference  Verdict",
        "atlas-2           200  70 % (63 to 76 %)                          most frequent",
        "atlas-3           100  88 % (80 to 93 %)   +18.0 (+6.8 to +29.2)  better",
        "atlas-3-mini       50  74 % (60 to 84 %)   +4.0 (-13.6 to +21.6)  no clear difference",
        "old                 9  44 % (19 to 73 %)  -25.6 (-82.5 to +31.4)  too few ratings to say",
        "2 scored ratings have no message.model.",
        "",
        (
            "Positive: share of the scored ratings, with its 95 % interval. Difference: percentage "
            "points from atlas-2, with its 95 %"
        ),
        "interval, which allows for 3 comparisons.",
    ]


@pytest.mark.usefixtures("models")
def test_a_narrow_terminal_has_intervals_below_their_figures(lookup: Insights) -> None:
    lines = lookup(*MODEL, COLUMNS="70").stdout.splitlines()

    assert max(map(len, lines)) <= 70
    start = next(number for number, line in enumerate(lines) if line.startswith("Value"))
    assert [" ".join(line.split()) for line in lines[start + 3 : start + 5]] == [
        "atlas-3 100 88 % +18.0 better",
        "80 to 93 % +6.8 to +29.2",
    ]
    assert "…" not in "".join(lines)


@pytest.mark.usefixtures("models")
def test_a_narrower_terminal_has_a_block_for_each_value(lookup: Insights) -> None:
    lines = lookup(*MODEL, COLUMNS="60").stdout.splitlines()

    start = lines.index("Value")
    assert lines[start + 3 : start + 6] == [
        "atlas-3  ratings 100  positive 88 % (80 to 93 %)",
        "  difference +18.0 (+6.8 to +29.2)",
        "  verdict  better",
    ]


@pytest.mark.usefixtures("models")
def test_prints_one_json_object(lookup: Insights) -> None:
    result = lookup(*MODEL, "--json")

    [found] = result.lines
    first, second, *_ = found.pop("values")
    assert found == {
        "by": "message.model",
        "since": "2026-11-01T00:00:00.000Z",
        "filters": "",
        "until": "2026-11-02T00:00:00.000Z",
        "compared_with": "atlas-2",
        "comparisons": 3,
        "without_value": 2,
        "left_out": [],
    }
    assert first == {
        "value": "atlas-2",
        "ratings": 200,
        "positive": 140,
        "users": 200,
        "share_positive": 0.7,
        "share_positive_interval": {
            "low": pytest.approx(0.633, abs=0.001),
            "high": pytest.approx(0.759, abs=0.001),
        },
        "share_difference_percentage_points": None,
        "share_difference_percentage_points_interval": None,
        "p_fisher": None,
        "p_clustered": None,
        "verdict": None,
    }
    assert second["verdict"] == "better"
    assert second["share_difference_percentage_points"] == pytest.approx(18)
    interval = second["share_difference_percentage_points_interval"]
    assert interval == {
        "low": pytest.approx(6.8, abs=0.1),
        "high": pytest.approx(29.2, abs=0.1),
    }
    # Corrected for three comparisons.
    assert second["p_fisher"] == pytest.approx(0.0015, abs=0.0005)
    assert second["p_clustered"] < 0.05


@pytest.mark.usefixtures("models")
def test_filters_apply_and_are_told(lookup: Insights, empty_database: Database[Document]) -> None:
    empty_database.feedback.insert_many(
        [
            a_feedback(NOON, user_id="system"),
            a_feedback(NOON) | {"timestamp": "noon"},
            a_feedback(NOON, user_id="u9", comment="Good."),
        ]
    )
    empty_database.analytics.insert_one(an_event(NOON, user_id="system"))
    everything = lookup(*MODEL, "--json", SYSTEM_USERS="system").lines[0]
    commented = lookup(*MODEL, "--where", "comment~good", SYSTEM_USERS="system")

    assert everything["left_out"] == [
        {"kind": "feedback", "reason": "no_date", "count": 1},
        {"kind": "feedback", "reason": "system_user", "count": 1},
    ]
    assert everything["without_value"] == 3
    assert commented.exit_code == 5
    assert commented.stderr == "insights: The only scored rating has no message.model\n"
    printed = lookup(*MODEL, SYSTEM_USERS="system").stdout
    assert "1 feedback has no date and is left out.\n" in printed.replace(" \n", "\n")
    assert "1 feedback is of a system user and is left out.\n" in printed.replace(" \n", "\n")


def test_no_ratings_are_no_data(lookup: Insights, empty_database: Database[Document]) -> None:
    assert lookup(*MODEL).stderr == "insights: There are no scored ratings in this period\n"
    empty_database.feedback.insert_one(a_feedback(NOON) | {"timestamp": None})
    result = lookup(*MODEL)

    assert (result.exit_code, result.stdout) == (5, "")
    assert "1 feedback has no date and is left out" in result.stderr


def test_refuses_more_than_30_values(lookup: Insights, empty_database: Database[Document]) -> None:
    for number in range(30):
        rate(empty_database, {"model": f"m{number:02}"}, 1, 2)
    assert lookup(*MODEL).exit_code == 0
    rate(empty_database, {"model": "\x1b[31mm31" + "x" * 99}, 1, 2)

    result = lookup(*MODEL)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "insights: message.model has more than 30 values (m00, m01, m02, …): "
        "choose a field with fewer, such as a model or a plan\n"
    )


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("model", "--by 'model' is not message.FIELD, user.FIELD or details.FIELD"),
        ("message.model", "needs MESSAGE_LOOKUP"),
        ("user.plan", "needs USER_LOOKUP"),
    ],
)
def test_a_wrong_field_is_a_usage_error(command_line: Insights, by: str, message: str) -> None:
    result = command_line("compare", "--by", by)

    assert result.exit_code == 2
    assert message in result.stderr


def test_the_field_is_required(command_line: Insights) -> None:
    result = command_line("compare")

    assert (result.exit_code, result.stderr) == (2, "insights: Missing option '--by'.\n")


@pytest.mark.usefixtures("models")
def test_an_unreadable_collection_is_named(
    lookup: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch)

    result = lookup(*MODEL)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "insights: the MongoDB user may not read the collection 'sessions' of MESSAGE_LOOKUP: "
        "give it the role read there\n"
    )


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make MongoDB refuse to read the application's sessions."""
    aggregate = Collection.aggregate

    def refuse(self: Collection[Document], *arguments: Any, **options: Any) -> Any:
        if self.name == "sessions":
            raise OperationFailure("not authorized on up2d8 to execute command {…}", 13)
        return aggregate(self, *arguments, **options)

    monkeypatch.setattr(Collection, "aggregate", refuse)


def test_users_texts_are_cleaned(lookup: Insights, empty_database: Database[Document]) -> None:
    rate(empty_database, {"model": "[red]a[/red]\x1b[31m\u202e\n"}, 1, 3)
    rate(empty_database, {"model": "b" * 60}, 1, 2)

    result = lookup(*MODEL)

    assert "[red]a[/red]\N{REPLACEMENT CHARACTER}[31m" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert lookup(*MODEL, "--json").lines[0]["values"][1]["value"] == "b" * 60


@pytest.mark.timed
def test_compares_10_000_ratings_of_60_000_messages_in_3_seconds(
    lookup: Insights, empty_database: Database[Document]
) -> None:
    ids = [f"s{session}-{number}" for session in range(3000) for number in range(20)]
    empty_database.sessions.insert_many(
        {
            "messages": [
                {"message_id": each, "content": "word " * 100, "model": f"atlas-{len(each) % 3}"}
                for each in ids[start : start + 20]
            ]
        }
        for start in range(0, len(ids), 20)
    )
    empty_database.feedback.insert_many(
        a_feedback(NOON, message_id=each, user_id=f"u{number % 700}")
        for number, each in enumerate(ids[::6])
    )

    started = monotonic()
    result = lookup(*MODEL, "--json")

    assert monotonic() - started < 3
    assert sum(each["ratings"] for each in result.lines[0]["values"]) == 10_000
