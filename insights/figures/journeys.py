"""Journeys: the events before ratings, compared with those before contrasting ratings."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pymongo.database import Database
from pymongo.errors import OperationFailure

from insights.figures import sequences
from insights.figures.contrasts import both_groups, contrast_to
from insights.figures.shares import Difference, Profile, Share
from insights.figures.shares import compare as compare_shares
from insights.figures.step_counts import (
    NEEDED,
    SHOWN,
    count_on_server,
    usable_events,
    usable_ratings,
)
from insights.kinds import Document, Kind
from insights.mongodb.servers import UNSUPPORTED
from insights.queries.at_once import AtOnce
from insights.queries.filters import Filter, Filters, all_of
from insights.queries.left_out import (
    AN_ARRAY,
    LeftOut,
    Reason,
    lacking,
    left_out,
    may_be_arrays,
    not_counted,
    not_selected,
    usable_scope,
)
from insights.queries.periods import Period
from insights.queries.scopes import Scope
from insights.settings import Settings

# A user's events, or their memory, are more than one document may have (ExceededMemoryLimit,
# BSONObjectTooLarge and others).
TOO_LARGE = {146, 10334, 13548, 17419, 17420}


@dataclass(frozen=True)
class Step:
    """One to three event types in order, and their frequency before ratings.

    `before` is their share of the ratings with events in the window, `contrast` that of the
    contrasting ratings (None without any), and `difference` the one minus the other. It `is_clear`
    if chance hardly explains it, corrected for the `comparisons`. `share_all` is the share of all
    events, 0 to 1. `users` gave the ratings.
    """

    steps: tuple[str, ...]
    users: int
    before: Share
    contrast: Share | None
    difference: Difference | None
    comparisons: int
    share_all: float

    @property
    def lift(self) -> float | None:
        """The ratio of the shares of ratings and of all events; None if the latter is 0."""
        return self.before.value / self.share_all if self.share_all else None

    @property
    def is_clear(self) -> bool:
        """Whether the difference is significant, in either direction."""
        return self.difference is not None and self.difference.is_clear(self.comparisons)

    @property
    def stands_out(self) -> bool:
        """Whether the step is clearly more frequent than before contrasting ratings."""
        return self.is_clear and self.difference is not None and self.difference.value > 0


@dataclass(frozen=True)
class Group:
    """A number of ratings, of which some are without events in the window."""

    ratings: int
    without_events: int

    @property
    def with_events(self) -> int:
        """The number of ratings with events in the window."""
        return self.ratings - self.without_events


@dataclass(frozen=True)
class Journeys:
    """The steps before ratings: the `last` event, and `sequences` of the last three.

    A shorter sequence is all that the window holds. Each list has at most ten, the most frequent
    first, and among equals the rarest before contrasting ratings. `contrast_name` is a value of
    `Sentiment`, or `other`. `left_out` counts documents without a date, a user or a type.
    """

    wanted: Group
    contrast: Group
    contrast_name: str
    last: list[Step]
    sequences: list[Step]
    left_out: list[LeftOut]


def find_journeys(  # noqa: PLR0913, PLR0917 (each is part of the question)
    database: Database[Document],
    settings: Settings,
    filters: Filters,
    rating: str,
    window: timedelta,
    asked: Period,
    now: datetime,
) -> Journeys:
    """Return the steps in the `window` before each rating of the period.

    `rating` is a value of `Sentiment`, or else an exact rating. Events at the very time of a rating
    do not count. The steps are compared with those before the contrasting ratings, and with all
    events of the period: single types with all types, and sequences with the sequence that ends at
    each event.
    """
    # With an end, so that both queries see the same period.
    period = asked.so_far(now)
    ratings = usable_scope(database, Kind.FEEDBACK, filters, period)
    events = Scope(database, Kind.EVENTS, period, filters.of(Kind.EVENTS))
    with AtOnce() as at_once:
        counted = at_once.start(count, ratings, rating, settings, events, window)
        not_used = [
            *not_counted(ratings, asked),
            *without_user(ratings),
            *events_not_counted(events, asked),
            *not_selected(database, filters, period),
        ]
        found = counted.result()
    wanted, contrast = (group_of(found, name) for name in ("wanted", "contrast"))
    last, in_sequence = (compare(found, name) for name in ("last", "sequences"))
    return Journeys(wanted, contrast, contrast_to(rating), last, in_sequence, not_used)


def count(
    ratings: Scope, rating: str, settings: Settings, events: Scope, window: timedelta
) -> Document:
    """Count the steps before ratings and among all events, where the server can."""
    groups = both_groups(rating, settings.feedback_ratings)
    try:
        return count_on_server(ratings, groups, events, window)
    except OperationFailure as error:
        if error.code not in UNSUPPORTED | TOO_LARGE:
            raise
    counts = sequences.Counts(events.period.since, window)
    found = ratings.stream(groups, usable_ratings(ratings))
    sequences.count_sequences(ratings.database, found, usable_events(events, window), counts)
    return sequences.figures(counts, SHOWN)


def without_user(found: Scope, *, arrays: bool = True) -> Iterator[LeftOut]:
    """Yield the number of documents without a user; an array of users counts as none."""
    condition = found.condition()
    has_arrays = arrays and may_be_arrays(found.database, found.kind, condition, "user_id")
    nobody: list[Filter] = [{"user_id": None}, *([{"user_id": AN_ARRAY}] if has_arrays else [])]
    either = {"$or": [all_of(each, condition) for each in nobody]}
    yield from left_out(found.database, found.kind, Reason.NO_USER, either)


def events_not_counted(events: Scope, asked: Period) -> Iterator[LeftOut]:
    """Yield which events are not counted."""
    database, condition = events.database, events.condition()
    arrays = may_be_arrays(database, Kind.EVENTS, condition, *NEEDED)
    dated = replace(events, period=replace(events.period, dates_only=arrays))
    yield from not_counted(dated, asked)
    yield from without_user(dated, arrays=arrays)
    without_type = lacking("event_type", "string", dated.condition())
    if arrays:
        without_type["$or"].append(all_of({"event_type": AN_ARRAY}, dated.condition()))
    yield from left_out(database, Kind.EVENTS, Reason.NO_TYPE, without_type)


def group_of(counted: Document, name: str) -> Group:
    """Return the numbers of ratings of one group."""
    numbers = {each["_id"]: each[name] for each in counted["ratings"]}
    without_events = numbers.get(False, 0)
    return Group(numbers.get(True, 0) + without_events, without_events)


def compare(counted: Document, name: str) -> list[Step]:
    """Return the steps before ratings, compared with contrasting ratings and with all events."""
    everyone = Counter(
        {
            (each["_id"]["wanted"], each["_id"]["contrast"]): each["users"]
            for each in counted["users"]
        }
    )
    events = sum(each["events"] for each in counted["ratings"])
    found = counted[name]
    return [
        to_step(each, everyone, len(found), share_all=each["events"] / max(events, 1))
        for each in found
    ]


def to_step(
    found: Document, everyone: Counter[tuple[int, int]], comparisons: int, share_all: float
) -> Step:
    """Return a found step with its shares, among the ratings of everyone."""
    # The events of a step are a profile without users.
    profiles = [Profile(*each) for each in found["profiles"] if each[0]]
    others = Counter(everyone)
    for each in profiles:
        others[each.scored, each.scored_before] -= each.users
    never = [Profile(count, 0, wanted, 0, rest) for (wanted, rest), count in others.items()]
    shares = compare_shares([*profiles, *(each for each in never if each.users)])
    if shares.now is None:
        raise ValueError("no wanted rating follows this step")
    return Step(
        steps=tuple(found["_id"]["steps"]),
        users=sum(each.users for each in profiles if each.positive),
        before=shares.now,
        contrast=shares.before,
        difference=shares.difference,
        comparisons=comparisons,
        share_all=share_all,
    )
