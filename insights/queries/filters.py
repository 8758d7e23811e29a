"""MongoDB filters from the filter options of commands."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from insights.errors import UsageError
from insights.kinds import Document, Kind
from insights.queries import keys, sentiment
from insights.queries.conditions import find_target, parse_condition
from insights.queries.message_conditions import (
    MessageCondition,
    is_on_message,
    message_conditions,
    without_messages,
)
from insights.queries.periods import parse_period
from insights.queries.sentiment import Sentiment
from insights.settings import Settings
from insights.users.ids import ids_of, numbers_of, of_user

Filter = Document

# A withdrawn feedback has no rating. To a server, null is the same as none.
WITHDRAWN: Filter = {"rating": None}

T = TypeVar("T")


@dataclass(frozen=True)
class Selection:
    """The filter options of a command, unparsed. Documents must match all of them.

    Without `include_system`, the users of `SYSTEM_USERS` are left out, unless `user` is one.
    """

    user: str | None = None
    message: str | None = None
    rating: str | None = None
    event_type: str | None = None
    since: str | None = None
    until: str | None = None
    where: Sequence[str] = ()
    not_user: Sequence[str] = ()
    include_system: bool = False

    def options(self) -> str:
        """Return the options that filter, without the period, as a shell reads them."""
        words = [
            *option("--user", self.user),
            *(word for user in self.not_user for word in option("--not-user", user)),
            *option("--message", self.message),
            *option("--rating", self.rating),
            *option("--event-type", self.event_type),
            *(word for text in self.where for word in option("--where", text)),
            *(["--include-system"] if self.include_system else []),
        ]
        return shlex.join(words)


def option(name: str, value: str | None) -> list[str]:
    """Return the words of an option, none without a value."""
    return [] if value is None else [name, value]


@dataclass(frozen=True)
class Filters:
    """The filters of a command that reads both kinds, without those that no option asks for.

    `system` has the ids of the system users that are left out, in every type. `options` are the
    command's options, for the reader. `on_messages` are not part of the filters yet.
    """

    by_kind: Mapping[Kind, Filter] = field(default_factory=dict)
    system: Sequence[Any] = ()
    options: str = ""
    on_messages: Sequence[MessageCondition] = ()

    def of(self, kind: Kind) -> Filter:
        """Return the filter for the documents of a kind."""
        return all_of(self.by_kind.get(kind, {}), but(self.system), standing(kind))

    def of_withdrawn(self) -> Filter:
        """Return the filter for the feedback that is left out only because it was withdrawn."""
        return all_of(self.by_kind.get(Kind.FEEDBACK, {}), but(self.system), WITHDRAWN)

    def of_system(self, kind: Kind) -> Filter:
        """Return the filter for the documents of a kind that only system users leave out."""
        return all_of(self.by_kind.get(kind, {}), of_users(self.system), standing(kind))


def to_filter(kind: Kind, selection: Selection, settings: Settings, now: datetime) -> Filter:
    """Return the filter for the documents of one kind, system users left out.

    It also matches withdrawn feedback.

    Raises:
        UsageError: a time or a condition is not valid, or an option is for the other kind.
    """
    check_options(kind, selection)
    for text in filter(is_on_message, selection.where):
        where = "with events" if kind is Kind.EVENTS else "with tail"
        raise UsageError(f"--where {text!r} is on rated messages: it cannot be used {where}")
    return all_of(
        *conditions_on(kind, selection, settings),
        but(system_ids(selection, settings)),
        parse_period(selection.since, selection.until, now).condition(),
        *(parse_condition(kind, text, now) for text in selection.where),
    )


def to_filters(selection: Selection, settings: Settings, now: datetime) -> Filters:
    """Return the filters for both kinds. An option applies to the kinds that have its field.

    The period is not part of them, nor are conditions on messages: see `with_message_filters`.

    Raises:
        UsageError: a condition is not valid for either kind.
    """
    conditions = [parse_for_kinds(text, now) for text in without_messages(selection.where)]
    return Filters(
        {
            kind: all_of(
                *conditions_on(kind, selection, settings),
                *(each[kind] for each in conditions if kind in each),
            )
            for kind in Kind
        },
        system_ids(selection, settings),
        selection.options(),
        message_conditions(selection.where, settings, now),
    )


def parse_for_kinds(text: str, now: datetime) -> dict[Kind, Filter]:
    """Return the filter for a condition, by the kinds that have its field.

    Raises:
        UsageError: neither kind has it, or it is not valid.
    """
    return for_kinds(lambda kind: parse_condition(kind, text, now))


def indexed_paths(name: str) -> dict[Kind, str]:
    """Return the dotted path of a field to index, by the kinds that have it.

    Raises:
        UsageError: neither kind has it, or no index can have it.
    """
    targets = for_kinds(lambda kind: find_target(kind, name))
    if any(keys.is_special(key) for target in targets.values() for key in target.keys):
        raise UsageError(f"no index can have {name}: a key is empty, has a dot or begins with $")
    return {kind: target.path for kind, target in targets.items()}


def for_kinds(parse: Callable[[Kind], T]) -> dict[Kind, T]:
    """Return the results by kind, without the kinds that are refused.

    Raises:
        UsageError: both are.
    """
    found: dict[Kind, T] = {}
    refusals: list[UsageError] = []
    for kind in Kind:
        try:
            found[kind] = parse(kind)
        except UsageError as refusal:
            refusals.append(refusal)
    if not found:
        raise UsageError("; ".join(dict.fromkeys(map(str, refusals))))
    return found


def conditions_on(kind: Kind, selection: Selection, settings: Settings) -> Iterator[Filter]:
    """Yield the filters of the options that apply to a kind, except those of --where."""
    if selection.user is not None:
        yield of_user(selection.user)
    yield but([each for user in selection.not_user for each in ids_of(user)])
    if kind is Kind.EVENTS:
        yield equal("event_type", selection.event_type)
        return
    if selection.message is not None:
        yield of_user(selection.message, "message_id")
    yield rated(selection.rating, settings.feedback_ratings)


def system_ids(selection: Selection, settings: Settings) -> list[Any]:
    """Return the ids of the system users to leave out, in every type."""
    if selection.include_system or selection.user in settings.system_users:
        return []
    return [each for user in settings.system_users for each in ids_of(user)]


def standing(kind: Kind) -> Filter:
    """Return the filter for the documents of a kind that were not withdrawn."""
    return {"rating": {"$ne": None}} if kind is Kind.FEEDBACK else {}


def of_users(ids: Sequence[Any]) -> Filter:
    """Return the filter for the users with these ids."""
    return {"user_id": {"$in": list(ids)}}


def but(ids: Sequence[Any]) -> Filter:
    """Return the filter for the users with other ids, empty without any."""
    return {"user_id": {"$nin": list(ids)}} if ids else {}


def all_of(*conditions: Filter) -> Filter:
    """Return the filter that demands all of these; empty ones demand nothing."""
    given = [condition for condition in conditions if condition]
    return given[0] if len(given) == 1 else {"$and": given} if given else {}


def check_options(kind: Kind, selection: Selection) -> None:
    """Refuse options that are for the other kind.

    Raises:
        UsageError: there is one.
    """
    others = {
        Kind.FEEDBACK: {"--event-type": selection.event_type},
        Kind.EVENTS: {"--message": selection.message, "--rating": selection.rating},
    }[kind]
    for option, value in others.items():
        if value is not None:
            raise UsageError(f"{option} cannot be used with {kind}")


def equal(field: str, value: str | None) -> Filter:
    """Return the filter for an exact text, empty without a value."""
    return {} if value is None else {field: {"$eq": value}}


def rated(rating: str | None, ratings: Sequence[str] | None) -> Filter:
    """Return the filter for the name of a sentiment, or else for an exact rating."""
    if rating in list(Sentiment):
        return {"$expr": {"$eq": [sentiment.sentiment(ratings), rating]}}
    return {} if rating is None else {"rating": {"$in": [rating, *numbers_of(rating)]}}
