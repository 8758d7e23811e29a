"""The indexes that reading and erasing need, and those that delete data after its time (TTL)."""

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

# An index whose name begins so is ours: when it is not wanted any more, it is removed.
PREFIX = "insights_"

# What selects by equality comes first, then the time, by which lists are sorted. The fields after
# it spare the aggregations the documents themselves.
READING: dict[Kind, dict[str, tuple[str, ...]]] = {
    Kind.FEEDBACK: {
        "by_time": ("timestamp", "rating", "user_id"),
        "by_user": ("user_id", "timestamp"),
        "by_message": ("message_id", "timestamp"),
        "by_rating": ("rating", "timestamp"),
    },
    Kind.EVENTS: {
        "by_time": ("timestamp", "event_type", "user_id"),
        # The _id orders the events of a batch, which often have the same millisecond.
        "by_user": ("user_id", "timestamp", "_id", "event_type"),
        "by_type": ("event_type", "timestamp"),
    },
}

# With one of these, an index does not serve every query, and is none of those above.
PARTIAL = {"partialFilterExpression", "sparse", "collation"}

# The options of an index without those, besides its name.
KEPT = {"expireAfterSeconds", "unique", "hidden"}

Keys = dict[str, Any]
Existing = Mapping[str, Mapping[str, Any]]


class Action(StrEnum):
    """What is done with an index."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True)
class Index:
    """A wanted index; with `days`, MongoDB deletes what is older. `purpose` says what it is for."""

    name: str
    keys: Keys
    purpose: str
    days: int | None = None

    @property
    def options(self) -> dict[str, int]:
        """The options beside name and keys."""
        return {} if self.days is None else {"expireAfterSeconds": self.days * DAY_SECONDS}


@dataclass(frozen=True)
class Step:
    """What is done with one index, by which command, and what to say of it."""

    action: Action
    collection: str
    name: str
    note: str
    command: Document | None = None


def plan(database: Database[Document], settings: Settings) -> Iterator[Step]:
    """Return what there is to do, as the indexes are now. Nothing is done yet."""
    for kind in Kind:
        existing = database[kind.collection].index_information()
        wanted = wanted_indexes(kind, settings)
        removals = [name for name in existing if is_stale(name, existing[name], wanted)]
        yield from (remove(kind, name, existing[name]) for name in removals)
        left = {name: index for name, index in existing.items() if name not in removals}
        yield from (step_towards(kind, index, left) for index in wanted)


def apply(database: Database[Document], step: Step) -> None:
    """Do one step of a plan.

    Raises:
        PyMongoError: the server refuses it; what was there before is there still.
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
    """Create an index anew with other options, where the server cannot change it.

    Azure DocumentDB and MongoDB before 5.1 cannot let an index delete that did not.
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
    """Return for how long documents are kept, or None for ever."""
    if kind is Kind.FEEDBACK:
        return settings.feedback_retention_days
    return settings.analytics_retention_days


def retention_setting(kind: Kind) -> str:
    """Return the name of the setting that says so."""
    return f"{kind.collection}_retention_days".upper()


def is_stale(name: str, existing: Mapping[str, Any], wanted: list[Index]) -> bool:
    """Say whether an index is ours and not wanted any more, or deletes and should not."""
    if any(has_keys(existing, index.keys) for index in wanted):
        return False
    deletes = "expireAfterSeconds" in existing and has_keys(existing, {"timestamp": 1})
    return deletes or name.startswith(PREFIX)


def has_keys(existing: Mapping[str, Any], keys: Keys) -> bool:
    """Say whether an index, whatever its name, is one of all documents on these keys."""
    return list(existing["key"]) == list(keys.items()) and not PARTIAL & existing.keys()


def remove(kind: Kind, name: str, existing: Mapping[str, Any]) -> Step:
    """Return the step that removes an index."""
    note = "is not needed any more"
    if "expireAfterSeconds" in existing:
        note = f"{retention_setting(kind)} is not set: nothing is deleted any more"
    command = {"dropIndexes": kind.collection, "index": name}
    return Step(Action.REMOVE, kind.collection, name, note, command)


def step_towards(kind: Kind, index: Index, existing: Existing) -> Step:
    """Return the step after which a wanted index is there."""
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
    """Return the step that changes after how many days an index deletes."""
    before = "never" if old_seconds is None else f"{old_seconds / DAY_SECONDS:g}"
    command = {"collMod": kind.collection, "index": {"name": name} | index.options}
    note = f"{index.purpose} instead of {before}"
    return Step(Action.CHANGE, kind.collection, name, note, command)
