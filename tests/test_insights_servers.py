"""Every command on every server, against the table in docs/servers.md."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.database import Database

from insights.application import COMMANDS
from insights.figures import ratings
from tests.support.dialects import Dialect
from tests.support.documents import Document, a_feedback, an_event
from tests.support.insights_cli import Insights
from tests.support.project import ROOT

COLUMNS = {
    "MongoDB, Atlas": Dialect.MONGODB,
    "Azure DocumentDB": Dialect.AZURE_DOCUMENTDB,
    "Amazon DocumentDB": Dialect.AMAZON_DOCUMENTDB,
    "Cosmos DB (RU)": Dialect.COSMOS_RU,
}

# Each row of the table, with the commands that must all succeed for a yes.
RUNS = {
    "summary": ["summary --since 30d --json"],
    "journey": ["journey --json", "journey --before-rating 1 --json"],
    "compare": [
        "compare --by details.page --json",
        "compare --by message.model --json",
        "compare --by user.profile.plan --json",
    ],
    "feedback": [
        "feedback --json",
        "feedback --rating negative --user user-1 --json",
        "feedback --where rating>=2 --where comment~slow --json",
    ],
    "events": ["events --json", "events --event-type view --where details.n>1 --json"],
    "user": ["user user-1 --json", "user user-1 --since 7d --until 1d --limit 5"],
    "export": [
        "export feedback --format csv --out -",
        "export events --format jsonl --out -",
        "export events --flatten --format csv --out -",
    ],
    "dashboard": ["dashboard --since 30d --out page.html"],
    "setup": ["setup --dry-run", "setup", "setup"],
    "setup with retention": ["setup"],
    "setup --index details.x": ["setup --index details.n"],
    "doctor": ["doctor --json", "doctor --repair --yes", "doctor"],
    "demo": ["demo --here --users 3 --days 10 --yes"],
    "forget": ["forget user-1 --yes"],
    "opt-out": ["opt-out user-1", "opt-out user-2 --erase --yes"],
    "opt-in": ["opt-out user-1", "opt-in user-1"],
    "opt-outs": ["opt-out user-1", "opt-outs"],
}
LOOKUPS = {"MESSAGE_LOOKUP": "sessions.messages.id", "USER_LOOKUP": "users.profile.id"}
RETENTION = {"FEEDBACK_RETENTION_DAYS": "30", "ANALYTICS_RETENTION_DAYS": "30"}

# `tail` and the functions have their own tests for every dialect.
ELSEWHERE = {"tail", "the functions"}


@pytest.fixture
def stored(empty_database: Database[Document]) -> Database[Document]:
    """Return a database with feedback and events of several days, their messages and users."""
    now = datetime.now(UTC)
    ratings = ["up", "down", "5", "1", "thumbs_down", "  Good ", "odd"]
    for number in range(42):
        time = now - timedelta(hours=7 * number)
        user = f"user-{number % 5}"
        feedback = {"user_id": user, "message_id": f"m{number % 6}-{number}"}
        rating, comment = ratings[number % 7], ["So slow.", "Fine."][number % 2]
        empty_database.feedback.insert_one(
            a_feedback(time, **feedback, rating=rating, comment=comment)
        )
        empty_database.analytics.insert_many(
            an_event(
                time - timedelta(minutes=minutes),
                user_id=user,
                event_type=["view", "click", "search"][(number + minutes) % 3],
                details={"n": number, "page": f"/{minutes}"},
            )
            for minutes in (1, 5, 9, 40)
        )
        message = {"id": f"m{number % 6}-{number}", "model": ["a", "b"][number % 2]}
        empty_database.sessions.insert_one({"messages": [{"id": "other"}, message]})
    profiles = [
        {"id": f"user-{number}", "plan": ["free", "plus"][number % 2]} for number in range(5)
    ]
    empty_database.users.insert_many({"profile": each} for each in profiles)
    return empty_database


def table() -> dict[str, dict[Dialect, str]]:
    """Return the page's claim about each command on each server."""
    page = (ROOT / "docs" / "servers.md").read_text("utf-8")
    [text] = re.findall(r"\n(\| command \|.*?)\n\n", page, re.DOTALL)
    head, _, *rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.split("\n")]
    dialects = [COLUMNS[name] for name in head[1:]]
    return {
        first.replace("`", ""): dict(zip(dialects, cells, strict=True)) for first, *cells in rows
    }


