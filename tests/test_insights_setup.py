"""`insights setup`: indexes, and retention."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import ASCENDING, MongoClient
from pymongo.database import Database

from local_project.addresses import free_address
from tests.support.dialects import Dialect
from tests.support.documents import Document, a_feedback, an_event
from tests.support.insights_cli import Insights
from tests.support.mongod import RunMongod

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

DAY_SECONDS = 86400

CREATED = """\
created  feedback.insights_by_time     timestamp, rating, user_id
created  feedback.insights_by_user     user_id, timestamp
created  feedback.insights_by_message  message_id, timestamp
created  feedback.insights_by_rating   rating, timestamp
created  analytics.insights_by_time    timestamp, event_type, user_id
created  analytics.insights_by_user    user_id, timestamp, _id, event_type
created  analytics.insights_by_type    event_type, timestamp
"""


def indexes(database: Database[Document]) -> dict[str, Any]:
    """Return every index except those on `_id`, by full name."""
    return {
        f"{collection}.{name}": index
        for collection in ("feedback", "analytics")
        for name, index in database[collection].index_information().items()
        if name != "_id_"
    }


def seconds(database: Database[Document]) -> dict[str, int]:
    """Return the TTL indexes with their seconds."""
    return {
        name: index["expireAfterSeconds"]
        for name, index in indexes(database).items()
        if "expireAfterSeconds" in index
    }


def changes(output: str) -> list[str]:
    """Return the output's lines about changed indexes, without padding."""
    lines = (" ".join(line.split()) for line in steps(output))
    return [line for line in lines if not line.startswith("kept")]


def steps(output: str) -> list[str]:
    """Return the lines after the first, which names the server."""
    server, *lines = output.splitlines()
    assert server.startswith("Connected to ")
    return lines


def test_creates_and_lists_the_indexes(
    insights: Insights, empty_database: Database[Document]
) -> None:
    result = insights("setup")

    assert (result.exit_code, result.stderr) == (0, "")
    assert steps(result.stdout) == CREATED.splitlines()
    assert {name: dict(index["key"]) for name, index in indexes(empty_database).items()} == {
        "feedback.insights_by_time": {"timestamp": 1, "rating": 1, "user_id": 1},
        "feedback.insights_by_user": {"user_id": 1, "timestamp": 1},
        "feedback.insights_by_message": {"message_id": 1, "timestamp": 1},
        "feedback.insights_by_rating": {"rating": 1, "timestamp": 1},
        "analytics.insights_by_time": {"timestamp": 1, "event_type": 1, "user_id": 1},
        "analytics.insights_by_user": {"user_id": 1, "timestamp": 1, "_id": 1, "event_type": 1},
        "analytics.insights_by_type": {"event_type": 1, "timestamp": 1},
    }
    assert seconds(empty_database) == {}


def test_a_second_run_changes_nothing(
    insights: Insights, empty_database: Database[Document]
) -> None:
    settings = {"FEEDBACK_RETENTION_DAYS": "30", "ANALYTICS_RETENTION_DAYS": "1"}
    insights("setup", **settings)
    before = indexes(empty_database)

    result = insights("setup", **settings)

    assert (result.exit_code, result.stderr) == (0, "")
    assert changes(result.stdout) == []
    assert len(steps(result.stdout)) == 9
    assert indexes(empty_database) == before


def test_names_the_setting_of_a_retention(
    insights: Insights, empty_database: Database[Document]
) -> None:
    insights("setup")

    result = insights("setup", FEEDBACK_RETENTION_DAYS="30", ANALYTICS_RETENTION_DAYS="1")

    assert changes(result.stdout) == [
        "created feedback.insights_retention deletes after 30 days (FEEDBACK_RETENTION_DAYS)",
        "created analytics.insights_retention deletes after 1 day (ANALYTICS_RETENTION_DAYS)",
    ]
    assert seconds(empty_database) == {
        "feedback.insights_retention": 30 * DAY_SECONDS,
        "analytics.insights_retention": DAY_SECONDS,
    }


