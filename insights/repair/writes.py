"""Bulk writes, and their errors in the server's words."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import DeleteOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError
from pymongo.results import BulkWriteResult

from insights.errors import Refused

DUPLICATE_KEY = 11000


def insert_absent(collection: Collection[Any], documents: Sequence[Mapping[str, Any]]) -> None:
    """Insert the documents whose `_id` is not stored yet, confirmed by a majority.

    Raises:
        Refused: MongoDB does not store one for another reason.
    """
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        errors = [each for each in errors_in(error) if each.get("code") != DUPLICATE_KEY]
        if errors:
            raise refused(errors[0]) from None


def write(
    collection: Collection[Any], operations: Sequence[UpdateOne | DeleteOne]
) -> BulkWriteResult:
    """Send guarded updates or deletes in one bulk write, confirmed by a majority.

    Raises:
        Refused: MongoDB refuses one.
    """
    try:
        return collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        raise refused(errors_in(error)[0]) from None


def errors_in(error: BulkWriteError) -> list[Mapping[str, Any]]:
    """Return the errors of single writes, then those of the write concern."""
    return [*error.details["writeErrors"], *error.details["writeConcernErrors"]]


def refused(error: Mapping[str, Any]) -> Refused:
    """Return the error for the user. PyMongo's own text would show whole documents."""
    return Refused(f"MongoDB refused the operation: {error.get('errmsg', error.get('code'))}")
