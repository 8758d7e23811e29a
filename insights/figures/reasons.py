"""The reasons that users gave with negative ratings."""

from dataclasses import dataclass

from insights.figures.ratings import Ratings
from insights.figures.shares import Counts, Interval, share_of
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Sentiment

# Reasons beyond the most frequent are only counted.
NAMED = 10

# The functions' limit, in characters.
LONGEST = 64


@dataclass(frozen=True)
class ReasonCount:
    """A reason, and the negative ratings that give it.

    `share` is their share of the negative ratings with reasons, 0 to 1, with its 95 % interval.
    """

    reason: str
    count: int
    share: float
    share_interval: Interval


@dataclass(frozen=True)
class Reasons:
    """The ten most frequent reasons of the negative `ratings` that give any.

    `others` is the number of times that further reasons are given.
    """

    ratings: int
    reasons: list[ReasonCount]
    others: int


def count_reasons(found: Scope, ratings: Ratings) -> Reasons:
    """Return the reasons of the negative ratings in a scope."""
    with_reasons = [{"$match": {"$expr": ratings.test(Sentiment.NEGATIVE)}}, *texts_only()]
    is_negative = ratings.filter(Sentiment.NEGATIVE)
    pipeline = [
        *with_reasons,
        {"$unwind": "$reasons"},
        {"$group": {"_id": "$reasons", "count": {"$sum": 1}}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": NAMED},
    ]
    # Also matches an array with a text in it.
    has_text = {"reasons": {"$type": "string"}}
    named = [each["_id"] for each in found.aggregate(pipeline, is_negative, has_text)]
    if not named:
        return Reasons(0, [], 0)
    # All numbers are of this query, because feedback may arrive after the first.
    profiles = found.aggregate([*with_reasons, *by_user(named)], is_negative, has_text)
    reasons = []
    for number, reason in enumerate(named):
        share = share_of(
            Counts(each["users"], each["_id"][f"reason_{number}"], each["_id"]["ratings"])
            for each in profiles
        )
        if share:
            reasons.append(ReasonCount(reason, share.positive, share.value, share.interval))
    number = sum(each["users"] * each["_id"]["ratings"] for each in profiles)
    given = sum(each["given"] for each in profiles)
    return Reasons(number, reasons, given - sum(each.count for each in reasons))


def texts_only() -> list[Stage]:
    """Return the stages that keep the distinct texts of `reasons`, and documents with some.

    Other programs may have stored longer ones than the functions do. Only their beginning counts,
    because the reasons go back to MongoDB in one query.
    """
    is_text = {"$and": [{"$eq": [{"$type": "$$each"}, "string"]}, {"$ne": ["$$each", ""]}]}
    reasons = {"$cond": [{"$isArray": ["$reasons"]}, "$reasons", []]}
    texts = {"$filter": {"input": reasons, "as": "each", "cond": is_text}}
    short = {"$map": {"input": texts, "as": "each", "in": {"$substrCP": ["$$each", 0, LONGEST]}}}
    return [
        {"$project": {"user_id": 1, "reasons": {"$setUnion": [short, []]}}},
        {"$match": {"reasons": {"$ne": []}}},
    ]


def by_user(reasons: list[str]) -> list[Stage]:
    """Return the stages that count each reason by user; users with equal counts are one result."""
    counts = {
        f"reason_{number}": {"$sum": {"$cond": [{"$in": [{"$literal": reason}, "$reasons"]}, 1, 0]}}
        for number, reason in enumerate(reasons)
    } | {"ratings": {"$sum": 1}}
    equal = {name: f"${name}" for name in counts}
    return [
        {"$group": {"_id": "$user_id", **counts, "given": {"$sum": {"$size": "$reasons"}}}},
        {"$group": {"_id": equal, "users": {"$sum": 1}, "given": {"$sum": "$given"}}},
    ]
