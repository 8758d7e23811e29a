"""The worst-rated messages, with their comments."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from insights.figures.shares import Interval, Z, wilson_interval
from insights.kinds import Kind
from insights.messages.records import find_messages
from insights.queries.documents import as_text
from insights.queries.left_out import LeftOut, Reason
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Sentiment, add_sentiment, but_dates, count_of
from insights.settings import Settings
from insights.users.ids import of_user, text_of

WORST = 10
COMMENTS_OF_EACH = 5

# Shown for ratings without a rating, which other programs may have stored.
NO_RATING = "(no rating)"

# Ids of different types name the same message if they are equal as text.
TEXT = {
    "$convert": {
        "input": "$message_id",
        "to": "string",
        "onError": "$message_id",
        "onNull": None,
    }
}
IS_TEXT = {"$eq": [{"$type": "$message_id"}, "string"]}
# Converting takes twice as long as all the rest.
MESSAGE = {"$cond": [IS_TEXT, "$message_id", but_dates("$message_id", TEXT, "$message_id")]}
WITHOUT_MESSAGE = {"message_id": None}

IS_NEGATIVE = {"$eq": ["$sentiment", Sentiment.NEGATIVE]}
HAS_COMMENT = {
    "$and": [IS_NEGATIVE, {"$eq": [{"$type": "$comment"}, "string"]}, {"$ne": ["$comment", ""]}]
}

# The lower bound of Wilson's 95 % interval for a `share` of an `effective` number of ratings, as in
# `wilson_interval`.
SPREAD = {
    "$add": [
        {"$divide": [{"$multiply": ["$share", {"$subtract": [1, "$share"]}]}, "$effective"]},
        {"$divide": [Z**2 / 4, {"$multiply": ["$effective", "$effective"]}]},
    ]
}
CENTRE = {"$add": ["$share", {"$divide": [Z**2 / 2, "$effective"]}]}
LOWER_BOUND = {
    "$divide": [
        {"$subtract": [CENTRE, {"$multiply": [Z, {"$sqrt": SPREAD}]}]},
        {"$add": [1, {"$divide": [Z**2, "$effective"]}]},
    ]
}


@dataclass(frozen=True)
class Comment:
    """A user's comment, with the rating. An id that is no text, number or ObjectId is empty."""

    rating: str
    comment: str
    timestamp: datetime
    user_id: str


@dataclass(frozen=True)
class WorstMessage:
    """A message with negative ratings: `negative` of its `count` scored ones.

    `newest` is the time of the newest of them. `text` and `question`, the user's message before it,
    are None where the application's collection is unknown or lacks them. `comments` are the five
    newest, those of negative ratings first. `effective` is the equivalent number of ratings of as
    many users (Kish), since other programs may have stored several of a user.
    """

    message_id: str
    text: str | None
    question: str | None
    negative: int
    count: int
    effective: float
    newest: datetime
    comments: list[Comment]

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the share of negative ratings."""
        return wilson_interval(self.negative / self.count, self.effective)


def without_message(found: Scope, scored: Stage) -> Iterator[LeftOut]:
    """Yield how many negative ratings are of no message, and so not among the worst."""
    pipeline: list[Stage] = [
        scored,
        {"$group": {"_id": None, "count": count_of(Sentiment.NEGATIVE, 1)}},
    ]
    for each in found.aggregate(pipeline, WITHOUT_MESSAGE):
        if each["count"]:
            yield LeftOut(Kind.FEEDBACK, Reason.NO_MESSAGE, each["count"])


def worst_messages(found: Scope, settings: Settings) -> list[WorstMessage]:
    """Return the messages whose share of negative ratings has the highest lower bound.

    A message with many ratings of which most are negative thus precedes one with a single negative
    rating. Of equals, such as messages with one rating each, those with a comment come first, and
    then the newest.

    Raises:
        Unreadable: the MongoDB user may not read the application's messages.
    """
    scored = add_sentiment(settings.feedback_ratings)
    pipeline: list[Stage] = [
        scored,
        {"$match": {"sentiment": {"$ne": Sentiment.UNSCORED}}},
        {
            "$group": {
                "_id": {"message": MESSAGE, "user": "$user_id"},
                "negative": count_of(Sentiment.NEGATIVE, 1),
                "count": {"$sum": 1},
                "commented": {"$max": {"$cond": [HAS_COMMENT, 1, 0]}},
                "newest": {"$max": {"$cond": [IS_NEGATIVE, "$timestamp", None]}},
            }
        },
        {
            "$group": {
                "_id": "$_id.message",
                "negative": {"$sum": "$negative"},
                "count": {"$sum": "$count"},
                "squares": {"$sum": {"$multiply": ["$count", "$count"]}},
                "commented": {"$max": "$commented"},
                "newest": {"$max": "$newest"},
            }
        },
        {"$match": {"negative": {"$gt": 0}}},
        {
            "$addFields": {
                "share": {"$divide": ["$negative", "$count"]},
                "effective": {"$divide": [{"$multiply": ["$count", "$count"]}, "$squares"]},
            }
        },
        {"$addFields": {"least": LOWER_BOUND}},
        {"$sort": {"least": -1, "commented": -1, "newest": -1, "_id": 1}},
        {"$limit": WORST},
    ]
    worst = found.aggregate(pipeline, {"$nor": [WITHOUT_MESSAGE]})
    messages = find_messages(found.database, settings, [each["_id"] for each in worst])
    return [
        WorstMessage(
            message_id := as_text(each["_id"]),
            message.text if (message := messages.get(message_id)) else None,
            message.question if message else None,
            each["negative"],
            each["count"],
            each["effective"],
            each["newest"],
            comments_on(found, scored, each["_id"]),
        )
        for each in worst
    ]


def on_message(message: object) -> dict[str, Any]:
    """Return the filter for a message, whose id may be stored with another type."""
    if isinstance(message, str):
        return of_user(message, "message_id")
    return {"message_id": {"$eq": message}}


def comments_on(found: Scope, scored: Stage, message: object) -> list[Comment]:
    """Return a message's newest comments, those of negative ratings first."""
    pipeline: list[Stage] = [
        scored,
        {"$addFields": {"is_negative": IS_NEGATIVE}},
        {"$sort": {"is_negative": -1, "timestamp": -1, "user_id": -1}},
        {"$limit": COMMENTS_OF_EACH},
    ]
    return [
        Comment(
            as_text(each.get("rating")) or NO_RATING,
            as_text(each["comment"]),
            each["timestamp"],
            text_of(each.get("user_id")),
        )
        for each in found.aggregate(pipeline, on_message(message), {"comment": {"$gt": ""}})
    ]
