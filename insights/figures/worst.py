"""The worst-rated messages, with their comments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from insights.figures.ratings import NO_RATING, Ratings
from insights.figures.sequences import key_of
from insights.figures.shares import Interval, wilson_interval
from insights.kinds import Document, Kind
from insights.messages.records import find_messages
from insights.queries.documents import as_text
from insights.queries.left_out import LeftOut, Reason
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Sentiment, but_dates, count_of
from insights.settings import Settings
from insights.users.ids import ids_of, of_user, text_of

WORST = 10
COMMENTS_OF_EACH = 5

# The messages whose other ratings are counted together, and the size of their ids: other programs
# may have stored long ones.
BATCH = 200
MOST_CHARACTERS = 1_000_000

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

HAS_COMMENT = {"$and": [{"$eq": [{"$type": "$comment"}, "string"]}, {"$ne": ["$comment", ""]}]}


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


def worst_messages(found: Scope, ratings: Ratings, settings: Settings) -> list[WorstMessage]:
    """Return the messages whose share of negative ratings has the highest lower bound.

    A message with many ratings of which most are negative thus precedes one with a single negative
    rating. Of equals, such as messages with one rating each, those with a comment come first, and
    then the newest.

    Raises:
        Unreadable: the MongoDB user may not read the application's messages.
    """
    worst = rank(found, ratings)
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
            comments_on(found, ratings, each["_id"]),
        )
        for each in worst
    ]


def rank(found: Scope, ratings: Ratings) -> list[Document]:
    """Return the numbers of the worst messages.

    Messages are counted in the order of their negative ratings, until no further one can be worse:
    at worst, all its ratings are negative.
    """
    worst: list[Document] = []
    for some in in_queries(most_negative(found, ratings)):
        worst = sorted([*worst, *count(found, ratings, some)], key=badness, reverse=True)[:WORST]
        if len(worst) == WORST and lower_bound(some[-1]["negative"]) <= worst[-1]["least"]:
            break
    return worst


def in_queries(messages: Iterable[Document]) -> Iterator[list[Document]]:
    """Split messages so that the ids of each part fit in a query."""
    some: list[Document] = []
    size = 0
    for each in messages:
        length = len(repr(ids_of_message(each)))
        if some and (len(some) == BATCH or size + length > MOST_CHARACTERS):
            yield some
            some, size = [], 0
        some.append(each)
        size += length
    if some:
        yield some


def badness(message: Document) -> tuple[float, int, datetime]:
    """Return the key that sorts messages."""
    return message["least"], message["commented"], message["newest"]


def lower_bound(negative: int, count: int | None = None, effective: float | None = None) -> float:
    """Return the lower bound of the share of negative ratings; all are negative without a count."""
    return wilson_interval(negative / (count or negative), effective or negative).low


def most_negative(found: Scope, ratings: Ratings) -> Iterator[Document]:
    """Yield the messages with negative ratings, those with most of them first."""
    is_negative = ratings.test(Sentiment.NEGATIVE)
    pipeline: list[Stage] = [
        {"$match": {"$expr": is_negative}},
        {
            "$group": {
                "_id": MESSAGE,
                "ids": {"$addToSet": "$message_id"},
                "negative": {"$sum": 1},
                "commented": {"$max": {"$cond": [HAS_COMMENT, 1, 0]}},
                "newest": {"$max": "$timestamp"},
            }
        },
        {"$sort": {"negative": -1, "commented": -1, "newest": -1, "_id": 1}},
    ]
    conditions = ratings.filter(Sentiment.NEGATIVE), {"$nor": [WITHOUT_MESSAGE]}
    yield from found.stream(pipeline, *conditions, batch=BATCH)


def count(found: Scope, ratings: Ratings, messages: list[Document]) -> Iterator[Document]:
    """Yield messages with the numbers of all their scored ratings."""
    pipeline: list[Stage] = [
        {"$match": {"$expr": ratings.test_scored()}},
        {"$group": {"_id": {"message": MESSAGE, "user": "$user_id"}, "count": {"$sum": 1}}},
        {
            "$group": {
                "_id": "$_id.message",
                "count": {"$sum": "$count"},
                "squares": {"$sum": {"$multiply": ["$count", "$count"]}},
            }
        },
    ]
    ids = [each for message in messages for each in ids_of_message(message)]
    counted = {
        key_of(each["_id"]): each
        for each in found.aggregate(pipeline, {"message_id": {"$in": ids}})
    }
    for each in messages:
        if numbers := counted.get(key_of(each["_id"])):
            # It may have been rated since.
            total = max(numbers["count"], each["negative"])
            effective = total**2 / max(numbers["squares"], total)
            least = lower_bound(each["negative"], total, effective)
            yield each | {"count": total, "effective": effective, "least": least}


def ids_of_message(message: Document) -> list[Any]:
    """Return the ids of a message, which may be stored with several types."""
    text = message["_id"]
    others = ids_of(text) if isinstance(text, str) else []
    return [*message["ids"], *(each for each in others if each not in message["ids"])]


def on_message(message: object) -> dict[str, Any]:
    """Return the filter for a message, whose id may be stored with another type."""
    if isinstance(message, str):
        return of_user(message, "message_id")
    return {"message_id": {"$eq": message}}


def comments_on(found: Scope, ratings: Ratings, message: object) -> list[Comment]:
    """Return a message's newest comments, those of negative ratings first."""
    pipeline: list[Stage] = [
        {"$addFields": {"is_negative": ratings.test(Sentiment.NEGATIVE)}},
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
