"""The vocabulary of ratings."""

from typing import Any

import pytest
from pymongo.database import Database

from tests.support.documents import Document
from tests.support.functions import Post, UseSettings, body_of

pytestmark = pytest.mark.dialects

FEEDBACK = {"message_id": "m1", "user_id": "u1"}


@pytest.fixture
def two_ratings(
    fresh_database: Database[Document], server_uri: str, use_settings: UseSettings
) -> Any:
    """Allow two ratings and return the database."""
    use_settings(
        MONGODB_URI=server_uri,
        MONGODB_DATABASE=fresh_database.name,
        FEEDBACK_RATINGS="up, 👎",
    )
    return fresh_database


@pytest.mark.parametrize("rating", ["up", "👎"])
async def test_accepts_what_is_listed(
    two_ratings: Database[Document], post: Post, rating: str
) -> None:
    assert (await post("feedback", FEEDBACK | {"rating": rating})).status_code == 201
    assert two_ratings.feedback.count_documents({"rating": rating}) == 1


@pytest.mark.parametrize("rating", ["down", "Up", " up", "up, 👎", "up,"])
async def test_refuses_anything_else_and_lists_what_is_allowed(
    two_ratings: Database[Document], post: Post, rating: str
) -> None:
    response = await post("feedback", FEEDBACK | {"rating": rating})

    assert response.status_code == 422
    assert body_of(response)["errors"] == [
        {"pointer": "#/rating", "detail": "must be one of: up, 👎"}
    ]
    assert two_ratings.feedback.count_documents({}) == 0
