"""Retries: the failures of MongoDB that may pass.

PyMongo's own retries are off. They need a transaction number, which Azure DocumentDB ignores,
Amazon DocumentDB refuses, and Cosmos DB refuses for bulk writes. Ours need nothing of the server,
because every write is idempotent.
"""

import re

from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError

# Azure's "Request rate is large".
THROTTLED = 16500
RETRY_AFTER = re.compile(r"RetryAfterMs=(\d{1,9})")

PASSING = {
    THROTTLED,
    # Write conflicts; on Azure DocumentDB also deadlocks and lock timeouts, after which a part of
    # the bulk write may be committed.
    *(112, 24),
    # Retried by drivers (MongoDB specification "Retryable Writes"): the server is not primary any
    # more, or a router cannot reach it.
    *(6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436),
}


def may_pass(error: PyMongoError) -> bool:
    """Say whether another attempt may succeed."""
    if isinstance(error, ConnectionFailure):
        # Another server selection would take the rest of the time.
        return not isinstance(error, ServerSelectionTimeoutError)
    return getattr(error, "code", None) in PASSING


def seconds_asked_for(error: object) -> float | None:
    """Return the wait that a throttling server asks for, if any."""
    if getattr(error, "code", None) != THROTTLED:
        return None
    match = RETRY_AFTER.search(str(error))
    return int(match[1]) / 1000 if match else None
