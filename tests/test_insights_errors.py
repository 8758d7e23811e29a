"""Errors of settings and of MongoDB: one line, and an exit code."""

import json
from collections.abc import Iterator

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from local_project.addresses import free_address
from tests.support.documents import NOON, Document, a_feedback
from tests.support.insights_cli import Insights
from tests.support.mongod import Mongod, RunMongod
from tests.support.odd_options import IGNORED, REFUSED, SECRET

COMMANDS = [["feedback"], ["events", "--json"], ["setup"], ["setup", "--dry-run"]]
WRONG_URI = "MONGODB_URI is not a MongoDB connection string"


@pytest.mark.parametrize("command", COMMANDS)
def test_reports_that_no_mongodb_runs(command_line: Insights, command: list[str]) -> None:
    address = free_address()

    result = command_line(*command, MONGODB_URI=f"mongodb://user:secret@localhost:{address.port}/")

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"insights: no MongoDB runs at {address}: `make run` starts one\n"


def test_reports_that_no_mongodb_answers(command_line: Insights) -> None:
    hosts = ",".join(str(free_address()) for _ in range(2))

    result = command_line("feedback", MONGODB_URI=f"mongodb://user:secret@{hosts}/?replicaSet=rs0")

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("insights: no MongoDB answers to MONGODB_URI in time (")
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


def test_reports_a_hung_mongodb(insights: Insights, own_mongod: Mongod) -> None:
    own_mongod.hang()

    results = [
        insights(*command, MONGODB_URI=own_mongod.uri) for command in (["events"], ["setup"])
    ]

    own_mongod.resume()
    for result in results:
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.startswith("insights: no MongoDB answers to MONGODB_URI in time (")


def test_reports_a_mongodb_lost_midway(insights: Insights, own_mongod: Mongod) -> None:
    with MongoClient[Document](own_mongod.uri) as client:
        client[insights.settings["MONGODB_DATABASE"]].feedback.insert_many(
            a_feedback(NOON, comment="x" * 4000) for _ in range(6_000)
        )
    options = ("--json", "--limit", "6000")

    with insights.start("feedback", *options, MONGODB_URI=own_mongod.uri) as process:
        assert process.stdout
        assert process.stdout.readline()
        own_mongod.kill()
        _, stderr = process.communicate()

    assert process.returncode == 3
    assert stderr.startswith("insights: MongoDB stopped answering (")
    assert stderr.count("\n") == 1


