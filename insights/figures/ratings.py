"""The different ratings of a period: their sentiments and counts.

They are few, so the other figures ask for ratings by value instead of scoring each document.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from insights.kinds import Document
from insights.queries.documents import as_text
from insights.queries.filters import Filter
from insights.queries.periods import Period
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Expression, Sentiment, add_sentiment, sentiment
from insights.settings import Settings

# Ratings beyond the most frequent are only counted.
NAMED = 20

# With more different ratings, such as free texts of another program, documents are scored.
MOST_VALUES = 1000

# Shown for an empty text, which other programs may have stored.
NO_RATING = "(no rating)"

NAME_RATING: Stage = {"$addFields": {"rating": "$_id"}}


@dataclass(frozen=True)
class RatingCount:
    """A rating and its count. `sentiment` is a value of `Sentiment`."""

    rating: str
    sentiment: str
    count: int


@dataclass(frozen=True)
class Ratings:
    """The different ratings of a scope and of the period before, each with its sentiment.

    `counted` are the most frequent first, and all of them if it `is_complete`. Each has the
    `count` in the scope and the count `before`. `allowed` is the setting `FEEDBACK_RATINGS`.
    """

    allowed: Sequence[str] | None
    counted: list[Document]
    is_complete: bool

    def frequent(self, *sentiments: Sentiment) -> list[RatingCount]:
        """Return the most frequent ratings with one of these sentiments."""
        return [
            RatingCount(as_text(each["_id"]) or NO_RATING, each["sentiment"], each["count"])
            for each in self.counted
            if each["count"] and each["sentiment"] in sentiments
        ][:NAMED]

    def filter(self, *sentiments: Sentiment) -> Filter:
        """Return a filter for documents with these sentiments, which may match arrays, too.

        It is empty if the ratings are not complete.
        """
        return {"rating": {"$in": self._values(sentiments)}} if self.is_complete else {}

    def test(self, *sentiments: Sentiment) -> Expression:
        """Return the expression for whether a document has one of these sentiments."""
        if self.is_complete:
            return {"$in": ["$rating", {"$literal": self._values(sentiments)}]}
        return {"$in": [sentiment(self.allowed), list(sentiments)]}

    def test_scored(self) -> Expression:
        """Return the expression for whether a document has a rating that can be scored."""
        return self.test(*(each for each in Sentiment if each is not Sentiment.UNSCORED))

    def _values(self, sentiments: Iterable[Sentiment]) -> list[Any]:
        return [each["_id"] for each in self.counted if each["sentiment"] in sentiments]


def count_ratings(
    found: Scope, before: Period, settings: Settings, only: Sentiment | None = None
) -> Ratings:
    """Return the different ratings of a scope and of the period just before it, or some `only`."""
    is_now = {"$gte": ["$timestamp", found.period.since]}
    pipeline: list[Stage] = [
        {
            "$group": {
                "_id": "$rating",
                "count": {"$sum": {"$cond": [is_now, 1, 0]}},
                "before": {"$sum": {"$cond": [is_now, 0, 1]}},
            }
        },
        NAME_RATING,
        add_sentiment(settings.feedback_ratings),
        *([{"$match": {"sentiment": only}}] if only else []),
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": MOST_VALUES + 1},
    ]
    both = found.during(Period(before.since or found.period.since, found.period.until))
    counted = both.aggregate(pipeline)
    return Ratings(settings.feedback_ratings, counted, len(counted) <= MOST_VALUES)
