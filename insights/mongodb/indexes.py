"""The indexes for queries and erasure, and the TTL indexes for retention."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.settings import Settings

DAY_SECONDS = 24 * 60 * 60

# Indexes with this prefix are ours, and are removed once they are obsolete; one with a TTL only on
# request.
PREFIX = "insights_"
EXPIRY = "expireAfterSeconds"

# The prefix of the indexes on fields that the operator chose.
ON = f"{PREFIX}on_"

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
        return {} if self.days is None else {EXPIRY: self.days * DAY_SECONDS}


@dataclass(frozen=True)
class Step:
    """One action on an index, with its MongoDB command and the note that `setup` prints."""

    action: Action
    collection: str
    name: str
    note: str
    command: Document | None = None


Paths = Mapping[Kind, Sequence[str]]


@dataclass(frozen=True)
class Choice:
    """The dotted paths of the fields to index, and of those whose index is dropped."""

    index: Paths = field(default_factory=dict)
    drop: Paths = field(default_factory=dict)


def plan(
    database: Database[Document],
    settings: Settings,
    choice: Choice = Choice(),
    *,
    keep_forever: bool = False,
) -> Iterator[Step]:
    """Yield the steps from the existing indexes to the wanted ones, without running them.

    Our TTL index is only removed to `keep_forever`, if no setting wants it. The indexes that were
    chosen before stay until they are dropped.
    """
    for kind in Kind:
        existing = database[kind.collection].index_information()
        wanted = [*wanted_indexes(kind), *chosen_indexes(kind, existing, choice)]
        removals = [name for name in existing if is_stale(name, existing[name], wanted)]
        yield from (remove(kind, name) for name in removals)
        left = {name: index for name, index in existing.items() if name not in removals}
        yield from (step_towards(kind, index, left) for index in wanted)
        yield from retention_steps(kind, settings, left, keep_forever=keep_forever)


def retention_steps(
    kind: Kind, settings: Settings, existing: Existing, *, keep_forever: bool
) -> Iterator[Step]:
    """Yield the steps for our TTL indexes. Those of other programs are left alone."""
    index = wanted_retention(kind, settings)
    own = next((name for name in existing if is_ours(name) and EXPIRY in existing[name]), None)
    others = [name for name in existing if EXPIRY in existing[name] and name != own]
    equal = [name for name in others if index and is_equal(existing[name], index)]
    if index and equal and not own:
        yield Step(Action.KEEP, kind.collection, equal[0], index.purpose)
        others.remove(equal[0])
    elif index:
        yield step_to_delete(kind, index, own, existing)
    elif own:
        yield without_setting(kind, own, existing[own], keep_forever=keep_forever)
    for name in others:
        note = f"another program's: deletes after {days_of(existing[name])}"
        yield Step(Action.KEEP, kind.collection, name, note)


def step_to_delete(kind: Kind, index: Index, own: str | None, existing: Existing) -> Step:
    """Return the step after which our index deletes as the setting says."""
    if own:
        old = existing[own].get(EXPIRY)
        if old == index.options[EXPIRY]:
            return Step(Action.KEEP, kind.collection, own, index.purpose)
        return change(kind, own, index, old)
    # No two indexes may have the same keys, whatever their options.
    is_taken = any(has_keys(each, index.keys) for each in existing.values())
    return create(kind, replace(index, keys={"timestamp": -1}) if is_taken else index)


def without_setting(
    kind: Kind, name: str, existing: Mapping[str, Any], *, keep_forever: bool
) -> Step:
    """Return the step for our TTL index whose setting is gone."""
    setting = retention_setting(kind)
    if keep_forever:
        return remove(kind, name, f"{setting} is not set: nothing is deleted from now on")
    note = f"deletes after {days_of(existing)}, and {setting} is not set: --keep-forever removes it"
    return Step(Action.KEEP, kind.collection, name, note)


def is_equal(existing: Mapping[str, Any], index: Index) -> bool:
    """Say whether an index of another program deletes just as ours would."""
    return has_keys(existing, index.keys) and existing[EXPIRY] == index.options[EXPIRY]


def days_of(existing: Mapping[str, Any]) -> str:
    """Return after how long an index deletes."""
    days = existing.get(EXPIRY, 0) / DAY_SECONDS
    return f"{days:g} day{'s'[: days != 1]}"


def deletes(database: Database[Document], kind: Kind, settings: Settings) -> bool:
    """Say whether something of a kind is deleted by its date, or will be."""
    existing = database[kind.collection].index_information().values()
    return bool(retention_days(kind, settings)) or any(
        EXPIRY in each and dict(each["key"]).keys() == {"timestamp"} for each in existing
    )


def apply(database: Database[Document], step: Step) -> None:
    """Run one step of a plan.

    Raises:
        PyMongoError: the server refuses it. The old index is still there.
    """
    if step.command is not None:
        database.command(step.command)


def wanted_indexes(kind: Kind) -> list[Index]:
    """Return the indexes that a collection should have for reading."""
    return [
        Index(f"{PREFIX}{name}", dict.fromkeys(fields, 1), ", ".join(fields))
        for name, fields in READING[kind].items()
    ]


def chosen_indexes(kind: Kind, existing: Existing, choice: Choice) -> Iterator[Index]:
    """Yield the indexes that the operator chose, now or before, and does not drop."""
    before = [name.removeprefix(ON) for name in existing if name.startswith(ON)]
    dropped = {index_on(path).name for path in choice.drop.get(kind, ())}
    for path in dict.fromkeys([*before, *choice.index.get(kind, ())]):
        index = index_on(path)
        if index.name not in dropped and not has_equivalent(kind, index):
            yield index


def index_on(path: str) -> Index:
    """Return the index for conditions on a field. The time sorts lists of equal values."""
    return Index(f"{ON}{path}", {path: 1, "timestamp": 1}, f"{path}, timestamp")


def has_equivalent(kind: Kind, index: Index) -> bool:
    """Say whether an index for reading begins with the same keys."""
    keys = tuple(index.keys)
    return any(fields[: len(keys)] == keys for fields in READING[kind].values())


def wanted_retention(kind: Kind, settings: Settings) -> Index | None:
    """Return the index that should delete, if the setting says after how many days."""
    days = retention_days(kind, settings)
    if days is None:
        return None
    purpose = f"deletes after {days} day{'s'[: days > 1]} ({retention_setting(kind)})"
    return Index(f"{PREFIX}retention", {"timestamp": 1}, purpose, days)


def retention_days(kind: Kind, settings: Settings) -> int | None:
    """Return the retention of a kind, or None for ever."""
    if kind is Kind.FEEDBACK:
        return settings.feedback_retention_days
    return settings.analytics_retention_days


def retention_setting(kind: Kind) -> str:
    """Return the name of the setting for a kind's retention."""
    return f"{kind.collection}_retention_days".upper()