@pytest.fixture(scope="module")
def guarded_uri(run_mongod: RunMongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a MongoDB with one user, who may only read the collection `feedback`."""
    folder = tmp_path_factory.mktemp("guarded")
    key = folder / "key"
    key.write_text("a key of the test")
    key.chmod(0o400)
    address = free_address()
    with run_mongod(address, folder / "data", "--auth", "--keyFile", str(key)):
        with MongoClient[Document](f"mongodb://{address}") as client:
            client.admin.command("createUser", "root", pwd="secret", roles=["root"])
        with MongoClient[Document](f"mongodb://root:secret@{address}") as client:
            resource = {"db": "up2d8", "collection": "feedback"}
            privileges = [{"resource": resource, "actions": ["find"]}]
            client.admin.command("createRole", "reader", privileges=privileges, roles=[])
            client.admin.command("createUser", "reader", pwd="secret", roles=["reader"])
            client.up2d8.feedback.insert_one(a_feedback(NOON))
        yield f"mongodb://USER:PASSWORD@{address}/?authSource=admin"


def guarded(uri: str, user: str, password: str) -> dict[str, str]:
    """Return the settings of a user of the guarded MongoDB."""
    uri = uri.replace("USER", user).replace("PASSWORD", password)
    return {"MONGODB_URI": uri, "MONGODB_DATABASE": "up2d8"}


def test_reports_an_unknown_user(insights: Insights, guarded_uri: str) -> None:
    result = insights("feedback", **guarded(guarded_uri, "reader", "wrong_secret"))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "insights: MongoDB refused the operation: Authentication failed.\n"


@pytest.mark.parametrize("command", [["events"], ["setup"]])
def test_reports_missing_privileges(
    insights: Insights, guarded_uri: str, command: list[str]
) -> None:
    settings = guarded(guarded_uri, "reader", "secret")
    assert insights("feedback", **settings).exit_code == 0

    result = insights(*command, **settings)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("insights: MongoDB refused the operation: not authorized on ")
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


@pytest.mark.parametrize("command", [["feedback"], ["export", "feedback", "--out", "a.csv"]])
def test_names_the_setting_of_an_unreadable_collection(
    insights: Insights, guarded_uri: str, command: list[str]
) -> None:
    settings = guarded(guarded_uri, "reader", "secret")
    lookup = {"MESSAGE_LOOKUP": "sessions.messages.message_id"}

    result = insights(*command, "--messages", **settings, **lookup)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "insights: the MongoDB user may not read the collection 'sessions' of MESSAGE_LOOKUP: "
        "give it the role read there\n"
    )
    assert not (insights.folder / "a.csv").exists()


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://",
        "mongodb://user:secret@",
        "mongodb://user:sec/ret@localhost",
        "mongodb://localhost:secret",
        "mongodb://localhost/?tls=true&tlsCAFile=/secret",
        "mongodb+srv://",
    ],
)
def test_reports_a_wrong_connection_string_without_its_value(
    command_line: Insights, uri: str
) -> None:
    result = command_line("feedback", MONGODB_URI=uri)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"insights: {WRONG_URI}\n"


def test_odd_parts_of_the_connection_string_do_not_leak(insights: Insights) -> None:
    uri = insights.settings["MONGODB_URI"] + "/?journal=secret&secret=secret"

    assert insights.run("setup", MONGODB_URI=uri).stderr == ""


@pytest.mark.parametrize("option", IGNORED + REFUSED)
def test_odd_options_of_the_connection_string_do_not_leak(
    insights: Insights, recwarn: pytest.WarningsRecorder, option: str
) -> None:
    result = insights("setup", MONGODB_URI=f"{insights.settings['MONGODB_URI']}/?{option}")

    assert result.stderr == ("" if option in IGNORED else f"insights: {WRONG_URI}\n")
    assert SECRET not in result.stdout
    assert [str(warning.message) for warning in recwarn] == []


def test_reports_a_cluster_unknown_to_dns(insights: Insights) -> None:
    uri = "mongodb+srv://user:secret@cluster.example.invalid"

    result = insights("feedback", MONGODB_URI=uri)

    assert result.exit_code == 3
    assert result.stderr == (
        "insights: DNS has no records for the cluster in MONGODB_URI: check its name\n"
    )


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"MONGODB_URI": ""}, "MONGODB_URI"),
        ({"MONGODB_URI": "localhost:27017"}, "MONGODB_URI"),
        ({"MONGODB_DATABASE": "a/b"}, "MONGODB_DATABASE"),
        ({"FEEDBACK_RATINGS": " , "}, "FEEDBACK_RATINGS"),
        ({"MONGODB_URI": "", "MONGODB_DATABASE": "$"}, "MONGODB_URI, MONGODB_DATABASE"),
    ],
)
def test_names_a_missing_or_wrong_setting(
    command_line: Insights, settings: dict[str, str], name: str
) -> None:
    result = command_line("feedback", **settings)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"insights: missing or wrong setting: {name} (see docs/deployment.md)\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "local.settings.json cannot be read: "),
        ("\udcff", "local.settings.json cannot be read: "),
        ("[]", "local.settings.json must hold a JSON object"),
        ('{"Values": []}', "Values in local.settings.json must be a JSON object"),
        ('{"Values": {"MONGODB_URI": 5}}', "MONGODB_URI in local.settings.json must be a string"),
    ],
)
def test_reports_errors_in_the_settings_file(
    command_line: Insights, content: str, message: str
) -> None:
    file = command_line.folder / "local.settings.json"
    file.write_text(content, encoding="utf-8", errors="surrogateescape")

    result = command_line("feedback")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"insights: {message}")
    assert result.stderr.count("\n") == 1


def test_the_environment_overrides_the_settings_file(
    insights: Insights, empty_database: Database[Document]
) -> None:
    empty_database.feedback.insert_one(a_feedback(NOON, rating="5"))
    values = insights.settings | {"FEEDBACK_RATINGS": "0,10"}
    file = insights.folder / "local.settings.json"
    file.write_text(json.dumps({"Values": values | {"FUNCTIONS_WORKER_RUNTIME": "python"}}))
    neutral = ("feedback", "--rating", "neutral")
    of_the_file = Insights(insights.folder)

    assert of_the_file(*neutral).exit_code == 0
    assert of_the_file(*neutral, FEEDBACK_RATINGS="").exit_code == 0
    assert of_the_file(*neutral, FEEDBACK_RATINGS="1,5").exit_code == 5
    assert of_the_file(*neutral, MONGODB_DATABASE="other").exit_code == 5


def test_reports_an_argument_that_is_not_utf_8(insights: Insights) -> None:
    result = insights("feedback", "--user", "\udcff")

    assert (result.exit_code, result.stderr) == (2, "insights: an argument is not valid UTF-8\n")


def test_a_defect_is_one_line_with_its_location(
    command_line: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defective() -> None:
        raise KeyError("x")

    monkeypatch.setattr("insights.terminal.listing.read_settings", defective)

    result = command_line("feedback")

    assert (result.exit_code, result.stdout) == (70, "")
    assert result.stderr.startswith(
        "insights: internal error, please report it: KeyError at test_insights_errors.py:"
    )
    assert result.stderr.count("\n") == 1
