"""Lookups: optional checks that a user or a message exists elsewhere in the database."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, compress
from typing import Any

from bson import ObjectId
from pymongo.errors import PyMongoError

from shared_code.mongodb.connection import get_collection
from shared_code.mongodb.group_commit import Failed, read_grouped
from shared_code.problems import FieldError
from shared_code.settings import get_settings
from shared_code.validation import Document, Write

MEMORY_SECONDS = 60
MEMORY_SIZE = 10_000

Key = tuple[str, str]
"""A field's name and its value, such as `("user_id", "u1")`."""


async def lookup_errors(writes: Sequence[Write]) -> dict[int, list[FieldError]]:
    """Return the errors of those writes, by index, whose user or message does not exist.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    if not get_settings().lookups:
        return {}
    keys = {index: list(keys_in(write.document)) for index, write in enumerate(writes)}
    missing = await find_missing({key for each in keys.values() for key in each})
    return {
        index: [FieldError((key[0],), "does not exist") for key in each if key in missing]
        for index, each in keys.items()
        if not missing.isdisjoint(each)
    }


def keys_in(document: Document) -> Iterator[Key]:
    """Yield the keys of a document that must exist. Those of system users need not."""
    settings = get_settings()
    for field in settings.lookups:
        is_exempt = field == "user_id" and document[field] in settings.system_users
        if field in document and not is_exempt:
            yield field, document[field]


async def find_missing(keys: set[Key]) -> set[Key]:
    """Return the keys that do not exist; those that do are cached for a minute."""
    asked = {key for key in keys if key not in cached_keys()}
    if not asked:
        return set()
    found = await find_existing(asked)
    cached_keys().update(dict.fromkeys(found & asked, True))
    return asked - found


@cache
def cached_keys() -> Any:  # noqa: ANN401 (its type is imported only where it is used)
    """Return the cache of keys that exist."""
    from cachetools import TTLCache  # noqa: PLC0415 (lookups are off by default)

    return TTLCache(MEMORY_SIZE, MEMORY_SECONDS)


async def find_existing(keys: set[Key]) -> set[Key]:
    """Return the keys that exist in MongoDB, by one query a lookup."""
    values: dict[str, list[str]] = defaultdict(list)
    for field, value in keys:
        values[field].append(value)
    lookups = get_settings().lookups
    replies = await asyncio.gather(
        *(read_grouped(have_values, lookups[field], asked) for field, asked in values.items())
    )
    return {
        (field, value)
        for (field, asked), reply in zip(values.items(), replies, strict=True)
        for value in compress(asked, reply)
    }


async def have_values(lookup: str, values: Sequence[str]) -> list[bool | Failed]:
    """Return for each value whether a lookup such as `users._id` has it, by one query."""
    collection, _, path = lookup.partition(".")
    pipeline = find_values(path, set(values))
    try:
        # The batch holds every match, so it is one query. A value matches as text and as ObjectId.
        cursor = await get_collection(collection).aggregate(pipeline, batchSize=2 * len(values) + 1)
        found = {str(each["_id"]) async for each in cursor}
    except PyMongoError as error:
        return [Failed(error)] * len(values)
    return [value in found for value in values]


def find_values(path: str, values: set[str]) -> list[dict[str, Any]]:
    """Return the stages that find which of `values` are at a path, one document each.

    The path may lead through arrays, and the field may hold ObjectIds, which are written as 24
    lower-case hex digits.
    """
    ids = [ObjectId(value) for value in values if ObjectId.is_valid(value)]
    wanted = {path: {"$in": [*values, *ids]}}
    parts = accumulate(path.split("."), "{}.{}".format)
    return [
        {"$match": wanted},
        {"$project": {path: True}},
        # Each part of the path may be an array, and `$unwind` keeps any other value.
        *({"$unwind": f"${each}"} for each in parts),
        {"$match": wanted},
        {"$group": {"_id": f"${path}"}},
    ]
