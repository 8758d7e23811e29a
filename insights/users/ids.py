"""Which stored ids are one user's: the text, and the number or ObjectId of another program."""

import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from bson import Decimal128, ObjectId
from pymongo.database import Database

from insights.kinds import Document, Kind

# The limit of the functions.
LONGEST = 200

LARGEST_INTEGER = 2**63 - 1

EACH_USER = [{"$group": {"_id": "$user_id"}}]

# Otherwise a batch is 16 MB, and ten times that once it is decoded.
BATCH_SIZE = 10_000

# Invisible characters, such as a zero-width space.
FORMAT = "Cf"


def of_user(user_id: str, field: str = "user_id") -> dict[str, Any]:
    """Return the filter for what is stored of a user, whatever type the id has there."""
    return {field: {"$in": [user_id, *numbers_of(user_id), *object_ids_of(user_id)]}}


def numbers_of(user_id: str) -> list[int | float | Decimal128]:
    """Return the numbers that are written like this id.

    MongoDB finds an integer in all of its types: 42 is also 42.0. `042` is another id.
    """
    try:
        number = Decimal(user_id)
    except InvalidOperation:
        return []
    if not number.is_finite():
        return []
    if number_text(number) == user_id and is_integer(number):
        return [int(number)]
    return [*floats_of(user_id), *decimals_of(user_id, number)]


def is_integer(number: Decimal) -> bool:
    """Say whether it is an integer that BSON can hold."""
    return abs(number) <= LARGEST_INTEGER and number == int(number)


def floats_of(user_id: str) -> Iterator[float]:
    """Yield the float that `doctor` turns into this id, or that lists show so, if there is one."""
    number = float(user_id)
    if isfinite(number) and user_id in {str(number), number_text(Decimal(str(number)))}:
        yield number


def decimals_of(user_id: str, number: Decimal) -> Iterator[Decimal128]:
    """Yield the decimal that `doctor` turns into this id, if BSON holds it."""
    if number_text(number) == user_id:
        with suppress(ArithmeticError):
            yield Decimal128(number)


def object_ids_of(user_id: str) -> list[ObjectId]:
    """Return the ObjectId that is written like this id, if there is one."""
    return [ObjectId(user_id)] if ObjectId.is_valid(user_id) else []


def number_text(number: Decimal) -> str:
    """Return a number in digits, `42` for 42.0; nothing if it is not finite or too long."""
    if not number.is_finite() or abs(number.adjusted()) > LONGEST:
        return ""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if len(text) <= LONGEST else ""


def text_of(value: object) -> str:
    """Return an id as text; nothing if it is neither a text nor a number nor an ObjectId."""
    match value:
        case str() | ObjectId():
            return str(value)
        case int() | float() | Decimal128() if not isinstance(value, bool):
            return number_text(Decimal(str(value)))
        case _:
            return ""


def similar_ids(database: Database[Document], user_id: str) -> list[str]:
    """Return the stored ids that differ only in case, blanks or Unicode normalisation, in order.

    All ids are looked at, but one after the other; the index on `user_id` holds them.
    """
    own = of_user(user_id)["user_id"]["$in"]
    wanted, found = likeness(user_id), set[str]()
    for kind in Kind:
        users = database[kind.collection].aggregate(EACH_USER, batchSize=BATCH_SIZE)
        for each in users:
            text = text_of(each["_id"])
            is_own = text == user_id or each["_id"] in own
            if text and not is_own and likeness(text) == wanted:
                found.add(text)
    return sorted(found)


def likeness(text: str) -> str:
    """Return what texts share that people take for the same."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = unicodedata.normalize("NFKC", text.casefold())
        text = "".join(each for each in text if unicodedata.category(each) != FORMAT)
    return "".join(text.casefold().split())
