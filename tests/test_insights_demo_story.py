"""The story that the demo's data tell: its users, models, messages and background jobs."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from insights.demo import system
from insights.demo.bad_answers import BAD_BRIEFINGS, BAD_TOPICS
from insights.demo.reactions import VOCABULARIES
from insights.demo.rhythms import Rhythm
from insights.demo.stories import Story
from insights.demo.users import Entry, User
from insights.figures.shares import Difference, Profile, compare
from shared_code.models import Event, Feedback
from tests.support.documents import Document
from tests.support.insights_cli import Insights

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
DAYS = 30

POSITIVE, NEUTRAL, NEGATIVE = (
    {rating for each in list(VOCABULARIES)[:-1] for rating in each[index]} for index in range(3)
)
REASONS = {
    *("wrong", "outdated", "off topic", "incomplete", "bad source", "wrong language"),
    *("too slow", "error", "unsafe"),
}


class Rated(NamedTuple):
    """A feedback, with the answer it is on, the question before it, and its user."""

    feedback: Document
    answer: Document
    question: Document
    user: Document
    platform: str


@pytest.fixture(scope="module")
def story(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Insights]:
    """Return a runner of the tool on a demo of 60 days, made by the command."""
    insights = Insights(
        tmp_path_factory.mktemp("story"),
        MONGODB_URI=mongodb_uri,
        MONGODB_DATABASE="test_story",
        SYSTEM_USERS="system",
    )
    assert insights("demo", "--here", "--users", "250").exit_code == 0
    assert insights("setup").exit_code == 0
    yield insights
    with MongoClient[Document](mongodb_uri) as client:
        client.drop_database("test_story")


@pytest.fixture(scope="module")
def rated() -> list[Rated]:
    """Return all feedback of the default demo."""
    story, rhythm = Story(60), Rhythm(60, NOW)
    users = [list(User(number, story, rhythm).documents()) for number in range(1, 501)]
    stored = [*system.documents(story, rhythm, NOW), *(each for user in users for each in user)]
    messages = {
        answer["message_id"]: (answer, question)
        for name, document in stored
        if name == "sessions"
        for question, answer in pairs(document["messages"])
    }
    return [
        Rated(document, *messages[document["message_id"]], user[-1][1], platform(user))
        for user in users
        for name, document in user
        if name == "feedback"
    ]


def pairs(messages: list[Document]) -> Iterator[tuple[Document, Document]]:
    """Yield each question with its answer."""
    yield from zip(messages[::2], messages[1::2], strict=True)


def platform(entries: list[Entry]) -> str:
    """Return the platform of a user's events, which is always the same."""
    [found] = {document["details"]["platform"] for name, document in entries if name == "analytics"}
    return str(found)


