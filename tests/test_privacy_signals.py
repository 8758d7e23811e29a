"""`Sec-GPC` and `DNT`."""

from typing import Any

import pytest
from pymongo.database import Database

from analytics_function.privacy_signals import has_one
from tests.support.documents import Document
from tests.support.functions import EVENT, FEEDBACK, Post, UseSettings, body_of

NOT_TRACKED = {"message": "Event not logged: the client asked not to be tracked."}


@pytest.mark.dialects
@pytest.mark.parametrize("setting", [None, "true", "1"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-GPC": "1"},
        {"DNT": "1"},
        {"sec-gpc": "1", "dnt": "0"},
        {"Sec-GPC": "1", "DNT": "1"},
        # The host joins two headers like this.
        {"Sec-GPC": "0,1"},
    ],
)
@pytest.mark.parametrize("body", [EVENT, [EVENT, EVENT]])
async def test_signals_are_honored(
    fresh_database: Database[Document],
    server_uri: str,
    post: Post,
    use_settings: UseSettings,
    setting: str | None,
    headers: dict[str, str],
    body: Any,
) -> None:
    given = {"HONOR_PRIVACY_SIGNALS": setting} if setting else {}
    use_settings(MONGODB_URI=server_uri, MONGODB_DATABASE=fresh_database.name, **given)
    response = await post("analytics", body, headers)

    assert response.status_code == 202
    assert body_of(response) == NOT_TRACKED
    assert fresh_database.analytics.count_documents({}) == 0


@pytest.mark.dialects
@pytest.mark.parametrize("setting", ["true", "false"])
@pytest.mark.parametrize("value", ["0", "", "true", "yes", "01", "0,11", "null"])
@pytest.mark.parametrize("signal", ["Sec-GPC", "DNT"])
async def test_other_values_are_no_signals(
    fresh_database: Database[Document],
    server_uri: str,
    post: Post,
    use_settings: UseSettings,
    setting: str,
    value: str,
    signal: str,
) -> None:
    use_settings(
        MONGODB_URI=server_uri,
        MONGODB_DATABASE=fresh_database.name,
        HONOR_PRIVACY_SIGNALS=setting,
    )
    response = await post("analytics", EVENT, {signal: value})

    assert body_of(response) == {"message": "Event logged."}
    assert fresh_database.analytics.count_documents({}) == 1


@pytest.mark.dialects
@pytest.mark.parametrize("signal", ["Sec-GPC", "DNT"])
async def test_signals_are_ignored_if_the_settings_say_so(
    fresh_database: Database[Document],
    server_uri: str,
    post: Post,
    use_settings: UseSettings,
    signal: str,
) -> None:
    use_settings(
        MONGODB_URI=server_uri,
        MONGODB_DATABASE=fresh_database.name,
        HONOR_PRIVACY_SIGNALS="false",
    )

    assert body_of(await post("analytics", EVENT, {signal: "1"})) == {"message": "Event logged."}
    assert fresh_database.analytics.count_documents({}) == 1


@pytest.mark.dialects
@pytest.mark.parametrize("signal", ["Sec-GPC", "DNT"])
async def test_signals_do_not_affect_feedback(
    fresh_database: Database[Document], post: Post, signal: str
) -> None:
    assert (await post("feedback", FEEDBACK, {signal: "1"})).status_code == 201
    assert fresh_database.feedback.count_documents({}) == 1


async def test_a_signal_needs_no_mongodb(post: Post, use_settings: UseSettings) -> None:
    use_settings(MONGODB_URI="mongodb://127.0.0.1:1")

    assert (await post("analytics", EVENT, {"DNT": "1"})).status_code == 202


@pytest.mark.parametrize("value", ["1", " 1", "1\t", "1,1", "0, 1", "1 ,null", ",,1,"])
def test_one_member_of_a_list_is_enough(value: str) -> None:
    assert has_one(value)


@pytest.mark.parametrize("value", ["", ",", " ", "11", "1;1", "1 1", "0, 10", "1.0", '"1"', "-1"])
def test_other_members_are_no_signals(value: str) -> None:
    assert not has_one(value)
