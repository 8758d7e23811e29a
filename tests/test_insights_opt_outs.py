"""`insights opt-out`, `opt-in` and `opt-outs`, and their effect on the function."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.database import Database

from analytics_function import opt_outs
from insights.terminal.program import program_anywhere
from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.functions import EVENT, Post, body_of
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

# In an empty folder, the program is given by its full path.
PROGRAM = program_anywhere()

OPTED_OUT = {"message": "Event not logged: the user opted out of analytics."}
LOGGED = {"message": "Event logged."}

IS_OPTED_OUT = "u1 is opted out: the functions stop storing events within a minute.\n"
AGAIN = (
    "Events may still be stored for a minute after the opt-out: "
    f"run `{PROGRAM} forget u1` again after that.\n"
)


async def test_the_function_respects_an_opt_out(
    insights: Insights, fresh_database: Database[Document], post: Post
) -> None:
    assert body_of(await post("analytics", EVENT)) == LOGGED

    assert insights("opt-out", "u1").exit_code == 0
    opt_outs.cached_answers.clear()
    response = await post("analytics", EVENT)
    assert (response.status_code, body_of(response)) == (202, OPTED_OUT)
    assert fresh_database.analytics.count_documents({}) == 1

    assert insights("opt-in", "u1").exit_code == 0
    opt_outs.cached_answers.clear()
    assert body_of(await post("analytics", EVENT)) == LOGGED
    assert fresh_database.analytics.count_documents({}) == 2


async def test_events_stored_before_the_opt_out_took_effect_are_erased_again(
    insights: Insights, fresh_database: Database[Document], post: Post
) -> None:
    await post("analytics", EVENT)

    assert insights("opt-out", "u1", "--erase", "--yes").stdout == (
        f"{IS_OPTED_OUT}Erased 0 feedback and 1 event of u1.\n{AGAIN}"
    )
    # The function has cached the user's state.
    assert body_of(await post("analytics", EVENT)) == LOGGED
    opt_outs.cached_answers.clear()
    assert body_of(await post("analytics", EVENT)) == OPTED_OUT
    assert insights("forget", "u1", "--yes").stdout == (
        f"Erased 0 feedback and 1 event of u1.\n{AGAIN}"
    )
    assert fresh_database.analytics.count_documents({}) == 0


def test_opt_out_reports_its_effect(insights: Insights, empty_database: Database[Document]) -> None:
    before = datetime.now(UTC)

    result = insights("opt-out", "u1")

    assert (result.exit_code, result.stdout, result.stderr) == (0, IS_OPTED_OUT, "")
    [opt_out] = empty_database.opt_outs.find()
    assert opt_out.keys() == {"_id", "timestamp"}
    assert opt_out["_id"] == "u1"
    assert abs(opt_out["timestamp"] - before) < timedelta(minutes=1)


def test_a_second_opt_out_keeps_the_first_time(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.opt_outs.insert_one({"_id": "u1", "timestamp": NOON})

    result = insights("opt-out", "u1")

    assert (result.exit_code, result.stdout) == (
        0,
        "u1 was already opted out, since 2026-11-01 12:00 UTC.\n",
    )
    assert list(empty_database.opt_outs.find()) == [{"_id": "u1", "timestamp": NOON}]


def test_opt_out_reports_remaining_documents(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON))
    empty_database.analytics.insert_one(an_event(NOON))

    assert insights("opt-out", "u1").stdout == (
        f"{IS_OPTED_OUT}Kept 1 feedback and 1 event stored earlier: to erase them, run "
        f"`{PROGRAM} opt-out --erase u1`.\n"
    )
    assert empty_database.feedback.count_documents({}) == 1
    assert empty_database.analytics.count_documents({}) == 1


def test_erase_asks_first(insights: Insights, empty_database: Database[Document]) -> None:
    empty_database.analytics.insert_one(an_event(NOON))

    result = insights("opt-out", "u1", "--erase", answer="n\n")

    assert result.exit_code == 1
    assert result.stderr == (
        "Opt u1 out, and erase 0 feedback and 1 event? [y/n] (n): insights: nothing was done\n"
    )
    assert empty_database.analytics.count_documents({}) == 1
    assert empty_database.opt_outs.count_documents({}) == 0


def test_erase_erases_after_a_yes(insights: Insights, empty_database: Database[Document]) -> None:
    empty_database.feedback.insert_many([a_feedback(NOON), a_feedback(NOON, user_id="u2")])
    empty_database.analytics.insert_many([an_event(NOON), an_event(NOON, user_id="u2")])

    result = insights("opt-out", "u1", "--erase", answer="y\n")

    assert result.stdout == f"{IS_OPTED_OUT}Erased 1 feedback and 1 event of u1.\n{AGAIN}"
    assert empty_database.feedback.distinct("user_id") == ["u2"]
    assert empty_database.analytics.distinct("user_id") == ["u2"]
    assert empty_database.opt_outs.distinct("_id") == ["u1"]


def test_erase_does_not_ask_if_nothing_is_stored(
    insights: Insights, empty_database: Database[Document]
) -> None:
    result = insights("opt-out", "u1", "--erase")

    assert (result.exit_code, result.stderr) == (0, "")
    assert empty_database.opt_outs.distinct("_id") == ["u1"]


def test_opt_in_reports_its_effect(insights: Insights, empty_database: Database[Document]) -> None:
    empty_database.opt_outs.insert_many([{"_id": "u1"}, {"_id": "u2"}])

    assert insights("opt-in", "u1").stdout == (
        "u1 is opted in: the functions store events again within a minute.\n"
    )
    assert insights("opt-in", "u1").stdout == "u1 was not opted out.\n"
    assert empty_database.opt_outs.distinct("_id") == ["u2"]


def test_opt_out_names_other_possible_ids(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.analytics.insert_many({"user_id": user} for user in [42, "42\t"])

    assert insights("opt-out", "42", "--erase", "--yes").stdout.startswith(
        "1 event is stored under the number 42.\n"
        "Similar ids are stored but not opted out: \"42 \" ('42\\t').\n"
        "42 is opted out: the functions stop storing events within a minute.\n"
        "Erased 0 feedback and 1 event of 42.\n"
    )
    assert empty_database.analytics.distinct("user_id") == ["42\t"]
    assert empty_database.opt_outs.distinct("_id") == ["42"]


def test_an_opt_out_under_a_number_is_ignored_as_in_the_functions(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.opt_outs.insert_many([{"_id": 42}, {"_id": 43}])

    assert insights("opt-out", "42").stdout.startswith("42 is opted out: the functions")
    assert insights("opt-in", "42").stdout.startswith("42 is opted in")
    assert insights("opt-in", "42").stdout == "42 was not opted out.\n"
    assert empty_database.opt_outs.distinct("_id") == [43]


def test_opt_outs_are_listed_newest_first(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.opt_outs.insert_many(
        [
            {"_id": "u1", "timestamp": NOON},
            {"_id": "u\x1b[31m2", "timestamp": NOON + timedelta(days=1)},
        ]
    )

    assert re.sub(" +", " ", insights("opt-outs").stdout) == (
        "User Since (UTC)\nu\N{REPLACEMENT CHARACTER}[31m2 2026-11-02 12:00\nu1 2026-11-01 12:00\n"
    )
    assert insights("opt-outs", "--json").stdout == (
        '{"_id": "u\\u001b[31m2", "timestamp": "2026-11-02T12:00:00.000Z"}\n'
        '{"_id": "u1", "timestamp": "2026-11-01T12:00:00.000Z"}\n'
    )


def test_an_opt_out_without_a_time_is_valid(
    insights: Insights, empty_database: Database[Document]
) -> None:
    # The function needs only the `_id`.
    empty_database.opt_outs.insert_one({"_id": "u1"})

    assert insights("opt-outs").stdout.split() == ["User", "Since", "(UTC)", "u1"]
    assert insights("opt-out", "u1").stdout == "u1 was already opted out.\n"


def test_an_opt_out_with_another_type_of_time_is_valid(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.opt_outs.insert_one({"_id": "u1", "timestamp": "yesterday"})

    assert insights("opt-outs").stdout.splitlines()[1] == "u1    yesterday"
    assert insights("opt-out", "u1").stdout.startswith("u1 was already opted out, since yesterday")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_opt_outs_are_no_data(insights: Insights, options: tuple[str, ...]) -> None:
    result = insights("opt-outs", *options)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "insights: no opt-outs yet\n"
