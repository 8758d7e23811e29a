"""Writing documents, and what MongoDB says of each."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from bson.raw_bson import RawBSONDocument
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    WriteError,
)

from shared_code.database import get_database
from shared_code.problems import Errors, FieldError, InvalidFields, StoreUnavailable
from shared_code.settings import get_settings

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# PyMongo may look for a server half a second longer than it was told to.
GRACE_SECONDS = 0.25

_running: set[asyncio.Task[Any]] = set()

DUPLICATE_KEY = 11000

# What only the server can refuse, for good, by its error code. Any other code may pass.
REFUSALS = {
    15: FieldError(("details",), "is nested deeper than MongoDB stores"),
    121: FieldError((), "is refused by the validation rules of the collection"),
    DUPLICATE_KEY: FieldError((), "is refused by a unique index of the collection"),
}


@dataclass
class InsertOutcome:
    """How many documents were newly stored or stored before, and why others were refused."""

    stored: int = 0
    duplicates: int = 0
    refused: Errors = field(default_factory=dict)


def mongodb_operation(
    operation: Callable[Parameters, Coroutine[Any, Any, Result]],
) -> Callable[Parameters, Coroutine[Any, Any, Result]]:
    """Give `operation` a bound on its time, and turn MongoDB's failures into `StoreUnavailable`.

    It runs in a task of its own, which is never cancelled: in Python 3.11 `asyncio.wait_for`, when
    it is cancelled, can leave PyMongo's lock on the list of servers locked for ever.
    """

    @functools.wraps(operation)
    async def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        task = asyncio.create_task(operation(*args, **kwargs))
        _running.add(task)
        task.add_done_callback(forget)
        limit = get_settings().mongodb_timeout_ms / 1000 + GRACE_SECONDS
        if not (await asyncio.wait({task}, timeout=limit))[0]:
            raise StoreUnavailable("no answer in time")
        try:
            return task.result()
        except PyMongoError as error:
            raise StoreUnavailable(describe(error)) from None

    return run


def forget(task: asyncio.Task[Any]) -> None:
    """Let go of a task that is done, also of one that nobody waits for any more."""
    _running.discard(task)
    if not task.cancelled():
        task.exception()


@mongodb_operation
async def replace(collection: str, document: RawBSONDocument) -> bool:
    """Store `document` in place of any other with its `_id`; return whether there was none.

    Raises:
        InvalidFields: MongoDB refuses the document.
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    try:
        result = await get_database()[collection].replace_one(
            {"_id": document["_id"]}, document, upsert=True
        )
    except WriteError as error:
        raise InvalidFields([refusal(error.code)]) from None
    return result.upserted_id is not None


@mongodb_operation
async def insert(collection: str, documents: Mapping[int, RawBSONDocument]) -> InsertOutcome:
    """Store each of `documents` whose `_id` is not stored yet; the index is the caller's.

    Raises:
        StoreUnavailable: MongoDB did not acknowledge the write in time.
    """
    try:
        await get_database()[collection].insert_many(documents.values(), ordered=False)
    except BulkWriteError as error:
        return to_outcome(error.details, list(documents))
    return InsertOutcome(stored=len(documents))


def to_outcome(details: Mapping[str, Any], indexes: Sequence[int]) -> InsertOutcome:
    """Read the reply to a bulk write of documents with these indexes that went wrong in part.

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
            outcome.refused[indexes[error["index"]]] = [refusal(error["code"])]
    return outcome


def refusal(code: int | None) -> FieldError:
    """Return what to tell the client of MongoDB's error `code`.

    Raises:
        StoreUnavailable: the error may pass.
    """
    if code not in REFUSALS:
        raise StoreUnavailable(f"write error {code}")
    return REFUSALS[code]


def describe(error: Exception) -> str:
    """Describe a failure for the log; only the texts of connection errors hold no documents."""
    name = type(error).__name__
    match error:
        case ConnectionFailure() | ConfigurationError():
            return f"{name}: {str(error).split(', Topology Description')[0]}"
        case OperationFailure():
            return f"{name}, code {error.code}"
        case _:
            return name
