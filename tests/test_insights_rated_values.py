"""The values that ratings are compared by, as other programs may have stored them."""

from datetime import timedelta
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS
from pymongo.database import Database

from insights.queries import rated_values
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = [pytest.mark.dialects, pytest.mark.crossed]

PERIOD = ("--since", "2026-11-01", "--until", "2026-11-02")
MINUTE = timedelta(minutes=1)
OID = ObjectId("5f5e10000000000000000001")


def values(insights: Insights, by: str, *options: str, **settings: str) -> Any:
    """Return the number of ratings of each value, and None for those without."""
    result = insights("compare", "--by", by, *PERIOD, *options, "--json", **settings)
    if result.exit_code == 5:
        return {}
    assert (result.exit_code, result.stderr) == (0, "")
    [found] = result.lines
    without = {None: found["without_value"]} if found["without_value"] else {}
    return {each["value"]: each["ratings"] for each in found["values"]} | without


def rate(database: Database[Document], *ratings: Document) -> None:
    """Store ratings of noon, with these fields instead."""
    database.feedback.insert_many(a_feedback(NOON) | {"_id": ObjectId()} | each for each in ratings)


def rate_messages(database: Database[Document], *messages: object) -> None:
    """Store a rating of each message."""
    rate(database, *({"message_id": each} for each in messages))


@pytest.mark.parametrize(
    ("lookup", "stored"),
    [
        ("messages.message_id", {"message_id": "m1", "model": "a"}),
        ("messages._id", {"_id": "m1", "model": "a"}),
        ("messages.meta.id", {"meta": {"id": "m1", "model": "a"}}),
        ("messages.meta.id", {"meta": {"id": "m1"}, "model": "a"}),
        ("messages.ids", {"ids": ["m1", "m0"], "model": "a"}),
        ("messages.list.id", {"list": [{"id": "m0", "model": "b"}, {"id": "m1", "model": "a"}]}),
        ("messages.list.id", {"list": [{"id": "m1"}], "model": "a"}),
        ("messages.list.id", {"list": [{"id": "m1", "model": None}], "model": "a"}),
        ("messages.list.id", {"list": [{"id": "m1", "model": "a"}, "odd", None], "model": "b"}),
        (
            "messages.turns.list.id",
            {
                "turns": [
                    {"list": [{"id": "m0", "model": "b"}], "model": "c"},
                    {"list": [{"id": "m1", "model": "a"}, {"id": "m2", "model": "b"}]},
                ]
            },
        ),
        ("messages.turns.list.id", {"turns": [{"list": [{"id": "m1"}], "model": "a"}]}),
        ("messages.turns.list.id", {"turns": {"list": {"id": "m1"}}, "model": "a"}),
    ],
)
def test_the_value_is_beside_the_id_or_around_it(
    insights: Insights, empty_database: Database[Document], lookup: str, stored: Document
) -> None:
    empty_database.messages.insert_one(stored)
    rate_messages(empty_database, "m1", "unknown")

    assert values(insights, "message.model", MESSAGE_LOOKUP=lookup) == {"a": 1, None: 1}


@pytest.mark.parametrize(
    ("by", "record"),
    [
        ("message.a.b", {"a": {"b": "x"}}),
        ('message."a.b"', {"a.b": "x"}),
        ('message.a."b.c".d', {"a": {"b.c": {"d": "x"}}}),
        ('message.""', {"": "x"}),
        ("message.$a", {"$a": "x"}),
        ("message.a.$b", {"a": {"$b": "x"}}),
        ("message.a b", {"a b": "x"}),
    ],
)
@pytest.mark.parametrize("lookup", ["messages.id", "messages.list.id"])
def test_any_key_can_be_named(
    insights: Insights, empty_database: Database[Document], by: str, record: Document, lookup: str
) -> None:
    stored = record | {"id": "m1"}
    document = stored if lookup == "messages.id" else {"list": [{"id": "m0"}, stored]}
    empty_database.messages.insert_one(document)
    rate_messages(empty_database, "m1")

    assert values(insights, by, MESSAGE_LOOKUP=lookup) == {"x": 1}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("message.id", {"m1": 1}),
        ("message.id.x", {}),
        ("message.list", {'{"id": "m1"}': 1}),
        ("message.list.id", {"m1": 1}),
    ],
)
def test_the_path_of_the_id_can_be_named_too(
    insights: Insights, empty_database: Database[Document], by: str, expected: Document
) -> None:
    empty_database.messages.insert_one({"list": [{"id": "m0"}, {"id": "m1"}]})
    rate_messages(empty_database, "m1")

    assert values(insights, by, MESSAGE_LOOKUP="messages.list.id") == expected


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([1, 1.0, Int64(1), "1", Decimal128("1")], {"1": 5}),
        ([1.5, True, False], {"1.5": 1, "true": 1, "false": 1}),
        ([NOON, OID], {"2026-11-01T12:00:00.000Z": 1, str(OID): 1}),
        (["", " ", None], {"": 1, " ": 1, None: 1}),
        ([["a", "b"], {"a": 1}], {'["a", "b"]': 1, '{"a": 1}': 1}),
        ([DatetimeMS(10**15)], {"+033658-09-27T01:46:40.000Z": 1}),
    ],
)
def test_values_are_compared_as_text(
    insights: Insights, empty_database: Database[Document], stored: list[Any], expected: Document
) -> None:
    ids = [f"m{number}" for number in range(len(stored))]
    messages = [{"id": id_, "x": value} for id_, value in zip(ids, stored, strict=True)]
    empty_database.sessions.insert_one({"messages": messages})
    rate_messages(empty_database, *ids)

    assert values(insights, "message.x", MESSAGE_LOOKUP="sessions.messages.id") == expected


