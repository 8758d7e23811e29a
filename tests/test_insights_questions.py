"""The question in an address of the dashboard's server: its values, errors, links and form."""

from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from insights.kinds import Kind
from insights.pages.forms import Form
from insights.pages.links import Links
from insights.pages.questions import (
    LAST_MONTH,
    Pairs,
    Question,
    errors_in,
    parse_question,
    question_of,
    unknown_names,
)
from insights.queries.filters import Selection
from insights.settings import Settings
from tests.support.documents import NOON

DEFAULT = question_of(LAST_MONTH)
SETTINGS = Settings.model_validate({"MONGODB_URI": "mongodb://localhost"})


def asked(*pairs: tuple[str, str], default: Question = DEFAULT) -> Question:
    """Return the question of a query."""
    return parse_question(pairs, default)


def errors(*pairs: tuple[str, str], now: datetime = NOON) -> dict[tuple[str, str], str]:
    """Return the errors in the question of a query."""
    return dict(errors_in(asked(*pairs), SETTINGS, now))


def query_of(address: str) -> Pairs:
    """Return the query of an address, without the token."""
    found = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    return [each for each in found if each[0] != "token"]


def test_a_query_names_the_options() -> None:
    pairs = [
        *(("since", "7d"), ("until", "1d"), ("user", "u1"), ("message", "m1")),
        *(("rating", "down"), ("event_type", "view"), ("include_system", "1")),
        *(("not_user", "a"), ("not_user", "b"), ("where", "details.a=1"), ("by", "user.plan")),
    ]

    question = asked(*pairs)

    assert question.selection == Selection(
        user="u1",
        message="m1",
        rating="down",
        event_type="view",
        since="7d",
        until="1d",
        where=("details.a=1",),
        not_user=("a", "b"),
        include_system=True,
    )
    assert question.values("by") == ("user.plan",)


@pytest.mark.parametrize(
    ("pairs", "same"),
    [
        ([], []),
        ([("since", "")], []),
        ([("since", "30d"), ("where", ""), ("user", ""), ("x", "y")], []),
        ([("since", "1d"), ("since", "7d")], [("since", "7d")]),
        ([("where", "a=1"), ("where", "a=1"), ("where", "")], [("where", "a=1")]),
    ],
)
def test_the_same_question_shares_a_board(pairs: Pairs, same: Pairs) -> None:
    assert asked(*pairs) == asked(*same)
    assert hash(asked(*pairs)) == hash(asked(*same))


def test_the_options_of_the_command_are_the_defaults() -> None:
    default = question_of(Selection(since="7d", user="u1", include_system=True), ["user.plan"])

    assert asked(default=default) == default
    assert asked(("since", "1d"), default=default).selection.user == "u1"
    without = asked(("user", ""), ("by", ""), ("include_system", ""), default=default)
    assert without == question_of(Selection(since="7d"))
    links = Links("t", default, without)
    assert asked(*query_of(links.here()), default=default) == without
    assert links.address("/", default) == "/?token=t"


@pytest.mark.parametrize(
    ("pair", "error"),
    [
        (("since", "x"), "'x' is not a time"),
        (("until", "2026-13-01"), "'2026-13-01' is not a time"),
        (("where", "foo"), "'foo' is not FIELD OPERATOR VALUE"),
        (("where", "nothing=1"), "unknown field 'nothing'"),
        (("by", "plan"), "'plan' is not message.FIELD"),
        (("by", "message.model"), "message.model needs MESSAGE_LOOKUP"),
        (("user", "a\0b"), "a text with a NUL"),
        (("rating", "x" * 10_000), "longer than 1,000 characters"),
    ],
)
def test_an_error_is_about_its_value(pair: tuple[str, str], error: str) -> None:
    found = errors(pair, ("user", "u2") if pair[0] != "user" else ("rating", "up"))

    assert [*found] == [pair]
    assert found[pair].startswith(error)


def test_a_period_must_be_forward_and_can_be_drawn() -> None:
    assert "must be before" in errors(("since", "1d"), ("until", "2d"))["since", "1d"]
    assert errors(("since", "0001-01-01")) == {
        ("since", "0001-01-01"): "a page shows at most 3,660 days"
    }
    assert errors(("since", "3660d")) == {}
    assert errors(("since", "2026-10-01"), ("until", "9999-01-01")) == {}


def test_too_many_values_are_refused_together() -> None:
    found = errors(*(("where", f"details.a={number}") for number in range(200)))

    assert found == {("where", ""): "more than 20 cannot be asked together"}


def test_names_parameters_that_mean_nothing() -> None:
    pairs = [("evnt_type", "x"), ("since", "7d"), ("evnt_type", "y"), ("token", "t")]
    assert unknown_names(pairs, "token") == ["evnt_type"]


@pytest.mark.parametrize(
    ("rating", "query"),
    [
        ("thumbs_down", [("rating", "thumbs_down")]),
        # As a rating, each would find all of its sentiment.
        ("positive", [("where", 'rating="positive"')]),
        ("(no rating)", [("where", 'rating=""')]),
    ],
)
def test_a_rating_leads_to_exactly_its_feedback(rating: str, query: Pairs) -> None:
    address = Links("t", DEFAULT, DEFAULT).feedback(rating)

    assert urlsplit(address).path == "/feedback"
    assert query_of(address) == query


def test_a_filter_of_the_other_kind_is_kept_but_marked() -> None:
    pairs = [("event_type", "view"), ("where", "details.a=1"), ("rating", "up"), ("by", "user.a")]
    question = asked(*pairs)

    form = Form(Links("t", DEFAULT, question), kind=Kind.FEEDBACK)

    assert {each.text: each.applies for each in form.chips} == {
        "rating is up": True,
        "event type is view": False,
        "details.a = 1": False,
        "compared by user.a": False,
    }
    assert question.about(Kind.FEEDBACK) == asked(("rating", "up"))
    assert question.about(Kind.EVENTS) == asked(("event_type", "view"), ("where", "details.a=1"))


def test_a_chip_leads_to_the_page_without_its_filter() -> None:
    pairs = [("since", "7d"), ("user", "u1"), ("where", "details.a>1"), ("where", "comment~x")]

    form = Form(Links("t", DEFAULT, asked(*pairs)))

    without = {each.text: [*query_of(each.without)] for each in form.chips}
    assert without == {
        "user is u1": [pairs[0], *pairs[2:]],
        "details.a > 1": [*pairs[:2], pairs[3]],
        "comment ~ x": pairs[:3],
    }


def test_the_current_period_is_marked() -> None:
    def current(*pairs: tuple[str, str]) -> list[str]:
        form = Form(Links("t", DEFAULT, asked(*pairs)))
        return [each.name for each in form.periods if each.is_current]

    assert current() == ["30 days"]
    assert current(("since", "24h")) == ["24 hours"]
    assert current(("since", "24h"), ("until", "1h")) == []
    assert current(("since", f"{NOON - timedelta(days=7):%Y-%m-%d}")) == []
