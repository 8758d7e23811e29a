"""Positive, neutral and negative ratings, as `--rating` selects them."""

from datetime import UTC, datetime

import pytest
from pymongo.database import Database

from tests.support.dialects import Dialect
from tests.support.documents import Document, a_feedback
from tests.support.insights_cli import Insights

pytestmark = pytest.mark.dialects(Dialect.AZURE_DOCUMENTDB, Dialect.AMAZON_DOCUMENTDB)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SENTIMENTS = ["positive", "neutral", "negative", "unscored"]

RATINGS = {
    "positive": [
        *(
            "positive",
            "good",
            "up",
            "like",
            "thumbs_up",
            "yes",
            "+1",
            "👍",
            "👍🏻",
            "👍🏿",
            "👍\ufe0f",
        ),
        *("Positive", " GOOD ", "\tUp\n", "Thumbs_Up", "👍🏽\ufe0f"),
        *("5", "4", "+4", "3.5", "3.000001", " 5 ", "05"),
    ],
    "neutral": ["neutral", "Neutral ", "3", "3.0", "+3"],
    "negative": [
        *("negative", "bad", "down", "dislike", "thumbs_down", "no", "-1"),
        *("👎", "👎🏻", "👎🏿", "👎\ufe0f"),
        *("BAD", "No ", "1", "2", "2.5", "1.0"),
    ],
    "unscored": [
        *("ok", "great", "goodish", "not good", "yes!", "👍👍", "👍 👎", "🙂", "thumbs up", "ja"),
        *("0", "6", "0.99", "5.01", "100", "1e0", "0x3", "4,5", "4/5", "5 stars", ".5", "5."),
        *("nan", "inf", "Infinity", "null", "true", "٣", "3" * 64),
    ],
}


def selected(insights: Insights, sentiment: str, **settings: str) -> set[str]:
    """Return the ratings that a query for this sentiment selects."""
    options = ("--rating", sentiment, "--limit", "1000", "--json")
    return {line["rating"] for line in insights("feedback", *options, **settings).lines}


@pytest.mark.parametrize("sentiment", SENTIMENTS)
def test_scores_words_thumbs_and_five_stars(
    insights: Insights, empty_database: Database[Document], sentiment: str
) -> None:
    every = [rating for ratings in RATINGS.values() for rating in ratings]
    empty_database.feedback.insert_many(a_feedback(NOW, rating=rating) for rating in every)

    assert selected(insights, sentiment) == set(RATINGS[sentiment])


@pytest.mark.parametrize(
    ("vocabulary", "expected"),
    [
        ("1,2,3,4", {"1": "negative", "2": "negative", "3": "positive", "5": "unscored"}),
        ("0,10", {"0": "negative", "5": "neutral", "5.1": "positive", "11": "unscored"}),
        ("+1,-1", {"+1": "positive", "-1": "negative", "0": "neutral", "1": "positive"}),
        ("0,1", {"0": "negative", "1": "positive", "0.5": "neutral"}),
        ("1.5,2.5,bad", {"1.5": "negative", "2": "neutral", "bad": "negative", "3": "unscored"}),
        # One number is not a scale, so five stars apply.
        ("10,up", {"10": "unscored", "5": "positive", "up": "positive"}),
        ("3,3.0", {"3": "neutral", "1": "negative"}),
        ("up,down", {"4": "positive", "up": "positive", "down": "negative"}),
    ],
)
def test_the_vocabularys_numbers_are_the_scale(
    insights: Insights,
    empty_database: Database[Document],
    vocabulary: str,
    expected: dict[str, str],
) -> None:
    empty_database.feedback.insert_many(a_feedback(NOW, rating=rating) for rating in expected)

    found = {
        rating: sentiment
        for sentiment in SENTIMENTS
        for rating in selected(insights, sentiment, FEEDBACK_RATINGS=vocabulary)
    }
    assert found == expected


def test_a_rating_of_another_type_breaks_nothing(
    insights: Insights, empty_database: Database[Document]
) -> None:
    for rating in (5, 1.5, "", True, {"stars": 5}, ["up"]):
        empty_database.feedback.insert_one(a_feedback(NOW) | {"rating": rating})

    ratings = {}
    for sentiment in SENTIMENTS:
        result = insights("feedback", "--rating", sentiment, "--json")
        ratings[sentiment] = [line.get("rating") for line in result.lines]
    assert ratings["positive"] == [5]
    assert ratings["negative"] == [1.5]
    assert len(ratings["unscored"]) == 4
