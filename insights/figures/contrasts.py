"""The two groups of ratings that journeys compare: the wanted ones, and those in contrast."""

from collections.abc import Sequence
from typing import Any

from insights.queries.keys import is_one_of, passes
from insights.queries.scopes import Stage
from insights.queries.sentiment import Sentiment, sentiment
from insights.users.ids import numbers_of

OTHER = "other"

OPPOSITES = {
    Sentiment.NEGATIVE.value: Sentiment.POSITIVE.value,
    Sentiment.POSITIVE.value: Sentiment.NEGATIVE.value,
}


def contrast_to(rating: str) -> str:
    """Return `positive` for negative ratings, `negative` for positive ones, and else `other`."""
    return OPPOSITES.get(rating, OTHER)


def both_groups(rating: str, ratings: Sequence[str] | None) -> list[Stage]:
    """Return the stages from feedback to the ratings of both groups; `is_wanted` tells them apart.

    `rating` is a value of `Sentiment`, or else an exact rating; `ratings` is the setting. Besides
    `is_wanted`, only `user_id` and `timestamp` are left, so that an index can cover the query.
    """
    kept = {"_id": 0, "user_id": 1, "timestamp": 1}
    if rating not in list(Sentiment):
        wanted: list[Any] = [rating, *numbers_of(rating)]
        return [{"$project": kept | {"is_wanted": passes(["rating"], is_one_of(wanted))}}]
    groups = [rating, OPPOSITES[rating]] if rating in OPPOSITES else list(Sentiment)
    return [
        {"$project": kept | {"sentiment": sentiment(ratings)}},
        {"$match": {"sentiment": {"$in": groups}}},
        {"$addFields": {"is_wanted": {"$eq": ["$sentiment", rating]}}},
    ]