def test_changes_a_retention_in_place(
    insights: Insights, empty_database: Database[Document]
) -> None:
    insights("setup", FEEDBACK_RETENTION_DAYS="30", ANALYTICS_RETENTION_DAYS="7")

    result = insights("setup", FEEDBACK_RETENTION_DAYS="365", ANALYTICS_RETENTION_DAYS="7")

    assert changes(result.stdout) == [
        (
            "changed feedback.insights_retention "
            "deletes after 365 days (FEEDBACK_RETENTION_DAYS) instead of 30"
        )
    ]
    assert seconds(empty_database) == {
        "feedback.insights_retention": 365 * DAY_SECONDS,
        "analytics.insights_retention": 7 * DAY_SECONDS,
    }


@pytest.mark.crossed
@pytest.mark.parametrize("value", [{}, {"FEEDBACK_RETENTION_DAYS": ""}])
def test_keeps_a_retention_whose_setting_is_gone(
    insights: Insights, empty_database: Database[Document], value: dict[str, str]
) -> None:
    insights("setup", FEEDBACK_RETENTION_DAYS="30", ANALYTICS_RETENTION_DAYS="7")
    before = indexes(empty_database)

    result = insights("setup", **value, ANALYTICS_RETENTION_DAYS="7")

    assert changes(result.stdout) == []
    [line] = [each for each in steps(result.stdout) if "feedback.insights_retention" in each]
    assert line.endswith(
        "deletes after 30 days, and FEEDBACK_RETENTION_DAYS is not set: --keep-forever removes it"
    )
    assert indexes(empty_database) == before


@pytest.mark.crossed
@pytest.mark.parametrize("value", [{}, {"FEEDBACK_RETENTION_DAYS": ""}])
def test_removes_a_retention_whose_setting_is_gone_to_keep_forever(
    insights: Insights, empty_database: Database[Document], value: dict[str, str]
) -> None:
    insights("setup", FEEDBACK_RETENTION_DAYS="30", ANALYTICS_RETENTION_DAYS="7")

    result = insights("setup", "--keep-forever", **value, ANALYTICS_RETENTION_DAYS="7")

    assert changes(result.stdout) == [
        (
            "removed feedback.insights_retention "
            "FEEDBACK_RETENTION_DAYS is not set: nothing is deleted from now on"
        )
    ]
    assert seconds(empty_database) == {"analytics.insights_retention": 7 * DAY_SECONDS}


def test_a_dry_run_shows_the_steps_and_takes_none(
    insights: Insights, empty_database: Database[Document]
) -> None:
    insights("setup", FEEDBACK_RETENTION_DAYS="30", ANALYTICS_RETENTION_DAYS="7")
    empty_database.feedback.drop_index("insights_by_user")
    before = indexes(empty_database)

    result = insights("setup", "--dry-run", "--keep-forever", FEEDBACK_RETENTION_DAYS="90")

    assert result.exit_code == 0
    assert changes(result.stdout) == [
        "would create feedback.insights_by_user user_id, timestamp",
        (
            "would change feedback.insights_retention "
            "deletes after 90 days (FEEDBACK_RETENTION_DAYS) instead of 30"
        ),
        (
            "would remove analytics.insights_retention "
            "ANALYTICS_RETENTION_DAYS is not set: nothing is deleted from now on"
        ),
    ]
    assert indexes(empty_database) == before


def test_a_dry_run_creates_no_collection(
    insights: Insights, empty_database: Database[Document]
) -> None:
    would_create = CREATED.replace("created", "would create")
    assert steps(insights("setup", "--dry-run").stdout) == would_create.splitlines()
    assert empty_database.list_collection_names() == []


