"""Writing documents, and what MongoDB says of each."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    WriteError,
)

from shared_code.database import get_database
from shared_code.problems import FieldError, InvalidFields, StoreUnavailable
from shared_code.settings import get_settings

DUPLICATE_KEY = 11000

# What only the server can refuse, for good, by its error code. Any other code may pass.
REFUSALS = {
    15: FieldError(("details",), "is nested deeper than MongoDB stores"),
    121: FieldError((), "is refused by the validation rules of the collection"),
}

# PyMongo does not count the lookup of an SRV record, so our own bound lies just above its.
GRACE_SECONDS = 0.25


@dataclass
class InsertOutcome:
    """How many documents were newly stored or stored before, and why others were refused."""

    stored: int = 0
    duplicates: int = 0
    refused: dict[int, FieldError] = field(default_factory=dict)


async def replace(collection: str, document: RawBSONDocument) -> bool:
    """Store `document` in place of any other with its `_id`; return whether there was none.

    Raises:
        InvalidFields: MongoDB refuses the document.
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    async with acknowledged_in_time():
        try:
            result = await get_database()[collection].replace_one(
                {"_id": document["_id"]}, document, upsert=True
            )
        except WriteError as error:
            raise InvalidFields([refusal(error.code)]) from None
    return result.upserted_id is not None


async def insert(collection: str, documents: Sequence[RawBSONDocument]) -> InsertOutcome:
    """Store each of `documents` whose `_id` is not stored yet.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    async with acknowledged_in_time():
        try:
            await get_database()[collection].insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return to_outcome(error.details)
    return InsertOutcome(stored=len(documents))


def to_outcome(details: Mapping[str, Any]) -> InsertOutcome:
    """Read the reply to a bulk write that went wrong in part.

    Raises:
        StoreUnavailable: a document failed for a reason that may pass, or was not yet replicated.
    """
    if details["writeConcernErrors"]:
        raise StoreUnavailable(f"write concern error {details['writeConcernErrors'][0]['code']}")
    outcome = InsertOutcome(stored=details["nInserted"])
    for error in details["writeErrors"]:
        if error["code"] == DUPLICATE_KEY and error.get("keyPattern") == {"_id": 1}:
            outcome.duplicates += 1
        else:
            outcome.refused[error["index"]] = refusal(error["code"])
    return outcome


def refusal(code: int | None) -> FieldError:
    """Return what to tell the client of MongoDB's error `code`.

    Raises:
        StoreUnavailable: the error may pass.
    """
    if code not in REFUSALS:
        raise StoreUnavailable(f"write error {code}")
    return REFUSALS[code]


@asynccontextmanager
async def acknowledged_in_time() -> AsyncIterator[None]:
    """Turn every failure of MongoDB within, and a late answer, into `StoreUnavailable`."""
    try:
        async with asyncio.timeout(get_settings().mongodb_timeout_ms / 1000 + GRACE_SECONDS):
            yield
    except (PyMongoError, TimeoutError) as error:
        raise StoreUnavailable(describe(error)) from None


def describe(error: Exception) -> str:
    """Describe a failure for the log; only connection errors have texts without documents."""
    name = type(error).__name__
    match error:
        case ConnectionFailure():
            return f"{name}: {str(error).split(', Topology Description')[0]}"
        case OperationFailure():
            return f"{name}, code {error.code}"
        case _:
            return name
