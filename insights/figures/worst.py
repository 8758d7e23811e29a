"""The worst-rated messages, with their comments."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from insights.kinds import Kind
from insights.queries.documents import as_text
from insights.queries.left_out import LeftOut, Reason
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Sentiment, count_of
from insights.users.ids import of_user

WORST = 10
COMMENTS_OF_EACH = 5

# Shown for ratings without a rating, which other programs may have stored.
NO_RATING = "(no rating)"

# A message is the same whatever the type of its id.
MESSAGE = {
    "$convert": {
        "input": "$message_id",
        "to": "string",
        "onError": "$message_id",
        "onNull": None,
    }
}
WITHOUT_MESSAGE = {"message_id": None}


@dataclass(frozen=True)
class Comment:
    """A user's comment, with the rating."""

    rating: str
    comment: str
    timestamp: datetime


@dataclass(frozen=True)
class WorstMessage:
    """A message with negative ratings: `negative` of its `count` scored ones.

    `comments` are its five newest, those of negative ratings first.
    """

    message_id: str
    negative: int
    count: int
    comments: list[Comment]


def without_message(found: Scope, scored: Stage) -> Iterator[LeftOut]:
    """Yield how many negative ratings are of no message, and so not among the worst."""
    pipeline: list[Stage] = [
        scored,
        {"$group": {"_id": None, "count": count_of(Sentiment.NEGATIVE, 1)}},
    ]
    for each in found.aggregate(pipeline, WITHOUT_MESSAGE):
        if each["count"]:
            yield LeftOut(Kind.FEEDBACK, Reason.NO_MESSAGE, each["count"])


def worst_messages(found: Scope, scored: Stage) -> list[WorstMessage]:
    """Return the messages with the most negative ratings; the less liked first among equals."""
    pipeline: list[Stage] = [
        scored,
        {"$match": {"sentiment": {"$ne": Sentiment.UNSCORED}}},
        {
            "$group": {
                "_id": MESSAGE,
                "negative": count_of(Sentiment.NEGATIVE, 1),
                "positive": count_of(Sentiment.POSITIVE, 1),
                "count": {"$sum": 1},
            }
        },
        {"$match": {"negative": {"$gt": 0}}},
        {"$addFields": {"share": {"$divide": ["$positive", "$count"]}}},
        {"$sort": {"negative": -1, "share": 1, "_id": 1}},
        {"$limit": WORST},
    ]
    worst = found.aggregate(pipeline, {"$nor": [WITHOUT_MESSAGE]})
    return [
        WorstMessage(
            as_text(each["_id"]),
            each["negative"],
            each["count"],
            comments_on(found, scored, each["_id"]),
        )
        for each in worst
    ]


def on_message(message: object) -> dict[str, Any]:
    """Return the filter for a message, whatever type its id is stored with."""
    if isinstance(message, str):
        return of_user(message, "message_id")
    return {"message_id": {"$eq": message}}


def comments_on(found: Scope, scored: Stage, message: object) -> list[Comment]:
    """Return a message's newest comments, those of negative ratings first."""
    is_negative = {"$eq": ["$sentiment", Sentiment.NEGATIVE]}
    pipeline: list[Stage] = [
        scored,
        {"$addFields": {"is_negative": is_negative}},
        {"$sort": {"is_negative": -1, "timestamp": -1, "user_id": -1}},
        {"$limit": COMMENTS_OF_EACH},
    ]
    return [
        Comment(
            as_text(each.get("rating")) or NO_RATING, as_text(each["comment"]), each["timestamp"]
        )
        for each in found.aggregate(pipeline, on_message(message), {"comment": {"$gt": ""}})
    ]
