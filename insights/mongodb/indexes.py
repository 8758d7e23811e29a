"""The indexes for queries and erasure, and the TTL indexes for retention."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.kinds import Document, Kind
from insights.mongodb.servers import UNSUPPORTED
from insights.settings import Settings

DAY_SECONDS = 24 * 60 * 60
INVALID_OPTIONS = 72

# Indexes with this prefix are ours, and are removed once they are obsolete.
PREFIX = "insights_"

# Equality fields come first, then the time, which lists sort by. The fields after the time let
# aggregations run on the index alone.
READING: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.FEEDBACK: {
        "by_time": ("timestamp", "rating", "user_id"),
        "by_user": ("user_id", "timestamp"),
        "by_message": ("message_id", "timestamp"),
        "by_rating": ("rating", "timestamp"),
    },
    Kind.EVENTS: {
        "by_time": ("timestamp", "event_type", "user_id"),
        # The _id sorts the events of a batch, which often share a millisecond.
        "by_user": ("user_id", "timestamp", "_id", "event_type"),
        "by_type": ("event_type", "timestamp"),
    },
}

# An index with one of these options does not serve every query, so it replaces none of the above.
PARTIAL = {"partialFilterExpression", "sparse", "collation"}

# The other options of an index, apart from its name.
KEPT = {"expireAfterSeconds", "unique", "hidden"}

Keys = dict[str, Any]
Existing = Mapping[str, Mapping[str, Any]]


class Action(StrEnum):
    """The action on an index."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True)
class Index:
    """A wanted index. With `days`, MongoDB deletes older documents. `setup` prints `purpose`."""

    name: str
    keys: Keys
    purpose: str
    days: int | None = None

    @property
    def options(self) -> dict[str, int]:
        """The options besides name and keys."""
        return {} if self.days is None else {"expireAfterSeconds": self.days * DAY_SECONDS}


@dataclass(frozen=True)
class Step:
    """One action on an index, with its MongoDB command and the note that `setup` prints."""

    action: Action
    collection: str
    name: str
    note: str
    command: Document | None = None


def plan(database: Database[Document], settings: Settings) -> Iterator[Step]:
    """Yield the steps from the existing indexes to the wanted ones, without running them."""
    for kind in Kind:
        existing = database[kind.collection].index_information()
        wanted = wanted_indexes(kind, settings)
        removals = [name for name in existing if is_stale(name, existing[name], wanted)]
        yield from (remove(kind, name, existing[name]) for name in removals)
        left = {name: index for name, index in existing.items() if name not in removals}
        yield from (step_towards(kind, index, left) for index in wanted)


def apply(database: Database[Document], step: Step) -> None:
    """Run one step of a plan.

    Raises:
        PyMongoError: the server refuses it. The old index is still there.
    """
    if step.command is None:
        return
    try:
        database.command(step.command)
    except OperationFailure as error:
        if step.action is not Action.CHANGE or error.code not in {INVALID_OPTIONS, *UNSUPPORTED}:
            raise
        recreate(database[step.collection], step.name, step.command["index"])


def recreate(collection: Collection[Document], name: str, options: Mapping[str, Any]) -> None:
    """Drop an index and create it with other options, for servers that cannot change it.

    Azure DocumentDB and MongoDB before 5.1 cannot add a TTL to an index.
    """
    old = dict(collection.index_information()[name])
    keys = old.pop("key")
    collection.drop_index(name)
    try:
        collection.create_index(keys, **options)
    except OperationFailure:
        collection.create_index(keys, name=name, **{each: old[each] for each in KEPT & old.keys()})
        raise


def wanted_indexes(kind: Kind, settings: Settings) -> list[Index]:
    """Return the indexes that a collection should have."""
    indexes = [
        Index(f"{PREFIX}{name}", dict.fromkeys(fields, 1), ", ".join(fields))
        for name, fields in READING[kind].items()
    ]
    if days := retention_days(kind, settings):
        purpose = f"deletes after {days} day{'s'[: days > 1]} ({retention_setting(kind)})"
        indexes.append(Index(f"{PREFIX}retention", {"timestamp": 1}, purpose, days))
    return indexes


def retention_days(kind: Kind, settings: Settings) -> int | None:
    """Return the retention of a kind, or None for ever."""
    if kind is Kind.FEEDBACK:
        return settings.feedback_retention_days
    return settings.analytics_retention_days


def retention_setting(kind: Kind) -> str:
    """Return the name of the setting for a kind's retention."""
    return f"{kind.collection}_retention_days".upper()


def is_stale(name: str, existing: Mapping[str, Any], wanted: list[Index]) -> bool:
    """Say whether an index is ours and obsolete, or has an unwanted TTL."""
    if any(has_keys(existing, index.keys) for index in wanted):
        return False
    deletes = "expireAfterSeconds" in existing and has_keys(existing, {"timestamp": 1})
    return deletes or name.startswith(PREFIX)


def has_keys(existing: Mapping[str, Any], keys: Keys) -> bool:
    """Say whether an index of any name has these keys and covers all documents."""
    return list(existing["key"]) == list(keys.items()) and not PARTIAL & existing.keys()


def remove(kind: Kind, name: str, existing: Mapping[str, Any]) -> Step:
    """Return the step that removes an index."""
    note = "no longer needed"
    if "expireAfterSeconds" in existing:
        note = f"{retention_setting(kind)} is not set: nothing is deleted from now on"
    command = {"dropIndexes": kind.collection, "index": name}
    return Step(Action.REMOVE, kind.collection, name, note, command)


def step_towards(kind: Kind, index: Index, existing: Existing) -> Step:
    """Return the step that creates, changes or keeps a wanted index."""
    name = next((name for name in existing if has_keys(existing[name], index.keys)), None)
    if name is None:
        return create(kind, index)
    old = existing[name].get("expireAfterSeconds")
    if index.days is None or old == index.options["expireAfterSeconds"]:
        return Step(Action.KEEP, kind.collection, name, index.purpose)
    return change(kind, name, index, old)


def create(kind: Kind, index: Index) -> Step:
    """Return the step that creates an index."""
    description = {"name": index.name, "key": index.keys} | index.options
    command = {"createIndexes": kind.collection, "indexes": [description]}
    return Step(Action.CREATE, kind.collection, index.name, index.purpose, command)


def change(kind: Kind, name: str, index: Index, old_seconds: float | None) -> Step:
    """Return the step that changes the retention of a TTL index."""
    before = "never" if old_seconds is None else f"{old_seconds / DAY_SECONDS:g}"
    command = {"collMod": kind.collection, "index": {"name": name} | index.options}
    note = f"{index.purpose} instead of {before}"
    return Step(Action.CHANGE, kind.collection, name, note, command)