def difference(rated: list[Rated], field: Callable[[Rated], str], value: str) -> Difference:
    """Return the difference of the share of positive ratings of one value from all others'."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for each in rated:
        feedback = each.feedback
        is_scored = feedback["rating"] in POSITIVE | NEUTRAL | NEGATIVE
        if is_scored and feedback["timestamp"] > NOW - timedelta(days=30):
            offset = 0 if field(each) == value else 2
            counts[feedback["user_id"]][offset] += feedback["rating"] in POSITIVE
            counts[feedback["user_id"]][offset + 1] += 1
    found = compare([Profile(1, *each) for each in counts.values()]).difference
    assert found is not None
    return found


def entries_of_user(number: int, now: datetime = NOW) -> list[Entry]:
    """Return the documents of one user."""
    return list(User(number, Story(DAYS), Rhythm(DAYS, now)).documents())


def entries_of_system(now: datetime = NOW) -> list[Entry]:
    """Return the documents of the application itself."""
    return list(system.documents(Story(DAYS), Rhythm(DAYS, now), now))


def times_of(users: int) -> list[datetime]:
    """Return the times of the feedback and events of so many users."""
    return [
        document["timestamp"]
        for number in range(users)
        for name, document in entries_of_user(number)
        if name in {"feedback", "analytics"}
    ]


def summary(insights: Insights, since: str, until: str = "0s") -> Any:
    """Return the figures of a period."""
    [found] = insights("summary", "--since", since, "--until", until, "--json").lines
    return found


def test_repeats_the_same_story() -> None:
    assert entries_of_user(1) == entries_of_user(1)
    assert entries_of_user(1) != entries_of_user(2)


@pytest.mark.parametrize("entries", [entries_of_system, partial(entries_of_user, 1)])
def test_at_another_time_only_the_times_shift(entries: Callable[..., list[Entry]]) -> None:
    earlier, later = entries(), entries(NOW + timedelta(days=2, hours=5))

    assert without_times(earlier) == without_times(later) != earlier
    assert all(
        before["timestamp"] < after["timestamp"]
        for (name, before), (_, after) in zip(earlier, later, strict=True)
        if name in {"feedback", "analytics"}
    )


def without_times(value: Any) -> Any:
    """Return documents without their times."""
    match value:
        case dict():
            return {name: without_times(each) for name, each in value.items()}
        case list() | tuple():
            return [without_times(each) for each in value]
        case datetime():
            return None
        case _:
            return value


def test_ends_now_and_begins_the_given_days_earlier() -> None:
    for times in (times_of(100), [document["timestamp"] for document in system.events(DAYS, NOW)]):
        assert NOW - timedelta(days=DAYS) <= min(times) < NOW - timedelta(days=DAYS - 1)
        assert NOW - timedelta(hours=4) < max(times) < NOW


@pytest.mark.parametrize("entries", [entries_of_system, partial(entries_of_user, 5)])
def test_makes_the_same_documents_as_the_functions(entries: Callable[..., list[Entry]]) -> None:
    for name, document in entries():
        fields = {name: value for name, value in document.items() if name != "timestamp"}
        identity = fields.pop("_id")
        if name == "feedback":
            feedback = Feedback.model_validate(fields)
            assert feedback.to_document(document["timestamp"]) == document
        elif name == "analytics":
            event = Event.model_validate(fields | {"event_id": identity.as_uuid()})
            assert event.to_document(document["timestamp"]) == document


def test_events_of_a_visit_are_in_order() -> None:
    visits: list[list[datetime]] = []
    for name, document in entries_of_user(1):
        if name == "analytics" and document["event_type"] == "page_view":
            visits.append([])
        if visits and name == "analytics":
            visits[-1].append(document["timestamp"])

    assert len(visits) > 3
    assert all(visit == sorted(visit) for visit in visits)


def test_the_new_model_is_clearly_better(rated: list[Rated]) -> None:
    found = difference(rated, lambda each: each.answer["model"], "atlas-3")

    assert 0.06 < found.value < 0.1
    assert found.is_clear(comparisons=10)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (lambda each: each.platform, "mobile"),
        (lambda each: each.user["language"], "en"),
        (lambda each: each.user["plan"], "plus"),
    ],
)
def test_other_differences_are_chance(
    rated: list[Rated], field: Callable[[Rated], str], value: str
) -> None:
    found = difference(rated, field, value)

    assert min(found.p_fisher, found.p_clustered) > 0.2


def test_the_suggested_user_has_a_time_line_to_read(rated: list[Rated]) -> None:
    feedback = [each.feedback for each in rated if each.user["_id"] == "user-0001"]
    events = [each for name, each in entries_of_user(1) if name == "analytics"]

    assert {"thumbs_up", "thumbs_down"} == {each["rating"] for each in feedback}
    assert any("reasons" in each for each in feedback)
    assert any("comment" in each for each in feedback)
    assert "error_shown" in {each["event_type"] for each in events}


def test_there_are_two_models_side_by_side_for_30_days(rated: list[Rated]) -> None:
    sessions = [
        (document["created_at"], document["messages"][-1]["model"])
        for number in range(100)
        for name, document in User(number, Story(60), Rhythm(60, NOW)).documents()
        if name == "sessions"
    ]

    # A day of the story is a bit longer or shorter than one of the calendar.
    earliest, latest = NOW - timedelta(days=32), NOW - timedelta(days=28)
    assert {each.answer["model"] for each in rated} == {"atlas-2", "atlas-3"}
    assert {model for time, model in sessions if time < earliest} == {"atlas-2"}
    lately = [model for time, model in sessions if time > latest]
    assert 0.4 < lately.count("atlas-3") / len(lately) < 0.6


def test_every_rated_message_has_a_question_and_a_text(rated: list[Rated]) -> None:
    for each in rated:
        assert (each.question["role"], each.answer["role"]) == ("user", "assistant")
        assert min(len(each.question["content"]), len(each.answer["content"])) > 10
        assert "{" not in each.answer["content"]
        assert each.question["timestamp"] < each.answer["timestamp"] < each.feedback["timestamp"]
        assert "model" not in each.question


def test_the_worst_answers_have_texts_of_their_own(rated: list[Rated]) -> None:
    bad = {
        each.answer["message_id"]: each.answer["content"]
        for each in rated
        if each.answer["message_id"].startswith(("briefing-", "popular-"))
    }

    texts = {answer.text for answer in (*BAD_BRIEFINGS.values(), *BAD_TOPICS.values())}
    assert len(texts) == len(BAD_BRIEFINGS) + len(BAD_TOPICS) == 11
    assert texts <= set(bad.values())
    assert "rates as of November last year" in bad["briefing-059"]


def test_a_comment_on_a_wrong_answer_fits_its_text(rated: list[Rated]) -> None:
    texts = {
        each.answer["content"]
        for each in rated
        if each.feedback.get("comment") == "It answered in the wrong language."
    }

    assert len(texts) == 1
    assert texts.pop().startswith("Hier ist das Wichtigste")


def test_about_half_of_the_negative_feedback_has_reasons(rated: list[Rated]) -> None:
    negative = [each.feedback for each in rated if each.feedback["rating"] in NEGATIVE]
    others = [each.feedback for each in rated if each.feedback["rating"] in POSITIVE | NEUTRAL]

    given = [each["reasons"] for each in negative if "reasons" in each]
    assert 0.45 < len(given) / len(negative) < 0.55
    assert {reason for each in given for reason in each} == REASONS
    assert not any("reasons" in each for each in others)


def test_reasons_fit_the_comment(rated: list[Rated]) -> None:
    reasons = [
        each.feedback["reasons"]
        for each in rated
        if each.feedback.get("comment") == "Why is it so slow today?" and "reasons" in each.feedback
    ]

    assert reasons
    assert all(each == ["too slow"] for each in reasons)


def test_most_events_are_the_application_s_own() -> None:
    own = len(list(system.events(60, NOW)))
    users = sum(
        name == "analytics"
        for number in range(1, 101)
        for name, _ in User(number, Story(60), Rhythm(60, NOW)).documents()
    )

    assert 0.55 < own / (own + 5 * users) < 0.65
    assert own == 2 * len(list(system.events(30, NOW)))


def test_each_run_of_a_job_begins_and_ends() -> None:
    runs: dict[int, list[Document]] = defaultdict(list)
    for each in system.events(2, NOW):
        runs[each["details"]["run"]].append(each)

    assert {each["user_id"] for run in runs.values() for each in run} == {"system"}
    assert len({each["_id"] for run in runs.values() for each in run}) == 3 * len(runs)
    for run in runs.values():
        types = [each["event_type"] for each in run]
        times = [each["timestamp"] for each in run]
        assert (types[0], types[-1]) == ("job_started", "job_finished")
        assert times == sorted(times)


def test_briefings_are_written_before_they_are_read() -> None:
    written = {
        session["messages"][-1]["message_id"]: session["messages"][-1]["timestamp"]
        for name, session in entries_of_system()
        if name == "sessions"
    }
    opened = [
        (document["details"]["message_id"], document["timestamp"])
        for number in range(100)
        for _, document in entries_of_user(number)
        if document.get("event_type") == "briefing_opened"
    ]

    assert opened
    assert all(written[briefing] < time for briefing, time in opened)


def test_answers_recover_in_the_end(story: Insights) -> None:
    last = summary(story, "14d")["feedback"]

    assert last["verdict"] == "better"
    assert last["share_change_percentage_points"] > 10


def test_there_is_one_bad_week(story: Insights) -> None:
    before, bad, after = (
        summary(story, since, until)["feedback"]["share_positive"]
        for since, until in (("28d", "21d"), ("21d", "14d"), ("14d", "7d"))
    )

    assert bad < before - 0.1
    assert bad < after - 0.1
    whole = summary(story, "30d")["feedback"]
    assert whole["verdict"] == "no clear change"
    assert whole["curve"]["is_clear"]


def test_errors_and_repetitions_come_before_negative_ratings(story: Insights) -> None:
    [found] = story("journey", "--before-rating", "negative", "--since", "60d", "--json").lines

    steps = {each["steps"][0]: each for each in found["last"]}
    for name in ("error_shown", "answer_regenerated"):
        assert steps[name]["is_clear"]
        assert steps[name]["share_before"] > 2 * steps[name]["share_contrast"]
    # Before every rating.
    assert steps["answer_shown"]["lift"] > 1.5
    assert steps["answer_shown"]["difference_percentage_points"] < 5


def test_reasons_and_words_say_why(story: Insights) -> None:
    feedback = summary(story, "30d")["feedback"]

    assert feedback["reasons"]["ratings"] > 50
    assert len(feedback["reasons"]["reasons"]) > 2
    assert feedback["words"]["negative_comments"] > 20
    assert feedback["words"]["phrases"]


@pytest.mark.usefixtures("story")
def test_slow_answers_are_rated_worse(mongodb_uri: str) -> None:
    with MongoClient[Document](mongodb_uri) as client:
        slow, quick = (
            share_negative(client["test_story"], latency)
            for latency in ({"$gt": 8_000}, {"$lt": 3_000})
        )

    assert slow > 2 * quick


def share_negative(database: Database[Document], latency: dict[str, int]) -> float:
    """Return the share of thumbs down on answers in a range of latencies."""
    shown = {"event_type": "answer_shown", "details.latency_ms": latency}
    messages = database.analytics.distinct("details.message_id", shown)
    rated = {"message_id": {"$in": messages, "$regex": "^answer-"}}
    down, up = (
        database.feedback.count_documents(rated | {"rating": rating})
        for rating in ("thumbs_down", "thumbs_up")
    )
    return down / (down + up)


def test_uses_several_vocabularies_of_ratings(story: Insights) -> None:
    feedback = summary(story, "60d")["feedback"]

    ratings = {each["rating"] for each in feedback["ratings"]}
    assert {"thumbs_up", "thumbs_down", "5", "1", "good", "bad", "👍🏽"} <= ratings
    assert min(feedback["sentiments"].values()) > 0
    assert feedback["sentiments"]["unscored"] < feedback["count"] / 20


def test_some_messages_are_bad_for_a_stated_reason(story: Insights) -> None:
    worst = summary(story, "30d")["feedback"]["worst"]

    assert len(worst) == 10
    assert all(each["negative"] >= 4 and each["comments"] for each in worst[:5])


def test_has_the_events_of_a_chat_application(story: Insights) -> None:
    types = {each["event_type"] for each in summary(story, "60d")["events"]["types"]}

    assert {
        *("page_view", "chat_opened", "message_sent", "answer_shown", "answer_copied"),
        *("answer_regenerated", "search", "error_shown", "settings_changed"),
        "subscription_started",
    } <= types


def test_weekends_and_nights_are_quiet() -> None:
    times = times_of(300)

    by_day = [sum(time.weekday() == day for time in times) for day in range(7)]
    assert max(by_day[5:]) < min(by_day[:5])
    at_night = sum(time.hour < 6 for time in times)
    assert at_night < len(times) / 10
