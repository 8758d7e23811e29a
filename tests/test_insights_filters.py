"""The filter options: matching documents, and invalid filters."""

import csv
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Int64, ObjectId
from pymongo.database import Database

from insights.kinds import Kind
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

FEEDBACK = [
    a_feedback(NOON, user_id="anna", message_id="m1", rating="5", comment="Very slow"),
    a_feedback(NOON + MINUTE, user_id="anna", message_id="m2", rating="10", comment="a=b (c)"),
    a_feedback(NOON + 2 * MINUTE, user_id="ben", message_id="m1", rating="up", comment=""),
    a_feedback(NOON + 3 * MINUTE, user_id="carla", message_id="m3", rating="1", comment="42"),
    a_feedback(NOON + 4 * MINUTE, user_id="dora", message_id="m4", rating="2.5"),
]

DETAILS: list[dict[str, Any]] = [
    {"n": 1, "page": "/dashboard", "seconds": 5, "new": True},
    {"n": 2, "page": "/Dashboard/a", "seconds": 7.5, "new": False},
    {"n": 3, "page": "/about", "seconds": "5", "new": "true"},
    {"n": 4, "user": {"plan": {"name": "pro"}}, "tags": ["a", "b"]},
    {"n": 5, "page": None, "items": [{"id": 7}, {"id": 8}]},
    {"n": 6, "a=b": "c", "$set": "d", "x y": 1, "big": 2**63 - 1},
]

# Keys that only quotes can name, in objects of different shapes.
KEYED: list[dict[str, Any]] = [
    {"gen_ai.request.model": "gpt-4o", "a>b": 1, "": "empty", "a": {"b.c": {"d.e": True}}},
    {"gen_ai.request.model": "atlas", "gen_ai": {"request": {"model": "gpt-4o"}}, 'q"': "x"},
    {"gen_ai.request.model": ["gpt-4o", "atlas"], "$.x": 7, "a": [{"b.c": 1}, {}, 5]},
    {"gen_ai.request.model": 41, "a": "text", "tab\t": "y"},
    {"gen_ai.request.model": None},
    {"gen_ai.request.model": 42.5, "a!=b": "z"},
]


EVENTS = [
    an_event(
        NOON + number * MINUTE,
        user_id="u1" if number in (0, 1, 4, 5) else "u2",
        event_type="page_view" if number < 3 else "signup",
        details=details,
        occurred_at="2026-10-31T23:59:59.999Z" if number == 3 else None,
    )
    for number, details in enumerate(DETAILS)
]


