"""The attributes that --by names."""

import pytest

from insights.errors import UsageError
from insights.queries.attributes import Attribute, Root, parse_attribute
from insights.settings import Settings

MONGODB = {"MONGODB_URI": "mongodb://localhost"}
LOOKUPS = {"MESSAGE_LOOKUP": "sessions.messages.message_id", "USER_LOOKUP": "users._id"}
SETTINGS = Settings.model_validate(MONGODB | LOOKUPS)
WITHOUT_LOOKUPS = Settings.model_validate(MONGODB)


@pytest.mark.parametrize(
    ("text", "root", "keys", "lookup"),
    [
        ("message.model", Root.MESSAGE, ("model",), "sessions.messages.message_id"),
        ("user.billing.plan", Root.USER, ("billing", "plan"), "users._id"),
        ("details.page", Root.DETAILS, ("page",), ""),
        (" details.page ", Root.DETAILS, ("page",), ""),
        ('details."gen_ai.request.model"', Root.DETAILS, ("gen_ai.request.model",), ""),
        ('message.usage."a.b".c', Root.MESSAGE, ("usage", "a.b", "c"), SETTINGS.message_lookup),
    ],
)
def test_an_attribute_is_a_field_of_one_of_three(
    text: str, root: Root, keys: tuple[str, ...], lookup: str
) -> None:
    assert parse_attribute(text, SETTINGS) == Attribute(text.strip(), root, keys, lookup)


@pytest.mark.parametrize(
    "text",
    ["", "model", "message", "message.", "feedback.rating", ".model", "user..plan"],
)
def test_anything_else_is_refused_with_the_three_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_attribute(text, SETTINGS)

    assert str(caught.value) == (
        f"--by {text!r} is not message.FIELD, user.FIELD or details.FIELD, "
        "such as message.model, user.plan or details.page"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [('details."\\x"', "is not a JSON string"), ("details.\0", "has a key with a NUL")],
)
def test_a_key_that_is_none_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        parse_attribute(text, SETTINGS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "message.model",
            (
                "--by message.model needs MESSAGE_LOOKUP, the collection and the field of the "
                "application's message ids, such as MESSAGE_LOOKUP=sessions.messages.message_id"
            ),
        ),
        (
            "user.plan",
            (
                "--by user.plan needs USER_LOOKUP, the collection and the field of the "
                "application's user ids, such as USER_LOOKUP=users._id"
            ),
        ),
    ],
)
def test_says_which_setting_is_missing(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_attribute(text, WITHOUT_LOOKUPS)

    assert str(caught.value) == expected


def test_details_need_no_setting() -> None:
    assert parse_attribute("details.page", WITHOUT_LOOKUPS).lookup == ""
