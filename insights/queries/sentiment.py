"""The sentiment of a rating (positive, neutral, negative or unscored), as MongoDB expressions."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

Expression = dict[str, Any]

# Numbers that Python and MongoDB parse alike: 5, +1, -1, 4.5.
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


class Sentiment(StrEnum):
    """The sentiment of a rating."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    UNSCORED = "unscored"


class Scale(NamedTuple):
    """The lowest and highest numeric ratings."""

    lowest: float
    highest: float


FIVE_STARS = Scale(1, 5)

# Optional characters after an emoji: a skin tone, and the variation selector for its colour form.
UP, DOWN = "👍", "👎"
TONES = ("", *map(chr, range(0x1F3FB, 0x1F400)))
SELECTORS = ("", "\N{VARIATION SELECTOR-16}")


def variants(emoji: str) -> list[str]:
    """Return an emoji with every skin tone and selector."""
    return [f"{emoji}{tone}{selector}" for tone in TONES for selector in SELECTORS]


# `+1` and `-1` are votes, not one star of five.
WORDS = {
    Sentiment.POSITIVE: ["positive", "good", "up", "like", "thumbs_up", "yes", "+1", *variants(UP)],
    Sentiment.NEGATIVE: [
        "negative",
        "bad",
        "down",
        "dislike",
        "thumbs_down",
        "no",
        "-1",
        *variants(DOWN),
    ],
    Sentiment.NEUTRAL: ["neutral"],
}


def sentiment(ratings: Sequence[str] | None) -> Expression:
    """Return the expression for the sentiment of `$rating`.

    The numbers in `ratings`, the setting `FEEDBACK_RATINGS`, define the scale.
    """
    words = [{"case": {"$in": ["$$word", each]}, "then": name} for name, each in WORDS.items()]
    numbers = cases("$$number", scale_of(ratings))
    scored = {"$switch": {"branches": words + numbers, "default": Sentiment.UNSCORED}}
    return let("word", word(), let("number", number_in("$$word"), scored))


def add_sentiment(ratings: Sequence[str] | None) -> Expression:
    """Return the stage that adds the field `sentiment` to documents with a rating."""
    return {"$addFields": {"sentiment": sentiment(ratings)}}


def count_of(name: str, count: str | int) -> Expression:
    """Return the accumulator that sums the counts of one sentiment."""
    return {"$sum": {"$cond": [{"$eq": ["$sentiment", name]}, count, 0]}}


def let(name: str, value: str | Expression, expression: Expression) -> Expression:
    """Bind a value to `$$name` in an expression.

    One variable per `$let`: with two, Azure DocumentDB before 0.109 fails or crashes.
    """
    return {"$let": {"vars": {name: value}, "in": expression}}


def cases(number: str, scale: Scale) -> list[Expression]:
    """Return the branches that score a number. A number outside the scale matches none."""
    middle = (scale.lowest + scale.highest) / 2
    above = {"$and": [{"$gt": [number, middle]}, {"$lte": [number, scale.highest]}]}
    below = {"$and": [{"$gte": [number, scale.lowest]}, {"$lt": [number, middle]}]}
    return [
        {"case": above, "then": Sentiment.POSITIVE},
        {"case": below, "then": Sentiment.NEGATIVE},
        {"case": {"$eq": [number, middle]}, "then": Sentiment.NEUTRAL},
    ]


def scale_of(ratings: Sequence[str] | None) -> Scale:
    """Return the range of the numbers in `ratings`, or five stars if there are fewer than two."""
    numbers = {float(rating) for rating in ratings or () if NUMBER.fullmatch(rating)}
    return Scale(min(numbers), max(numbers)) if len(numbers) > 1 else FIVE_STARS


def word() -> Expression:
    """Return the expression for `$rating` as trimmed lower-case text."""
    text = {"$convert": {"input": "$rating", "to": "string", "onError": "", "onNull": ""}}
    text = but_dates("$rating", text, "")
    return {"$toLower": {"$trim": {"input": text}}}


def but_dates(field: str, expression: Expression, instead: str) -> Expression:
    """Return an expression that converts a field to text, but gives `instead` for dates.

    Beyond the years 0 to 9999 their conversion fails, even with `onError`.
    """
    return {"$cond": [{"$eq": [{"$type": field}, "date"]}, instead, expression]}


def number() -> Expression:
    """Return the expression for `$rating` as a number, or null if it is not one."""
    return let("word", word(), number_in("$$word"))


def number_in(word: str) -> Expression:
    """Return the expression for a word as a number, or null if it is not one.

    Azure DocumentDB before 0.109 evaluates both branches of a `$cond`, so `$toDouble` always gets
    digits, and it converts the result of `$trim` only after a `$concat`.
    """
    # $toDouble also accepts "inf", "nan" and hexadecimal digits.
    is_number = {"$regexMatch": {"input": word, "regex": f"^{NUMBER.pattern}$"}}
    digits = {"$concat": [{"$cond": [is_number, word, "0"]}, ""]}
    return let("value", {"$toDouble": digits}, {"$cond": [is_number, "$$value", None]})
