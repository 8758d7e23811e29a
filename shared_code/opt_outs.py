"""Users who opted out of analytics: the collection `opt_outs`, `{_id: user_id, timestamp}`."""

from collections.abc import Mapping, Sequence
from itertools import compress
from time import monotonic
from typing import NamedTuple

from pymongo.errors import PyMongoError

from shared_code.database import get_collection
from shared_code.group_commit import Failed, look_up

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
    return opted_out | await ask(unknown, now) if unknown else opted_out


async def ask(user_ids: set[str], now: float) -> set[str]:
    """Ask MongoDB which of these users opted out, and remember it as what held now."""
    asked = list(user_ids)
    opted_out = set(compress(asked, await look_up(read, COLLECTION, asked)))
    remember({user: user in opted_out for user in asked}, now + MEMORY_SECONDS)
    return opted_out


def remember(found: Mapping[str, bool], until: float) -> None:
    """Remember answers until then, and forget all others when they are too many."""
    if len(remembered) + len(found) > MEMORY_SIZE:
        remembered.clear()
    remembered.update({user: Answer(opted_out, until) for user, opted_out in found.items()})


async def read(collection: str, user_ids: Sequence[str]) -> list[bool | Failed]:
    """Return of each of these users whether MongoDB names them, by one query."""
    wanted = list(set(user_ids))
    opt_outs = get_collection(collection).find(
        {"_id": {"$in": wanted}}, {"_id": True}, batch_size=len(wanted) + 1
    )
    try:
        named = {opt_out["_id"] async for opt_out in opt_outs}
    except PyMongoError as error:
        return [Failed(error)] * len(user_ids)
    return [user in named for user in user_ids]