def test_lets_no_index_of_another_program_delete(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.create_index([("timestamp", ASCENDING)], name="own")

    result = insights("setup", FEEDBACK_RETENTION_DAYS="30")

    assert (
        "created feedback.insights_retention deletes after 30 days (FEEDBACK_RETENTION_DAYS)"
    ) in changes(result.stdout)
    assert seconds(empty_database) == {"feedback.insights_retention": 30 * DAY_SECONDS}
    assert changes(insights("setup", FEEDBACK_RETENTION_DAYS="30").stdout) == []
    later = insights("setup", FEEDBACK_RETENTION_DAYS="60")
    assert changes(later.stdout) == [
        (
            "changed feedback.insights_retention "
            "deletes after 60 days (FEEDBACK_RETENTION_DAYS) instead of 30"
        )
    ]


@pytest.mark.crossed
@pytest.mark.parametrize("keep_forever", [(), ("--keep-forever",)])
@pytest.mark.parametrize("days", ["", "30", "180"])
def test_leaves_an_index_alone_by_which_another_program_deletes(
    insights: Insights,
    empty_database: Database[Document],
    keep_forever: tuple[str, ...],
    days: str,
) -> None:
    empty_database.analytics.create_index(
        [("timestamp", ASCENDING)], name="archival", expireAfterSeconds=180 * DAY_SECONDS
    )

    result = insights("setup", *keep_forever, ANALYTICS_RETENTION_DAYS=days)

    ours = {"analytics.insights_retention": 30 * DAY_SECONDS} if days == "30" else {}
    assert result.exit_code == 0
    assert seconds(empty_database) == {"analytics.archival": 180 * DAY_SECONDS} | ours
    [line] = [line for line in steps(result.stdout) if "archival" in line]
    assert line.split(maxsplit=2)[2] == (
        "deletes after 180 days (ANALYTICS_RETENTION_DAYS)"
        if days == "180"
        else "another program's: deletes after 180 days"
    )


@pytest.mark.crossed
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_names_what_no_index_deletes(
    insights: Insights, empty_database: Database[Document], options: tuple[str, ...]
) -> None:
    now = datetime.now(UTC)
    odd: list[object] = [None, "2024-05-06", 7, {}, [], True, ["x"]]
    empty_database.feedback.insert_many(
        a_feedback(now) | {"_id": number, "timestamp": value} for number, value in enumerate(odd)
    )
    # The earliest date of an array is when MongoDB deletes it.
    empty_database.feedback.insert_many(
        [a_feedback(now), a_feedback(now) | {"_id": "array", "timestamp": [now]}]
    )
    empty_database.analytics.insert_one({"_id": {"a": 1}, "user_id": "u1"})
    settings = {"FEEDBACK_RETENTION_DAYS": "30", "ANALYTICS_RETENTION_DAYS": "30"}

    result = insights("setup", *options, **settings)

    assert result.stdout.splitlines()[-2:] == [
        "7 feedback have no date and are never deleted: 0, 1, 2, 3, 4 and 2 more",
        '1 event has no date and is never deleted: {"a": 1}',
    ]


def test_names_nothing_where_nothing_is_deleted(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one({"_id": 1})

    assert "deleted" not in insights("setup").stdout


def test_the_advice_to_run_setup_removes_no_retention(
    insights: Insights, empty_database: Database[Document]
) -> None:
    insights("setup", FEEDBACK_RETENTION_DAYS="30")
    empty_database.feedback.drop_index("insights_by_user")

    insights("setup")
    insights("doctor", "--repair", "--yes")

    assert seconds(empty_database) == {"feedback.insights_retention": 30 * DAY_SECONDS}


def test_leaves_an_operators_other_indexes_alone(
    insights: Insights, empty_database: Database[Document]
) -> None:
    feedback = empty_database.feedback
    feedback.create_index([("timestamp", ASCENDING)], name="own")
    feedback.create_index([("user_id", ASCENDING), ("timestamp", ASCENDING)], name="own_user")
    feedback.create_index([("comment", "text")], name="own_text")
    only_down = {"rating": "down"}
    feedback.create_index(
        [("timestamp", ASCENDING)],
        name="own_partial",
        expireAfterSeconds=5 * DAY_SECONDS,
        partialFilterExpression=only_down,
    )
    before = indexes(empty_database)

    result = insights("setup")

    assert "kept     feedback.own_user" in result.stdout
    assert "feedback.insights_by_user" not in result.stdout
    after = indexes(empty_database)
    assert {name: after[name] for name in before} == before


def test_removes_its_own_obsolete_indexes(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.create_index([("comment", ASCENDING)], name="insights_by_comment")
    empty_database.analytics.create_index([("user_id", ASCENDING)], name="insights_by_time")

    result = insights("setup")

    assert result.exit_code == 0
    removed = [line for line in changes(result.stdout) if line.startswith("removed")]
    assert removed == [
        "removed feedback.insights_by_comment no longer needed",
        "removed analytics.insights_by_time no longer needed",
    ]
    assert len(indexes(empty_database)) == 7


@pytest.mark.parametrize("name", ["FEEDBACK_RETENTION_DAYS", "ANALYTICS_RETENTION_DAYS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "thirty", "30 days", "24856", "9" * 50])
def test_names_a_wrong_retention_and_does_nothing(
    insights: Insights, empty_database: Database[Document], name: str, value: str
) -> None:
    result = insights("setup", **{name: value})

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"insights: missing or wrong setting: {name} (see docs/deployment.md)\n"
    )
    assert empty_database.list_collection_names() == []


def test_accepts_the_longest_retention_of_mongodb(
    insights: Insights, empty_database: Database[Document]
) -> None:
    assert insights("setup", FEEDBACK_RETENTION_DAYS="24855").exit_code == 0
    assert seconds(empty_database) == {"feedback.insights_retention": 24855 * DAY_SECONDS}


@pytest.fixture(scope="module")
def eager_uri(run_mongod: RunMongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a MongoDB that deletes expired documents every second."""
    address, folder = free_address(), tmp_path_factory.mktemp("eager")
    with run_mongod(address, folder, "--setParameter", "ttlMonitorSleepSecs=1"):
        yield f"mongodb://{address}"


def wait_for_two_passes(client: MongoClient[Document]) -> None:
    """Wait until MongoDB has checked all present documents for expiry."""

    def passes() -> int:
        return int(client.admin.command("serverStatus")["metrics"]["ttl"]["passes"])

    first, deadline = passes(), time.monotonic() + 30
    while passes() < first + 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_really_deletes_what_is_older_and_stops_to_keep_forever(
    insights: Insights, eager_uri: str
) -> None:
    now, days = datetime.now(UTC), timedelta(days=1)
    ages = {"fresh": 0 * days, "young": 6 * days, "old": 8 * days}
    with MongoClient[Document](eager_uri) as client:
        # Each dialect begins anew.
        client.drop_database("up2d8")
        database = client.up2d8

        def stored(collection: str) -> set[str]:
            return set(database[collection].distinct("user_id"))

        for name, age in ages.items():
            database.feedback.insert_one(a_feedback(now - age, user_id=name))
            database.analytics.insert_one(an_event(now - age, user_id=name))
        run = {"MONGODB_URI": eager_uri, "MONGODB_DATABASE": "up2d8"}

        insights("setup", **run, ANALYTICS_RETENTION_DAYS="7")
        wait_for_two_passes(client)
        assert stored("analytics") == {"fresh", "young"}
        assert stored("feedback") == set(ages)

        insights("setup", **run, ANALYTICS_RETENTION_DAYS="5", FEEDBACK_RETENTION_DAYS="7")
        wait_for_two_passes(client)
        assert stored("analytics") == {"fresh"}
        assert stored("feedback") == {"fresh", "young"}

        insights("setup", "--keep-forever", **run, FEEDBACK_RETENTION_DAYS="7")
        database.analytics.insert_one(an_event(now - 100 * days, user_id="ancient"))
        wait_for_two_passes(client)
        assert stored("analytics") == {"fresh", "ancient"}


# Needs its own MongoDB, which deletes every second.
@pytest.mark.lacking(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)
def test_a_first_retention_deletes_beside_an_index_of_another_program(
    insights: Insights, eager_uri: str
) -> None:
    with MongoClient[Document](eager_uri) as client:
        collection = client.own.feedback
        collection.create_index("timestamp")
        collection.insert_one(a_feedback(datetime.now(UTC) - timedelta(days=3)))
        wait_for_two_passes(client)
        assert collection.count_documents({}) == 1

        run = {"MONGODB_URI": eager_uri, "MONGODB_DATABASE": "own"}
        assert insights("setup", **run, FEEDBACK_RETENTION_DAYS="2").exit_code == 0
        wait_for_two_passes(client)
        assert collection.count_documents({}) == 0