def feedback(insights: Insights, *options: str) -> list[str]:
    """Return the user and the message of each matching feedback, oldest first."""
    found = insights("feedback", "--json", *options)
    assert found.exit_code == (0 if found.stdout else 5), found.stderr
    return [f"{line['user_id']}/{line['message_id']}" for line in reversed(found.lines)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # First the filters that are expressions, because other servers get only these.
        (["--rating", "negative", "--where", "rating<=2.5"], "carla/m3 dora/m4"),
        (["--user", "anna"], "anna/m1 anna/m2"),
        (["--user", "ann"], ""),
        (["--user", ""], ""),
        (["--message", "m1"], "anna/m1 ben/m1"),
        (["--rating", "up"], "ben/m1"),
        (["--rating", "5"], "anna/m1"),
        (["--rating", "UP"], ""),
        (["--rating", "positive"], "anna/m1 ben/m1"),
        (["--rating", "negative"], "carla/m3 dora/m4"),
        (["--rating", "unscored"], "anna/m2"),
        (["--user", "anna", "--message", "m1"], "anna/m1"),
        (["--user", "anna", "--rating", "positive", "--since", "2026-11-01T12:01Z"], ""),
        (["--where", "user_id=ben"], "ben/m1"),
        (["--where", "user_id!=anna"], "ben/m1 carla/m3 dora/m4"),
        (["--where", " user_id = ben "], "ben/m1"),
        (["--where", "message_id>m1", "--where", "message_id<m4"], "anna/m2 carla/m3"),
        (["--where", "message_id>=m3"], "carla/m3 dora/m4"),
        (["--where", "message_id<=m1"], "anna/m1 ben/m1"),
        (["--where", "comment~SLOW"], "anna/m1"),
        (["--where", "comment~^very"], "anna/m1"),
        (["--where", "comment~"], "anna/m1 anna/m2 ben/m1 carla/m3"),
        (["--where", "comment=a=b (c)"], "anna/m2"),
        (["--where", "comment="], "ben/m1"),
        (["--where", "comment=42"], "carla/m3"),
        (["--where", "comment=null"], "dora/m4"),
        (["--where", "comment!=null"], "anna/m1 anna/m2 ben/m1 carla/m3"),
        (["--where", "rating>4"], "anna/m1 anna/m2"),
        (["--where", "rating<=2.5"], "carla/m3 dora/m4"),
        (["--where", "rating>=t"], "ben/m1"),
        (["--where", "rating=10"], "anna/m2"),
        (["--where", "timestamp>=2026-11-01T12:03Z"], "carla/m3 dora/m4"),
        (["--where", "timestamp=2026-11-01T13:00+01:00"], "anna/m1"),
        (["--where", "timestamp!=2026-11-01T12:00Z", "--user", "anna"], "anna/m2"),
    ],
)
def test_selects_feedback(
    insights: Insights, empty_database: Database[Document], options: list[str], expected: str
) -> None:
    empty_database.feedback.insert_many(FEEDBACK)

    assert " ".join(feedback(insights, *options)) == expected


@pytest.mark.crossed
@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["reasons=wrong"], "m1 m2"),
        (["reasons=outdated"], "m1"),
        (["reasons=wrong", "reasons=outdated"], "m1"),
        (["reasons=Wrong"], ""),
        (["reasons=wron"], ""),
        (["reasons=5"], "m3"),
        (['reasons="5"'], "m3"),
        (["reasons!=wrong"], "m3 m4"),
        (["reasons!=wrong", "reasons!=null"], "m3"),
        (["reasons=null"], "m4"),
        (["reasons!=null"], "m1 m2 m3"),
        (["reasons~^OUT"], "m1"),
        (["reasons~o"], "m1 m2 m3"),
        (["reasons~^$"], ""),
        (["reasons>v"], "m1 m2"),
        (["reasons<6"], "m3"),
    ],
)
def test_a_condition_on_reasons_holds_if_any_of_them_matches(
    insights: Insights, empty_database: Database[Document], conditions: list[str], expected: str
) -> None:
    given = [["wrong", "outdated"], ["wrong"], ["too short", "5"], None]
    empty_database.feedback.insert_many(
        a_feedback(NOON + number * MINUTE, message_id=f"m{number}", reasons=reasons)
        for number, reasons in enumerate(given, start=1)
    )

    options = [option for each in conditions for option in ("--where", each)]

    found = " ".join(each.removeprefix("u1/") for each in feedback(insights, *options))
    assert found == expected


@pytest.mark.crossed
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("reasons=7", "018"),
        ("reasons!=wrong", "0145678"),
        ("reasons~7", "8"),
        ("reasons>a", "23"),
    ],
)
def test_reasons_of_other_types_are_compared_likewise(
    insights: Insights, empty_database: Database[Document], condition: str, expected: str
) -> None:
    reasons: list[Any] = [7, [7], "wrong", ["wrong"], {"wrong": 7}, [["wrong"]], [], None, "7"]
    empty_database.feedback.insert_many(
        a_feedback(NOON, message_id=str(number)) | {"reasons": each}
        for number, each in enumerate(reasons)
    )

    found = sorted(each.removeprefix("u1/") for each in feedback(insights, "--where", condition))

    assert "".join(found) == expected


