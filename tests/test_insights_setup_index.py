"""`insights setup --index`: indexes on fields that the operator chooses."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from pymongo.database import Database

from tests.support.documents import NOON, Document, an_event
from tests.support.insights_cli import Insights

MODEL = "insights_on_details.model"


def chosen(database: Database[Document], collection: str) -> dict[str, list[str]]:
    """Return the fields of the chosen indexes of a collection, by name."""
    return {
        name: [field for field, _ in index["key"]]
        for name, index in database[collection].index_information().items()
        if name.startswith("insights_on_")
    }


def lines(output: str) -> list[str]:
    """Return the lines of an output, without padding."""
    return [" ".join(line.split()) for line in output.splitlines()]


@pytest.mark.parametrize(
    ("fields", "feedback", "analytics"),
    [
        (["details.model"], [], ["details.model"]),
        (["details.a.0.b c", "reasons"], ["reasons"], ["details.a.0.b c"]),
        (['details."model"', " details.model"], [], ["details.model"]),
        (["comment", "occurred_at"], ["comment"], ["occurred_at"]),
        # The indexes of every database begin with these.
        (["user_id", "timestamp", "rating", "message_id", "event_type"], [], []),
    ],
)
def test_creates_an_index_on_each_field(
    insights: Insights,
    empty_database: Database[Document],
    fields: Sequence[str],
    feedback: Sequence[str],
    analytics: Sequence[str],
) -> None:
    result = insights("setup", *(word for field in fields for word in ("--index", field)))

    assert (result.exit_code, result.stderr) == (0, "")
    for collection, paths in (("feedback", feedback), ("analytics", analytics)):
        expected = {f"insights_on_{path}": [path, "timestamp"] for path in paths}
        assert chosen(empty_database, collection) == expected


def test_keeps_the_index_until_it_is_dropped(
    insights: Insights, empty_database: Database[Document]
) -> None:
    shown = f"analytics.{MODEL} details.model, timestamp"
    assert f"created {shown}" in lines(insights("setup", "--index", "details.model").stdout)

    assert f"kept {shown}" in lines(insights("setup").stdout)
    assert f"kept {shown}" in lines(insights("setup", "--index", "details.page").stdout)
    insights("doctor", "--repair", "--yes")
    assert chosen(empty_database, "analytics").keys() == {MODEL, "insights_on_details.page"}

    dropped = insights("setup", "--drop-index", "details.model")

    assert f"removed analytics.{MODEL} no longer needed" in lines(dropped.stdout)
    assert chosen(empty_database, "analytics").keys() == {"insights_on_details.page"}
    again = insights("setup", "--drop-index", "details.model")
    assert (again.exit_code, again.stdout, again.stderr) == (
        2,
        "",
        "insights: --drop-index details.model: there is no index of --index details.model\n",
    )


def test_a_dry_run_shows_what_would_be_created_and_dropped(
    insights: Insights, empty_database: Database[Document]
) -> None:
    insights("setup", "--index", "details.model")

    options = ("--index", "details.page", "--drop-index", "details.model")
    shown = lines(insights("setup", "--dry-run", *options).stdout)

    assert f"would remove analytics.{MODEL} no longer needed" in shown
    page = "would create analytics.insights_on_details.page details.page, timestamp"
    assert page in shown
    assert chosen(empty_database, "analytics").keys() == {MODEL}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--index", 'details."a.b"'], 'no index can have details."a.b": a key is empty, has a'),
        (["--index", "details.$a"], "no index can have details.$a: a key is empty, has a dot or"),
        (["--index", 'details.""'], 'no index can have details."": a key is empty'),
        (["--index", "details"], "unknown field 'details' of feedback: use one of message_id, "),
        (["--index", "message.model"], "--index message.model: message.FIELD and user.FIELD are "),
        (["--index", "user.plan"], "--index user.plan: message.FIELD and user.FIELD are in "),
        (["--drop-index", "plan"], "unknown field 'plan' of feedback: use one of message_id, "),
        (["--index", "comment", "--drop-index", "comment"], "comment cannot be in both --index"),
    ],
)
def test_refuses_fields_that_no_index_can_have(
    command_line: Insights, options: Sequence[str], message: str
) -> None:
    result = command_line("setup", *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"insights: {message}")


@pytest.mark.parametrize(
    "command",
    [
        "events --where details.model=a",
        "events --where details.model=null",
        "events --where details.model>5",
        "events --where details.model=42 --since 2026-11-01",
        "summary --since 2026-11-01 --until 2026-11-03 --where details.model=a",
    ],
)
def test_commands_use_the_index(
    insights: Insights, empty_database: Database[Document], command: str
) -> None:
    values = ["a", "b", ["a", 1], {"a": 1}, None, 42, "x" * 5000]
    details = [{}, *({"model": value} for value in values * 9)]
    empty_database.analytics.insert_many(
        an_event(NOON + timedelta(minutes=number), details=each)
        for number, each in enumerate(details)
    )
    found = insights(*command.split(), "--json").stdout
    assert insights("setup", "--index", "details.model").exit_code == 0
    before = uses(empty_database)

    assert insights(*command.split(), "--json").stdout == found

    assert uses(empty_database) > before


def uses(database: Database[Document]) -> int:
    """Return how often queries have used the index."""
    statistics = database.analytics.aggregate([{"$indexStats": {}}, {"$match": {"name": MODEL}}])
    return sum(int(each["accesses"]["ops"]) for each in statistics)


def test_a_refused_index_leaves_the_others_as_they_are(
    insights: Insights, empty_database: Database[Document]
) -> None:
    for number in range(60):
        empty_database.analytics.create_index(f"details.{number}")

    result = insights("setup", "--index", "details.model")

    assert result.exit_code == 1
    [line] = [each for each in lines(result.stdout) if each.startswith("refused")]
    assert line.startswith(f"refused analytics.{MODEL} add index fails, too many indexes")
    assert result.stderr.startswith("insights: MongoDB 6.0.5 refused 1 of 8 steps")
    assert len(empty_database.analytics.index_information()) == 64
