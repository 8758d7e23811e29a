"""Users who opted out of analytics: the collection `opt_outs`, `{_id: user_id, timestamp}`."""

from collections.abc import Mapping
from time import monotonic
from typing import NamedTuple

from shared_code.database import get_database
from shared_code.operations import mongodb_operation

COLLECTION = "opt_outs"

# An opt-out must hold everywhere within a minute: so long after the question is an answer used, by
# requests that may go on for 10 seconds more (settings.py).
MEMORY_SECONDS = 45
MEMORY_SIZE = 10_000


class Answer(NamedTuple):
    """Whether a user opted out, and until when that is remembered."""

    opted_out: bool
    until: float


remembered: dict[str, Answer] = {}


async def find_opted_out(user_ids: set[str]) -> set[str]:
    """Return which of these users opted out, as of at most a minute ago.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    now = monotonic()
    opted_out, unknown = set(), set()
    for user in user_ids:
        answer = remembered.get(user)
        if answer is None or answer.until <= now:
            unknown.add(user)
        elif answer.opted_out:
            opted_out.add(user)
    return opted_out | await look_up(unknown, now) if unknown else opted_out


async def look_up(user_ids: set[str], now: float) -> set[str]:
    """Ask MongoDB which of these users opted out, and remember it as what held now."""
    opted_out = set(await read(user_ids))
    remember({user: user in opted_out for user in user_ids}, now + MEMORY_SECONDS)
    return opted_out


def remember(found: Mapping[str, bool], until: float) -> None:
    """Remember so much until then, and forget all else when it is too much."""
    if len(remembered) + len(found) > MEMORY_SIZE:
        remembered.clear()
    remembered.update({user: Answer(opted_out, until) for user, opted_out in found.items()})


@mongodb_operation
async def read(user_ids: set[str]) -> list[str]:
    """Return which of these users MongoDB names."""
    # One batch is one query, whatever it finds.
    opt_outs = get_database()[COLLECTION].find(
        {"_id": {"$in": list(user_ids)}}, {"_id": 1}, batch_size=len(user_ids) + 1
    )
    return [opt_out["_id"] async for opt_out in opt_outs]