@pytest.mark.crossed
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--user", "u2"], [3, 4]),
        (["--event-type", "signup"], [4, 5, 6]),
        (["--event-type", "signup", "--user", "u2"], [4]),
        (["--since", "2026-11-01T12:04Z", "--until", "2026-11-01T12:06Z"], [5, 6]),
        (["--where", "event_type~^sign"], [4, 5, 6]),
        (["--where", "details.page=/dashboard"], [1]),
        (["--where", "details.page!=/dashboard"], [2, 3, 4, 5, 6]),
        (["--where", "details.page~/dash"], [1, 2]),
        (["--where", "details.page>/b"], [1]),
        (["--where", "details.page>/a"], [1, 3]),
        (["--where", "details.page=null"], [4, 5, 6]),
        (["--where", "details.seconds=5"], [1, 3]),
        (["--where", 'details.seconds="5"'], [3]),
        (["--where", "details.seconds=5.0"], [1]),
        (["--where", "details.seconds!=5"], [2, 4, 5, 6]),
        (["--where", "details.seconds>5"], [2]),
        (["--where", "details.seconds>=5"], [1, 2]),
        (["--where", "details.seconds<6"], [1]),
        (["--where", "details.seconds<=7.5"], [1, 2]),
        (["--where", 'details.seconds>"4"'], [3]),
        (["--where", "details.n>=2", "--where", "details.n<4", "--where", "details.n!=3"], [2]),
        (["--where", "details.new=true"], [1, 3]),
        (["--where", 'details.new="true"'], [3]),
        (["--where", "details.new=false"], [2]),
        (["--where", "details.user.plan.name=pro"], [4]),
        (["--where", "details.tags=b"], [4]),
        (["--where", "details.items.id=8"], [5]),
        (["--where", "details.items.0.id=7"], [5]),
        (["--where", "details.items.0.id=8"], []),
        (["--where", "details.$set=d"], [6]),
        (["--where", "details.x y=1"], [6]),
        (["--where", "details.big=9223372036854775807"], [6]),
        (["--where", "details.big>9223372036854775806"], [6]),
        (["--where", "details.big=99999999999999999999"], []),
        (["--where", "details.big<1e999"], []),
        (["--where", "details.page={"], []),
        (["--where", 'details.page={"$ne": 1}'], []),
        (["--where", "details.page=[1]"], []),
        (["--where", "occurred_at=null"], [1, 2, 3, 5, 6]),
        (["--where", "occurred_at!=null"], [4]),
        (["--where", "occurred_at<2026-11-01"], [4]),
        (["--where", "occurred_at=2026-10-31T23:59:59.999Z"], [4]),
        (["--where", "occurred_at>2026-11-01"], []),
    ],
)
def test_selects_events(
    insights: Insights, empty_database: Database[Document], options: list[str], expected: list[int]
) -> None:
    empty_database.analytics.insert_many(EVENTS)

    found = insights("events", "--json", *options)

    assert found.exit_code == (0 if expected else 5), found.stderr
    assert [line["details"]["n"] for line in reversed(found.lines)] == expected


OBJECT_ID = "507f1f77bcf86cd799439011"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("42", ["42", 42, Int64(42), 42.0]),
        ("42.0", [42, Int64(42), 42.0]),
        ("4.5", [4.5]),
        ("-7", [-7]),
        ("9007199254740993", [Int64(9007199254740993)]),
        ("100000000000000000000", [1e20]),
        (OBJECT_ID, [OBJECT_ID, ObjectId(OBJECT_ID)]),
        ("042", ["042"]),
        *((other, []) for other in (" 42", "4_2", "٤٢", "nan", "inf", "sNaN", "1e999", "true")),
    ],
)
@pytest.mark.parametrize("command", ["feedback", "events"])
def test_a_user_may_be_another_programs_number_or_object_id(
    insights: Insights,
    empty_database: Database[Document],
    command: str,
    user: str,
    expected: list[Any],
) -> None:
    stored = ["42", 42, Int64(42), 42.0, 4.5, -7, Int64(9007199254740993), 1e20, "042"]
    stored += [OBJECT_ID, ObjectId(OBJECT_ID), True, None, ["x"], float("nan"), float("inf")]
    collection = empty_database[Kind(command).collection]
    collection.insert_many({"user_id": each, "timestamp": NOON, "rating": 5} for each in stored)

    found = insights(command, "--json", "--user", user)

    users = [str(line["user_id"]) for line in found.lines]
    assert sorted(users) == sorted(map(str, expected)), found.stderr


