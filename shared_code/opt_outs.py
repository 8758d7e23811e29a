"""Users who opted out of analytics: the collection `opt_outs`, `{_id: user_id, timestamp}`."""

from collections.abc import Iterable
from time import monotonic

from cachetools import TTLCache

from shared_code.database import get_database
from shared_code.operations import mongodb_operation

COLLECTION = "opt_outs"

# An opt-out must hold everywhere within a minute: so long is an answer remembered if it came so
# soon, and the request it was asked for may go on for 10 seconds more (settings.py).
MEMORY_SECONDS = 45
PROMPT_SECONDS = 5
MEMORY_SIZE = 10_000

remembered: TTLCache[str, bool] = TTLCache(MEMORY_SIZE, MEMORY_SECONDS)


async def find_opted_out(user_ids: Iterable[str]) -> set[str]:
    """Return which of these users opted out, as of at most a minute ago.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    known = {user: remembered.get(user) for user in user_ids}
    unknown = [user for user, answer in known.items() if answer is None]
    if unknown:
        asked = monotonic()
        answers = dict.fromkeys(unknown, False) | dict.fromkeys(await read(unknown), True)
        known |= answers
        if monotonic() - asked < PROMPT_SECONDS:
            remembered.update(answers)
    return {user for user, opted_out in known.items() if opted_out}


@mongodb_operation
async def read(user_ids: list[str]) -> list[str]:
    """Return which of these users MongoDB names."""
    # One batch is one query, whatever it finds.
    opt_outs = get_database()[COLLECTION].find(
        {"_id": {"$in": user_ids}}, {"_id": 1}, batch_size=len(user_ids) + 1
    )
    return [opt_out["_id"] async for opt_out in opt_outs]