def is_stale(name: str, existing: Mapping[str, Any], wanted: list[Index]) -> bool:
    """Say whether an index for reading is ours and obsolete."""
    is_wanted = any(has_keys(existing, index.keys) for index in wanted)
    return is_ours(name) and EXPIRY not in existing and not is_wanted


def is_ours(name: str) -> bool:
    """Say whether an index belongs to this tool."""
    return name.startswith(PREFIX)


def has_keys(existing: Mapping[str, Any], keys: Keys) -> bool:
    """Say whether an index of any name has these keys and covers all documents."""
    return list(existing["key"]) == list(keys.items()) and not PARTIAL & existing.keys()


def remove(kind: Kind, name: str, note: str = "no longer needed") -> Step:
    """Return the step that removes an index."""
    command = {"dropIndexes": kind.collection, "index": name}
    return Step(Action.REMOVE, kind.collection, name, note, command)


def step_towards(kind: Kind, index: Index, existing: Existing) -> Step:
    """Return the step that creates, changes or keeps a wanted index."""
    name = next((name for name in existing if has_keys(existing[name], index.keys)), None)
    if name is None:
        return create(kind, index)
    return Step(Action.KEEP, kind.collection, name, index.purpose)


def create(kind: Kind, index: Index) -> Step:
    """Return the step that creates an index.

    Amazon DocumentDB blocks writes meanwhile without `background`, which other servers ignore.
    """
    description = {"name": index.name, "key": index.keys, "background": True} | index.options
    command = {"createIndexes": kind.collection, "indexes": [description]}
    return Step(Action.CREATE, kind.collection, index.name, index.purpose, command)


def change(kind: Kind, name: str, index: Index, old_seconds: float | None) -> Step:
    """Return the step that changes the retention of a TTL index."""
    before = "never" if old_seconds is None else f"{old_seconds / DAY_SECONDS:g}"
    command = {"collMod": kind.collection, "index": {"name": name} | index.options}
    note = f"{index.purpose} instead of {before}"
    return Step(Action.CHANGE, kind.collection, name, note, command)