@pytest.mark.crossed
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('details."gen_ai.request.model"=gpt-4o', [1, 3]),
        ('details."gen_ai.request.model"!=gpt-4o', [2, 4, 5, 6]),
        ('details . "gen_ai.request.model" = gpt-4o', [1, 3]),
        ("details.gen_ai.request.model=gpt-4o", [2]),
        ('details."gen_ai"."request".model=gpt-4o', [2]),
        ('details."gen_ai.request.model"~^GPT', [1, 3]),
        ('details."gen_ai.request.model"~', [1, 2, 3]),
        ('details."gen_ai.request.model">41', [6]),
        ('details."gen_ai.request.model">=41', [4, 6]),
        ('details."gen_ai.request.model"<b', [2, 3]),
        ('details."gen_ai.request.model"=null', [5]),
        ('details."gen_ai.request.model"!=null', [1, 2, 3, 4, 6]),
        ('details."gen_ai.request.model"="41"', []),
        ('details."none.such"=null', [1, 2, 3, 4, 5, 6]),
        ('details.a."b.c"."d.e"=true', [1]),
        ('details.a."b.c"=1', [3]),
        ('details.a."b.c"!=1', [1, 2, 4, 5, 6]),
        ('details.a."b.c"=null', [2, 3, 4, 5, 6]),
        ('details.a."b.c"."d.e"!=true', [2, 3, 4, 5, 6]),
        ('details."a>b"=1', [1]),
        ('details."a>b">0', [1]),
        ('details."a!=b"=z', [6]),
        ('details.""=empty', [1]),
        ('details."q\\""=x', [2]),
        ('details.q"=x', [2]),
        ('details."$.x"=7', [3]),
        ('details."tab\\t"=y', [4]),
    ],
)
def test_a_key_in_quotes_may_have_any_character(
    insights: Insights, empty_database: Database[Document], condition: str, expected: list[int]
) -> None:
    empty_database.analytics.insert_many(
        an_event(NOON + number * MINUTE, details=details | {"n": number})
        for number, details in enumerate(KEYED, start=1)
    )
    found = insights("events", "--json", "--where", condition)

    assert found.stderr == ("" if expected else "insights: nothing matches\n")
    assert sorted(line["details"]["n"] for line in found.lines) == expected


def test_every_column_of_a_flattened_export_is_a_field_of_where(
    insights: Insights, empty_database: Database[Document]
) -> None:
    details = KEYED[0] | KEYED[1] | KEYED[3] | KEYED[5] | {"~": 1, "<": 2, "!": 3, "é": 4, "a b": 5}
    details |= {" ": 6, " c": 7, "d ": 8, "\u3000e": 9}
    empty_database.analytics.insert_many([an_event(NOON, details=details), an_event(NOON)])
    exported = insights("export", "events", "--flatten", "--format", "csv", "--out", "-")
    [names] = csv.reader([exported.stdout.splitlines()[0]])
    columns = [name for name in names if name.startswith("details.")]

    assert len(columns) >= 16
    for column in columns:
        found = insights("events", "--json", "--where", f"{column}!=null")
        assert len(found.lines) == 1, column


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ('details."a\\x"=1', "has a key in quotes that is not a JSON string"),
        ('details."a\\u0000"=1', "has a key with a NUL"),
        ('details."a.b"~(', "the pattern after ~ is not valid"),
        ('user_id."a.b"=1', "unknown field"),
        ('"user_id=1', "unknown field"),
    ],
)
def test_names_the_error_in_a_key(
    insights: Insights, empty_database: Database[Document], condition: str, message: str
) -> None:
    empty_database.analytics.insert_one(an_event(NOON, details={"a.b": "c"}))
    result = insights("events", "--where", condition)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_condition_may_be_relative_to_now(
    insights: Insights, empty_database: Database[Document]
) -> None:
    now = datetime.now(UTC)
    empty_database.analytics.insert_one(
        an_event(now - 2 * HOUR, occurred_at=(now - 9 * HOUR).isoformat())
    )

    assert insights("events", "--where", "timestamp<1h").exit_code == 0
    assert insights("events", "--where", "timestamp<3h").exit_code == 5
    assert insights("events", "--where", "occurred_at>10h").exit_code == 0
    assert insights("events", "--where", "occurred_at>8h").exit_code == 5


