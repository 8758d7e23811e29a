"""Filling a database with the demo's documents."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from pymongo.database import Database

from insights.demo import system
from insights.demo.batches import Batches
from insights.demo.chats import conversation
from insights.demo.rhythms import Rhythm
from insights.demo.sessions import SESSIONS, USERS
from insights.demo.stories import Story
from insights.demo.users import User
from insights.kinds import Document, Kind

NAME = "up2d8_demo"

# The settings that tell `insights` about the imagined application.
SETTINGS = {
    "MESSAGE_LOOKUP": f"{SESSIONS}.messages.message_id",
    "USER_LOOKUP": f"{USERS}._id",
    "SYSTEM_USERS": system.SYSTEM,
}

# The collections of the functions, and those of the application as well.
OBSERVED = tuple(kind.collection for kind in Kind)
ALL = (*OBSERVED, SESSIONS, USERS)


class Filling(NamedTuple):
    """The progress of filling a database. `stored` counts only new feedback and events."""

    users: int
    stored: dict[Kind, int]


def fill(
    database: Database[Document],
    days: int,
    users: int,
    now: datetime,
    collections: Collection[str] = ALL,
) -> Iterator[Filling]:
    """Store the documents of the users in the days before `now`; yield progress at least once.

    Idempotent: documents that are already stored stay as they are. Memory use is constant.
    """
    story, rhythm = Story(days), Rhythm(days, now)
    with Batches(database) as batches:
        if SESSIONS in collections:
            batches.add(SESSIONS, conversation(now))
        for name, document in system.documents(story, rhythm, now):
            if name in collections and batches.add(name, document):
                yield progress(batches, 0)
        for number in range(1, users + 1):
            for name, document in User(number, story, rhythm).documents():
                if name in collections:
                    batches.add(name, document)
            yield progress(batches, number)
    yield progress(batches, users)


def progress(batches: Batches, users: int) -> Filling:
    """Return the progress after a number of users."""
    return Filling(users, {kind: batches.stored[kind.collection] for kind in Kind})
