"""Users and messages that must exist elsewhere in the database before anything is said of them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import compress
from typing import Any

from bson import ObjectId
from pymongo.errors import PyMongoError

from shared_code.database import get_collection
from shared_code.group_commit import Failed, look_up
from shared_code.problems import FieldError
from shared_code.settings import get_settings
from shared_code.validation import Document

MEMORY_SECONDS = 60
MEMORY_SIZE = 10_000

Reference = tuple[str, str]
"""A field's name and its value, such as `("user_id", "u1")`."""


async def find_unknown(documents: Sequence[Document]) -> dict[int, list[FieldError]]:
    """Return the errors of those documents, by index, that name an unknown user or message.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    lookups = get_settings().lookups
    if not lookups:
        return {}
    named: dict[int, list[Reference]] = {
        index: [(field, fields[field]) for field in lookups if field in fields]
        for index, fields in enumerate(document.fields for document in documents)
    }
    unknown = await find_missing({each for references in named.values() for each in references})
    return {
        index: [FieldError((each[0],), "does not exist") for each in references if each in unknown]
        for index, references in named.items()
        if not unknown.isdisjoint(references)
    }


async def find_missing(references: set[Reference]) -> set[Reference]:
    """Return the references that lead nowhere; those that do not are remembered for a minute."""
    unsure = {reference for reference in references if reference not in remembered()}
    if not unsure:
        return set()
    found = await ask(unsure)
    remembered().update(dict.fromkeys(found & unsure, True))
    return unsure - found


@cache
def remembered() -> Any:  # noqa: ANN401 (its type is imported only where it is used)
    """Return the cache of references that were found."""
    from cachetools import TTLCache  # noqa: PLC0415 (references are off by default)

    return TTLCache(MEMORY_SIZE, MEMORY_SECONDS)


async def ask(references: set[Reference]) -> set[Reference]:
    """Return those of `references` that MongoDB has, by one query a lookup."""
    values: dict[str, list[str]] = defaultdict(list)
    for field, value in references:
        values[field].append(value)
    lookups = get_settings().lookups
    replies = await asyncio.gather(
        *(look_up(read, lookups[field], wanted) for field, wanted in values.items())
    )
    return {
        (field, value)
        for (field, wanted), reply in zip(values.items(), replies, strict=True)
        for value in compress(wanted, reply)
    }


async def read(lookup: str, values: Sequence[str]) -> list[bool | Failed]:
    """Return of each value whether a lookup such as `users._id` has it, by one query."""
    collection, _, path = lookup.partition(".")
    pipeline = find_values(path, set(values))
    try:
        # One batch is one query: a value may be found as a text and as an ObjectId.
        cursor = await get_collection(collection).aggregate(pipeline, batchSize=2 * len(values) + 1)
        found = {str(each["_id"]) async for each in cursor}
    except PyMongoError as error:
        return [Failed(error)] * len(values)
    return [value in found for value in values]


def find_values(path: str, values: set[str]) -> list[dict[str, Any]]:
    """Return the stages that find which of `values` are at a path, one document each.

    An ObjectId is named by its 24 lower-case hexadecimal digits. The field may be an array.
    """
    ids = [ObjectId(value) for value in values if ObjectId.is_valid(value)]
    wanted = {"$in": [*values, *ids]}
    return [
        {"$match": {path: wanted}},
        {"$project": {"value": f"${path}"}},
        {"$unwind": "$value"},
        {"$match": {"value": wanted}},
        {"$group": {"_id": "$value"}},
    ]