def test_the_table_names_every_command_once() -> None:
    further = {"the functions", "setup with retention", "setup --index details.x"}
    assert set(table()) == {*COMMANDS, *further}
    assert set(table()) == {*RUNS, *ELSEWHERE}


@pytest.mark.crossed
@pytest.mark.dialects
@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("row", RUNS)
def test_works_as_documented(insights: Insights, dialect: Dialect, row: str) -> None:
    settings = LOOKUPS | (RETENTION if "retention" in row else {})
    results = [insights(*command.split(), **settings) for command in RUNS[row]]

    claim = table()[row][dialect]
    if claim.startswith("yes"):
        assert [(each.exit_code, each.stderr) for each in results if each.exit_code] == []
    else:
        assert claim.startswith("no: ")
        assert results[-1].exit_code == 1
        assert re.fullmatch(r"insights: .+; see docs/servers\.md for .+\n", results[-1].stderr)
        assert "None" not in results[-1].stderr


@pytest.mark.crossed
@pytest.mark.dialects
@pytest.mark.lacking(Dialect.MONGODB)
@pytest.mark.parametrize(
    "row", ["summary", "journey", "compare", "feedback", "events", "user", "export"]
)
def test_shows_the_same_as_on_mongodb(
    insights: Insights, stored: Database[Document], mongodb_uri: str, row: str
) -> None:
    def run(uri: str) -> list[str]:
        settings = LOOKUPS | {"MONGODB_URI": uri}
        printed = [insights(*command.split(), **settings).stdout for command in RUNS[row]]
        # The servers are queried one after the other, so their periods differ.
        return [re.sub(r'"(since|until)": "[^"]+"', "", each) for each in printed]

    assert stored.feedback.count_documents({}) == 42
    here, there = run(insights.settings["MONGODB_URI"]), run(mongodb_uri)
    assert here == there
    assert any(here)


NAMES = {
    Dialect.MONGODB: r"MongoDB 6\.0\.5",
    Dialect.AZURE_DOCUMENTDB: r"Azure DocumentDB 0\.108-0",
    Dialect.AMAZON_DOCUMENTDB: r"Amazon DocumentDB 3\.0\.17983",
    Dialect.COSMOS_RU: r"Cosmos DB for MongoDB \(RU\) 6\.0\.5",
}


@pytest.mark.dialects
def test_setup_names_the_server(insights: Insights, dialect: Dialect) -> None:
    first = insights("setup").stdout.split("\n")[0]
    assert re.fullmatch(rf"Connected to {NAMES[dialect]}\.", first)


@pytest.mark.dialects
@pytest.mark.usefixtures("stored")
def test_an_index_of_another_program_is_left_as_it_was(
    insights: Insights, empty_database: Database[Document], dialect: Dialect
) -> None:
    empty_database.feedback.create_index("timestamp")
    result = insights("setup", FEEDBACK_RETENTION_DAYS="30")

    indexes = empty_database.feedback.index_information()
    assert "expireAfterSeconds" not in indexes["timestamp_1"]
    if dialect is Dialect.COSMOS_RU:
        assert "insights_retention" not in indexes
        assert "refused  feedback.insights_retention" in result.stdout
        assert result.exit_code == 1
    else:
        assert indexes["insights_retention"]["expireAfterSeconds"] == 30 * 24 * 60 * 60
        assert result.exit_code == 0


@pytest.mark.dialects(Dialect.AMAZON_DOCUMENTDB)
@pytest.mark.lacking(Dialect.MONGODB)
def test_a_missing_feature_is_reported_in_the_servers_words(
    insights: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratings, "NAME_RATING", {"$facet": {"all": []}})
    result = insights("summary")

    assert result.exit_code == 1
    assert result.stderr == (
        "insights: Amazon DocumentDB 3.0.17983 refused the operation: "
        "Aggregation stage not supported: '$facet'; "
        "see docs/servers.md for Amazon DocumentDB\n"
    )