@pytest.mark.parametrize("condition", ["", "details.page", "=x", "details.page:x", "~", "  "])
@pytest.mark.parametrize("command", ["feedback", "events"])
def test_explains_the_form_of_a_condition(insights: Insights, command: str, condition: str) -> None:
    result = insights(command, "--where", condition)

    assert result.exit_code == 2
    assert result.stderr == (
        f"insights: --where {condition!r} is not FIELD OPERATOR VALUE, such as "
        "details.page=/dashboard; the operators are =, !=, <, >, <=, >= and ~\n"
    )


FEEDBACK_FIELDS = "message_id, user_id, rating, comment, reasons, timestamp"
EVENT_FIELDS = "user_id, event_type, timestamp, occurred_at, details.NAME"


@pytest.mark.parametrize(
    ("command", "condition", "field", "known"),
    [
        ("feedback", "stars=5", "stars", FEEDBACK_FIELDS),
        ("feedback", "details.page=5", "details.page", FEEDBACK_FIELDS),
        ("feedback", "event_type=5", "event_type", FEEDBACK_FIELDS),
        ("feedback", "$where=1", "$where", FEEDBACK_FIELDS),
        ("feedback", "user_id.x=1", "user_id.x", FEEDBACK_FIELDS),
        ("feedback", "reasons.wrong=1", "reasons.wrong", FEEDBACK_FIELDS),
        ("feedback", "reasons.0=wrong", "reasons.0", FEEDBACK_FIELDS),
        ("events", "rating=5", "rating", EVENT_FIELDS),
        ("events", "page=5", "page", EVENT_FIELDS),
        ("events", "details=5", "details", EVENT_FIELDS),
        ("events", "details.=5", "details.", EVENT_FIELDS),
        ("events", "details..a=5", "details..a", EVENT_FIELDS),
        ("events", "details.a.=5", "details.a.", EVENT_FIELDS),
        ("events", "detailsx.a=5", "detailsx.a", EVENT_FIELDS),
        ("events", "User_id=5", "User_id", EVENT_FIELDS),
    ],
)
def test_names_the_fields_if_one_is_unknown(
    insights: Insights, command: str, condition: str, field: str, known: str
) -> None:
    result = insights(command, "--where", condition)

    assert result.exit_code == 2
    assert result.stderr == (
        f"insights: unknown field {field!r} of {command}: use one of {known}\n"
    )


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("timestamp>soon", "'soon' is not a time"),
        ("occurred_at=x", "'x' is not a time"),
        ("timestamp~2026", "timestamp is a time: ~ works on text only"),
        ("user_id~(", "the pattern after ~ is not valid: "),
        ("details.page~[a", "the pattern after ~ is not valid: "),
        ("details.page~*", "the pattern after ~ is not valid: "),
    ],
)
def test_names_the_error_in_a_value(insights: Insights, condition: str, message: str) -> None:
    result = insights("events", "--where", condition)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"insights: {message}")
    assert result.stderr.count("\n") == 1


def test_suggests_one_equals_sign_for_two(insights: Insights) -> None:
    result = insights("events", "--where", "details.page==/dashboard")

    assert result.exit_code == 2
    assert "use a single =" in result.stderr
