"""The stored ids of one user: text, or a number or an ObjectId that another program stored."""

import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from bson import Decimal128, ObjectId
from pymongo.database import Database

from insights.kinds import Document, Kind

# The functions' limit.
LONGEST = 200

LARGEST_INTEGER = 2**63 - 1

EACH_USER = [{"$group": {"_id": "$user_id"}}]

# A default batch has 16 MB, and ten times that when decoded.
BATCH_SIZE = 10_000

# The Unicode category of invisible characters, such as a zero-width space.
FORMAT = "Cf"


def of_user(user_id: str, field: str = "user_id") -> dict[str, Any]:
    """Return the filter for a user's documents, which matches an id of any type."""
    return {field: {"$in": ids_of(user_id)}}


def ids_of(user_id: str) -> list[Any]:
    """Return the stored ids that are this one: the text, and equal numbers and ObjectIds."""
    return [user_id, *numbers_of(user_id), *object_ids_of(user_id)]


def numbers_of(user_id: str) -> list[int | float | Decimal128]:
    """Return the numbers that equal this id as text.

    MongoDB compares numbers across types, so 42 also matches 42.0. `042` is another id.
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
    """Say whether a number is an integer that BSON can hold."""
    return abs(number) <= LARGEST_INTEGER and number == int(number)


def floats_of(user_id: str) -> Iterator[float]:
    """Yield the float that `doctor` converts to this id, or that lists print like it, if any."""
    number = float(user_id)
    if isfinite(number) and user_id in {str(number), number_text(Decimal(str(number)))}:
        yield number


def decimals_of(user_id: str, number: Decimal) -> Iterator[Decimal128]:
    """Yield the decimal that `doctor` converts to this id, if BSON can hold it."""
    if number_text(number) == user_id:
        with suppress(ArithmeticError):
            yield Decimal128(number)


def object_ids_of(user_id: str) -> list[ObjectId]:
    """Return the ObjectId with these 24 digits, if the id is one."""
    return [ObjectId(user_id)] if ObjectId.is_valid(user_id) else []


def number_text(number: Decimal) -> str:
    """Return a number without exponent, `42` for 42.0; empty if it is not finite or too long."""
    if not number.is_finite() or abs(number.adjusted()) > LONGEST:
        return ""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if len(text) <= LONGEST else ""


def text_of(value: object) -> str:
    """Return an id as text; empty unless it is text, a number or an ObjectId."""
    match value:
        case str() | ObjectId():
            return str(value)
        case int() | float() | Decimal128() if not isinstance(value, bool):
            return number_text(Decimal(str(value)))
        case _:
            return ""


def similar_ids(database: Database[Document], user_id: str) -> list[str]:
    """Return the stored ids that differ only in case, blanks or Unicode normalisation, sorted.

    Reads all ids in batches, from the index on `user_id` if that exists.
    """
    own = ids_of(user_id)
    wanted, found = folded(user_id), set[str]()
    for kind in Kind:
        users = database[kind.collection].aggregate(EACH_USER, batchSize=BATCH_SIZE)
        for each in users:
            text = text_of(each["_id"])
            is_own = text == user_id or each["_id"] in own
            if text and not is_own and folded(text) == wanted:
                found.add(text)
    return sorted(found)


def folded(text: str) -> str:
    """Return a text without differences in case, blanks, invisible characters or normalisation."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = unicodedata.normalize("NFKC", text.casefold())
        text = "".join(each for each in text if unicodedata.category(each) != FORMAT)
    return "".join(text.casefold().split())
