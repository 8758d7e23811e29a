"""The filter options that all commands share, and the users of SYSTEM_USERS."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from tests.support.dialects import Dialect
from tests.support.documents import NOON, Document, a_feedback, an_event
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
PERIOD = ("--since", "2026-11-01", "--until", "2026-11-02")
OID = ObjectId("6b097cd1e09ad560a17878f6")

# Two users, the application's jobs under two ids, and a user with a number.
FEEDBACK = [
    a_feedback(NOON, user_id="anna", rating="up", comment="Fast"),
    a_feedback(NOON + MINUTE, user_id="anna", rating="down", comment="Slow"),
    a_feedback(NOON + 2 * MINUTE, user_id="ben", rating="down", comment="Slow"),
    a_feedback(NOON + 3 * MINUTE, user_id="system", rating="down", comment="Slow"),
    a_feedback(NOON + 4 * MINUTE, user_id="42", rating="up") | {"user_id": 42},
]
EVENTS = [
    an_event(NOON - MINUTE, user_id="anna", event_type="search", details={"gen_ai.model": "a"}),
    an_event(NOON - MINUTE, user_id="anna", event_type="page_view", details={"gen_ai.model": "b"}),
    an_event(NOON - MINUTE, user_id="ben", event_type="search"),
    *(an_event(NOON, user_id="system", event_type="job_done") for _ in range(3)),
    an_event(NOON, user_id="jobs", event_type="job_done") | {"user_id": OID},
]
SYSTEM = {"SYSTEM_USERS": f"system,{OID}"}


@pytest.fixture(autouse=True)
def stored(empty_database: Database[Document]) -> None:
    """Store the feedback and the events."""
    empty_database.feedback.insert_many(FEEDBACK)
    empty_database.analytics.insert_many(EVENTS)


def counts(insights: Insights, *options: str, **environment: str) -> tuple[int, int]:
    """Return how much feedback and how many events `summary` counts."""
    [found] = insights("summary", *PERIOD, *options, "--json", **environment).lines
    return found["feedback"]["count"], found["events"]["count"]


NEGATIVE_SEARCHES = ["--not-user", "ben", "--rating", "negative", "--event-type", "search"]
CONDITIONS = ["--where", "comment~slow", "--where", 'details."gen_ai.model"=a']

# Most kinds of filters at once come first, because other servers get only that.
OPTIONS: list[tuple[list[str], tuple[int, int]]] = [
    ([*NEGATIVE_SEARCHES, *CONDITIONS], (2, 1)),
    ([], (5, 7)),
    (["--user", "anna"], (2, 2)),
    (["--user", "42"], (1, 0)),
    (["--not-user", "anna"], (3, 5)),
    (["--not-user", "anna", "--not-user", "42"], (2, 5)),
    (["--not-user", str(OID)], (5, 6)),
    (["--rating", "negative"], (3, 7)),
    (["--rating", "up"], (2, 7)),
    (["--event-type", "search"], (5, 2)),
    (["--where", "comment=Slow"], (3, 7)),
    (["--where", "user_id!=anna"], (3, 5)),
    (["--where", 'details."gen_ai.model"=a'], (5, 1)),
]


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_summary_counts_what_the_options_select(
    insights: Insights, options: list[str], expected: tuple[int, int]
) -> None:
    assert counts(insights, *options) == expected


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_exports_have_what_the_options_select(
    insights: Insights, options: list[str], expected: tuple[int, int]
) -> None:
    for kind, count in zip(("feedback", "events"), expected, strict=True):
        given = [*applicable(kind, options)]
        result = insights("export", kind, "--format", "jsonl", "--out", "-", *given)
        assert len(result.lines) == (count if given else len(stored_of(kind))), result.stderr


def stored_of(kind: str) -> list[Document]:
    """Return the stored documents of a kind."""
    return FEEDBACK if kind == "feedback" else EVENTS


def applicable(kind: str, options: list[str]) -> Iterator[str]:
    """Yield the options that apply to a kind; the others are errors for one."""
    foreign = {"feedback": ("--event-type", "details"), "events": ("--rating", "comment")}[kind]
    for option, value in zip(options[::2], options[1::2], strict=True):
        if not option.startswith(foreign) and not value.startswith(foreign):
            yield from (option, value)


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_lists_have_what_the_options_select(
    insights: Insights, options: list[str], expected: tuple[int, int]
) -> None:
    for kind, count in zip(("feedback", "events"), expected, strict=True):
        result = insights(kind, "--json", *applicable(kind, options))
        assert len(result.lines) == count


@pytest.mark.parametrize(
    ("options", "ratings", "with_events"),
    [
        (["--where", "comment=Slow", "--event-type", "page_view"], 3, 1),
        ([], 3, 3),
        (["--user", "anna"], 1, 1),
        (["--not-user", "ben"], 2, 2),
        (["--rating", "down"], 3, 3),
        (["--where", "details.x=1"], 3, 0),
    ],
)
def test_journeys_are_of_what_the_options_select(
    insights: Insights, options: list[str], ratings: int, with_events: int
) -> None:
    [found] = insights("journey", *PERIOD, *options, "--json").lines

    assert (found["ratings"], found["ratings"] - found["without_events"]) == (ratings, with_events)


def test_the_dashboard_shows_what_the_options_select(insights: Insights) -> None:
    result = insights(
        "dashboard", *PERIOD, "--user", "anna", "--where", "comment=<b>", "--out", "-"
    )

    assert result.exit_code == 0, result.stderr
    assert (
        "filtered by <code>--user anna --where &#39;comment=&lt;b&gt;&#39;</code>" in result.stdout
    )
    assert '<dt>Feedback</dt><dd class="value">0</dd>' in result.stdout
    assert '<dt>Events</dt><dd class="value">2</dd>' in result.stdout


def test_the_summary_names_its_filters(insights: Insights) -> None:
    options = ("--user", "anna", "--not-user", "a b", "--where", "comment=\x1b[31m")
    shown = insights("summary", *PERIOD, *options)

    assert (
        "Filtered by --user anna --not-user 'a b' --where 'comment=\N{REPLACEMENT CHARACTER}[31m'."
    ) in shown.stdout.splitlines()
    assert "Filtered" not in insights("summary", *PERIOD).stdout


@pytest.mark.parametrize("command", ["summary", "journey", "compare --by user.plan"])
def test_figures_name_their_filters(
    insights: Insights, empty_database: Database[Document], command: str
) -> None:
    empty_database.users.insert_one({"_id": "anna", "plan": "free"})
    options = (*command.split(), *PERIOD, "--user", "anna")

    shown = insights(*options, USER_LOOKUP="users._id")
    assert "Filtered by --user anna." in shown.stdout.splitlines()
    [found] = insights(*options, "--json", USER_LOOKUP="users._id").lines
    assert found["filters"] == "--user anna"


def test_system_users_are_left_out_and_counted(insights: Insights) -> None:
    assert counts(insights, **SYSTEM) == (4, 3)
    assert counts(insights, "--include-system", **SYSTEM) == (5, 7)
    assert counts(insights, "--user", "system", **SYSTEM) == (1, 3)

    shown = insights("summary", *PERIOD, **SYSTEM).stdout
    assert "1 feedback is of a system user and is left out." in shown
    assert "4 events are of system users and are left out." in shown
    with_them = insights("summary", *PERIOD, "--include-system", **SYSTEM).stdout
    assert "system user" not in with_them


def test_only_what_the_options_select_counts_as_left_out(insights: Insights) -> None:
    shown = insights("summary", *PERIOD, "--rating", "up", "--event-type", "search", **SYSTEM)

    assert "system user" not in shown.stdout


def test_journeys_leave_system_users_out(insights: Insights) -> None:
    [found] = insights("journey", *PERIOD, "--json", **SYSTEM).lines

    assert found["ratings"] == 2
    left_out = {(each["kind"], each["reason"]): each["count"] for each in found["left_out"]}
    assert left_out == {("feedback", "system_user"): 1, ("events", "system_user"): 4}


@pytest.mark.parametrize("kind", ["feedback", "events"])
def test_lists_and_exports_leave_system_users_out(insights: Insights, kind: str) -> None:
    left_out = {"feedback": "1 feedback is of a system user", "events": "4 events are of system"}
    shown, expected = left_out[kind], len(stored_of(kind)) - int(left_out[kind][0])
    for command in ([kind, "--json"], ["export", kind, "--format", "jsonl", "--out", "-"]):
        result = insights(*command, **SYSTEM)
        assert len(result.lines) == expected
        assert shown in result.stderr
        everyone = insights(*command, "--include-system", **SYSTEM)
        assert len(everyone.lines) == len(stored_of(kind))
        assert "system user" not in everyone.stderr


def test_the_dashboard_leaves_system_users_out(insights: Insights, tmp_path: Path) -> None:
    insights("dashboard", *PERIOD, "--out", "page.html", **SYSTEM)
    page = (tmp_path / "page.html").read_text("utf-8")

    assert '<dt>Events</dt><dd class="value">3</dd>' in page
    assert "4 events are of system users and are left out." in page
    assert "job_done" not in page


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("summary", ["--where", "stars=5"], "unknown field 'stars' of feedback"),
        ("summary", ["--where", "stars"], "is not FIELD OPERATOR VALUE"),
        ("journey", ["--where", "timestamp>soon"], "'soon' is not a time"),
        ("dashboard", ["--where", "details=1"], "unknown field 'details' of events"),
        ("feedback", ["--event-type", "x"], "--event-type"),
        ("export", ["events", "--rating", "up", "--out", "x.csv"], "--rating cannot be used"),
    ],
)
def test_an_option_that_selects_nothing_is_refused(
    insights: Insights, command: str, options: list[str], message: str
) -> None:
    result = insights(command, *options)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_json_has_the_filters(insights: Insights) -> None:
    found: Any = json.loads(insights("summary", *PERIOD, "--user", "anna", "--json").stdout)

    assert found["filters"] == "--user anna"


@pytest.mark.parametrize(("command", "code"), [("summary", 5), ("dashboard", 0)])
def test_says_that_nothing_matches_rather_than_that_there_is_nothing(
    insights: Insights, command: str, code: int
) -> None:
    result = insights(command, *PERIOD, "--user", "nobody")
    compared = insights("compare", "--by", "details.x", *PERIOD, "--user", "nobody")

    assert result.exit_code == code
    assert result.stderr == (
        "insights: no feedback and no events match --user nobody "
        "from 1 Nov 2026 00:00 to 2 Nov 2026 00:00 UTC\n"
    )
    assert compared.stderr == (
        "insights: There are no scored ratings in this period that match --user nobody\n"
    )


def test_a_journey_names_the_filters_that_no_rating_matches(insights: Insights) -> None:
    result = insights("journey", *PERIOD, "--rating", "positive")

    assert (result.exit_code, result.stderr) == (
        5,
        "insights: nobody gave a negative rating that matches --rating positive in this period\n",
    )
