"""Which failures of MongoDB may pass, so that another attempt is worth it.

PyMongo's own retries are off: they need a transaction number that Azure DocumentDB ignores, that
Amazon DocumentDB refuses, and that Cosmos DB refuses for a bulk write. Ours need nothing of the
server, because each write can be repeated without harm.
"""

import re

from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError

# Azure's "Request rate is large", which says how long to wait.
THROTTLED = 16500
RETRY_AFTER = re.compile(r"RetryAfterMs=(\d{1,9})")

PASSING = {
    THROTTLED,
    # A conflict of writes, and on Azure DocumentDB a deadlock of two bulk writes or a lock that was
    # not to be had; a part of the bulk write may be committed.
    *(112, 24),
    # After these, drivers repeat a write (MongoDB specification "Retryable Writes"): the server is
    # no primary any more, or a router could not reach it.
    *(6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436),
}


def may_pass(error: PyMongoError) -> bool:
    """Say whether the same may succeed after an error."""
    if isinstance(error, ConnectionFailure):
        # Another search for a server would take what is left of the time.
        return not isinstance(error, ServerSelectionTimeoutError)
    return getattr(error, "code", None) in PASSING


def seconds_asked_for(error: object) -> float | None:
    """Return how long a server that throttles asks to wait, if it does."""
    if getattr(error, "code", None) != THROTTLED:
        return None
    match = RETRY_AFTER.search(str(error))
    return int(match[1]) / 1000 if match else None