def test_ids_match_whatever_their_type(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.messages.insert_many(
        [{"_id": OID, "model": "a"}, {"_id": 42, "model": "b"}, {"_id": "7", "model": "c"}]
    )
    rate_messages(empty_database, OID, str(OID), "42", 42.0, 7, "7", None, ["7"], {"a": 1})

    found = values(insights, "message.model", MESSAGE_LOOKUP="messages._id")

    assert found == {"a": 2, "b": 2, "c": 2, None: 3}


def test_users_are_looked_up_likewise(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.users.insert_many(
        [
            {"_id": OID, "plan": "free", "billing": {"cycle": "month"}},
            {"_id": "u2", "plan": "plus", "billing": [{"cycle": "a"}]},
        ]
    )
    rate(
        empty_database,
        *({"user_id": user} for user in (OID, str(OID), "u2", "u2", "u3", None, ["u2"])),
    )

    assert values(insights, "user.plan", USER_LOOKUP="users._id") == {
        "free": 2,
        "plus": 2,
        None: 3,
    }
    by_cycle = values(insights, "user.billing.cycle", USER_LOOKUP="users._id")
    assert by_cycle == {"month": 2, '["a"]': 2, None: 3}


def test_only_scored_ratings_count(insights: Insights, empty_database: Database[Document]) -> None:
    empty_database.users.insert_one({"_id": "u1", "plan": "free"})
    rate(empty_database, *({"rating": each} for each in ("up", "3", "odd", None, ["up"])))

    assert values(insights, "user.plan", USER_LOOKUP="users._id") == {"free": 2}


def store_events(database: Database[Document], *events: tuple[object, object, Document]) -> None:
    """Store events of a user, some minutes after noon, with these details."""
    for user, minutes, details in events:
        time = NOON + minutes * MINUTE if isinstance(minutes, int) else minutes
        event = an_event(NOON) | {"_id": ObjectId(), "user_id": user, "details": details}
        database.analytics.insert_one(event | {"timestamp": time})


def test_details_are_those_of_the_last_event_before_that_has_them(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_events(
        empty_database,
        ("u1", -60 * 24 * 90, {"page": "/a"}),
        ("u1", -1, {"other": 1}),
        ("u2", -3, {"page": "/b"}),
        ("u2", -2, {"page": "/a"}),
        ("u2", -1, {"page": None}),
        ("u3", -1, {"page": "/c"}),
        # Not before the rating.
        ("u3", 0, {"page": "/d"}),
        ("u4", 1, {"page": "/d"}),
        ("u5", -2, {"page": "/a"}),
        ("u5", -1, {"page": ["/a", "/b"]}),
    )
    rate(empty_database, *({"user_id": f"u{number}"} for number in range(1, 6)))

    expected = {"/a": 2, "/c": 1, '["/a", "/b"]': 1, None: 1}
    assert values(insights, "details.page") == expected


def test_each_rating_has_its_own_last_event(
    insights: Insights, empty_database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rated_values, "BATCH", 3)
    pages = ["/a", "/a", "/b", "/a", "/b", "/b", "/c"]
    store_events(
        empty_database, *(("u1", minute * 10, {"page": page}) for minute, page in enumerate(pages))
    )
    rate(
        empty_database,
        *({"user_id": "u1", "timestamp": NOON + (10 * minute + 5) * MINUTE} for minute in range(7)),
        {"user_id": "u1"},
        {"user_id": "u2"},
    )

    assert values(insights, "details.page") == {"/a": 3, "/b": 3, "/c": 1, None: 2}


def test_filters_say_which_events_count(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_events(empty_database, ("u1", -2, {"page": "/a"}), ("u1", -1, {"page": "/b"}))
    empty_database.analytics.update_one(
        {"details.page": "/a"}, {"$set": {"event_type": "answer_shown"}}
    )
    rate(empty_database, {})

    assert values(insights, "details.page", "--event-type", "answer_shown") == {"/a": 1}
    assert values(insights, "details.page", "--where", "details.page!=/b") == {"/a": 1}
    assert values(insights, "details.page") == {"/b": 1}


@pytest.mark.parametrize("by", ['details."a.b"', 'details.o."a.b".c', "details.$a"])
def test_details_may_have_any_key(
    insights: Insights, empty_database: Database[Document], by: str
) -> None:
    details = {"a.b": "x", "o": {"a.b": {"c": "x"}}, "$a": "x"}
    store_events(empty_database, ("u1", -1, details), ("u2", -1, {"a": {"b": "y"}}))
    rate(empty_database, {}, {"user_id": "u2"})

    assert values(insights, by) == {"x": 1, None: 1}


def test_events_of_other_programs_end_nothing(
    insights: Insights, empty_database: Database[Document]
) -> None:
    store_events(
        empty_database,
        ("u1", -5, {"page": "/a"}),
        ("u1", [NOON - MINUTE], {"page": "/b"}),
        ("u1", DatetimeMS(-(10**15)), {"page": "/b"}),
        ("u1", "2026-11-01", {"page": "/b"}),
        (["u1"], -1, {"page": "/b"}),
        (42, -3, {"page": "/c"}),
        ("42", -2, {"page": "/d"}),
    )
    empty_database.analytics.insert_many(
        [{"user_id": "u1", "timestamp": NOON - MINUTE, "details": each} for each in ("x", None, 7)]
    )
    rate(empty_database, {}, {"user_id": "42"}, {"user_id": ["u1"]}, {"user_id": {"a": 1}})

    assert values(insights, "details.page") == {"/a": 1, "/d": 1, None: 2}
