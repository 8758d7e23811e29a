"""What a rating says: positive, neutral, negative, or nothing that is known (unscored).

The one definition, as expressions that MongoDB evaluates.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

Expression = dict[str, Any]

# Read alike by Python and by MongoDB: such as 5, +1, -1 and 4.5.
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


class Sentiment(StrEnum):
    """What a rating says."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    UNSCORED = "unscored"


class Scale(NamedTuple):
    """The lowest and the highest of the numbers that ratings may be."""

    lowest: float
    highest: float


FIVE_STARS = Scale(1, 5)

# An emoji may carry a skin tone, and the mark that asks for its colourful form.
UP, DOWN = "👍", "👎"
TONES = ("", *map(chr, range(0x1F3FB, 0x1F400)))
MARKS = ("", "\N{VARIATION SELECTOR-16}")


def variants(emoji: str) -> list[str]:
    """Return all ways to write an emoji that may have a skin tone."""
    return [f"{emoji}{tone}{mark}" for tone in TONES for mark in MARKS]


# A sign makes a vote of a one: `+1` is none of five stars.
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
    """Return the expression that gives the sentiment of `$rating`, one of `Sentiment`'s values.

    `ratings` are those of the setting `FEEDBACK_RATINGS`, or None: their numbers are the scale.
    """
    words = [{"case": {"$in": ["$$word", each]}, "then": name} for name, each in WORDS.items()]
    numbers = cases("$$number", scale_of(ratings))
    scored = {"$switch": {"branches": words + numbers, "default": Sentiment.UNSCORED}}
    return let("word", word(), let("number", number_in("$$word"), scored))


def let(name: str, value: Expression, expression: Expression) -> Expression:
    """Return an expression that may use a value as `$$name`.

    One at a time: Azure DocumentDB before 0.109 fails, or crashes, where one `$let` has two.
    """
    return {"$let": {"vars": {name: value}, "in": expression}}


def cases(number: str, scale: Scale) -> list[Expression]:
    """Return the branches that score a number; one outside the scale matches none."""
    middle = (scale.lowest + scale.highest) / 2
    above = {"$and": [{"$gt": [number, middle]}, {"$lte": [number, scale.highest]}]}
    below = {"$and": [{"$gte": [number, scale.lowest]}, {"$lt": [number, middle]}]}
    return [
        {"case": above, "then": Sentiment.POSITIVE},
        {"case": below, "then": Sentiment.NEGATIVE},
        {"case": {"$eq": [number, middle]}, "then": Sentiment.NEUTRAL},
    ]


def scale_of(ratings: Sequence[str] | None) -> Scale:
    """Return the scale that a vocabulary's numbers span, or five stars if it has not two."""
    numbers = {float(rating) for rating in ratings or () if NUMBER.fullmatch(rating)}
    return Scale(min(numbers), max(numbers)) if len(numbers) > 1 else FIVE_STARS


def word() -> Expression:
    """Return the expression that gives `$rating` as a word: trimmed and in lower case."""
    text = {"$convert": {"input": "$rating", "to": "string", "onError": "", "onNull": ""}}
    return {"$toLower": {"$trim": {"input": text}}}


def number() -> Expression:
    """Return the expression that gives `$rating` as a number, or null if it is none."""
    return let("word", word(), number_in("$$word"))


def number_in(word: str) -> Expression:
    """Return the expression that gives a word as a number, or null if it is none.

    Each part is right on its own, because Azure DocumentDB before 0.109 evaluates both branches of
    a `$cond`, and converts what `$trim` gives only after a `$concat`.
    """
    # $toDouble alone would also take "inf", "nan" and hexadecimal digits.
    is_number = {"$regexMatch": {"input": word, "regex": f"^{NUMBER.pattern}$"}}
    digits = {"$concat": [{"$cond": [is_number, word, "0"]}, ""]}
    return let("value", {"$toDouble": digits}, {"$cond": [is_number, "$$value", None]})
