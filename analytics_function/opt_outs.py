"""Users who opted out of analytics: the collection `opt_outs`, `{_id: user_id, timestamp}`."""

from collections.abc import Mapping, Sequence
from itertools import compress
from time import monotonic
from typing import NamedTuple

from pymongo.errors import PyMongoError

from shared_code.mongodb.connection import get_collection
from shared_code.mongodb.group_commit import Failed, read_grouped

COLLECTION = "opt_outs"

# An opt-out must hold everywhere within a minute. An answer is used for 45 s, by requests that may
# take another 10 s (settings.py).
MEMORY_SECONDS = 45
MEMORY_SIZE = 10_000


class Answer(NamedTuple):
    """Whether a user opted out, and how long that answer is used."""

    opted_out: bool
    until: float


cached_answers: dict[str, Answer] = {}


async def find_opted_out(user_ids: set[str]) -> set[str]:
    """Return the users who opted out, as of at most a minute ago.

    Raises:
        StoreUnavailable: MongoDB did not answer in time.
    """
    now = monotonic()
    opted_out, unknown = set(), set()
    for user in user_ids:
        answer = cached_answers.get(user)
        if answer is None or answer.until <= now:
            unknown.add(user)
        elif answer.opted_out:
            opted_out.add(user)
    return opted_out | await ask(unknown, now) if unknown else opted_out


async def ask(user_ids: set[str], now: float) -> set[str]:
    """Ask MongoDB which users opted out, and cache the answers from `now` on."""
    asked = list(user_ids)
    opted_out = set(compress(asked, await read_grouped(have_opted_out, COLLECTION, asked)))
    remember({user: user in opted_out for user in asked}, now + MEMORY_SECONDS)
    return opted_out


def remember(found: Mapping[str, bool], until: float) -> None:
    """Cache answers; a full cache is emptied first."""
    if len(cached_answers) + len(found) > MEMORY_SIZE:
        cached_answers.clear()
    cached_answers.update({user: Answer(opted_out, until) for user, opted_out in found.items()})


async def have_opted_out(collection: str, user_ids: Sequence[str]) -> list[bool | Failed]:
    """Return for each user whether the collection holds an opt-out, by one query."""
    asked = list(set(user_ids))
    # The batch holds every match, so it is one query.
    opt_outs = get_collection(collection).find(
        {"_id": {"$in": asked}}, {"_id": True}, batch_size=len(asked) + 1
    )
    try:
        opted_out = {opt_out["_id"] async for opt_out in opt_outs}
    except PyMongoError as error:
        return [Failed(error)] * len(user_ids)
    return [user in opted_out for user in user_ids]
