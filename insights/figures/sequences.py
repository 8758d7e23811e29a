"""Sequences counted in the client, for servers without window functions (Amazon DocumentDB).

The events of a period are streamed once, in order. Results have the form of the pipelines' in
`journeys.py`.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.queries.filters import Filter

LENGTH = 3

Steps = tuple[str, ...]
Event = tuple[datetime, object]
"""The time and the type of an event. Other programs may have left out the type."""

IN_ORDER = [(name, ASCENDING) for name in ("user_id", "timestamp", "_id")]


@dataclass
class Counts:
    """The counts of steps: before ratings, by user, and up to each event of a period.

    Events before `since` only precede others.
    """

    since: datetime | None
    window: timedelta
    ratings: int = 0
    before: Counter[tuple[Steps, str]] = field(default_factory=Counter)
    everywhere: Counter[Steps] = field(default_factory=Counter)

    def add(self, user: str, events: Iterable[Event], ratings: Sequence[datetime]) -> None:
        """Count the steps of one user, from events and ratings in order."""
        last: deque[Event] = deque(maxlen=LENGTH)
        waiting = deque(ratings)
        for event in events:
            time = event[0]
            while waiting and waiting[0] <= time:
                self.add_rating(user, waiting.popleft(), last)
            last.append(event)
            if self.since is None or time >= self.since:
                self.everywhere[steps_since(last, time - self.window, strictly=True)] += 1
        for rated in waiting:
            self.add_rating(user, rated, last)

    def add_rating(self, user: str, rated: datetime, last: Iterable[Event]) -> None:
        """Count the steps before one rating."""
        self.before[steps_since(last, rated - self.window), user] += 1


def count_sequences(
    database: Database[Document], rated: Filter, events: Filter, counts: Counts
) -> Counts:
    """Count the steps before the ratings that match `rated`, and among the matching events."""
    ratings = ratings_by_user(database, rated)
    counts.ratings = sum(map(len, ratings.values()))
    for user, own in events_by_user(database, events):
        counts.add(user, own, ratings.get(user, ()))
    return counts


def ratings_by_user(database: Database[Document], rated: Filter) -> Mapping[str, list[datetime]]:
    """Return the times of each user's matching ratings, in order."""
    found: dict[Any, list[datetime]] = defaultdict(list)
    wanted = {"user_id": True, "timestamp": True, "_id": False}
    for each in database[Kind.FEEDBACK.collection].find(rated, wanted):
        if isinstance(each["timestamp"], datetime):
            user = each.get("user_id")
            # Only texts are looked for, and an array could not be a key.
            found[user if isinstance(user, str) else (repr(user),)].append(each["timestamp"])
    return {user: sorted(times) for user, times in found.items()}


def events_by_user(
    database: Database[Document], events: Filter
) -> Iterator[tuple[str, Iterator[Event]]]:
    """Yield each user with the matching events, in order."""
    wanted = {"user_id": True, "timestamp": True, "event_type": True, "_id": False}
    found = database[Kind.EVENTS.collection].find(events, wanted).sort(IN_ORDER)
    for user, own in groupby(found, itemgetter("user_id")):
        if isinstance(user, str):
            yield user, ((each["timestamp"], each["event_type"]) for each in own)


def steps_since(events: Iterable[Event], start: datetime, *, strictly: bool = False) -> Steps:
    """Return the types of the events at or after `start`, or `strictly` after it."""
    return tuple(
        kind
        for time, kind in events
        if isinstance(kind, str) and (time > start if strictly else time >= start)
    )


def before(counts: Counts, limit: int) -> dict[str, list[Document]]:
    """Return the result of `before_ratings` in `journeys.py`."""
    with_events = {key: count for key, count in counts.before.items() if key[0]}
    return {
        "ratings": [{"count": counts.ratings}],
        "with_events": [{"count": sum(with_events.values())}],
        "last": most_frequent(
            (((steps[-1:], user), count) for (steps, user), count in with_events.items()), limit
        ),
        "sequences": most_frequent(with_events.items(), limit),
    }


def most_frequent(counted: Iterable[tuple[tuple[Steps, str], int]], limit: int) -> list[Document]:
    """Return the most frequent steps first, each with its number of users."""
    ratings: Counter[Steps] = Counter()
    users: dict[Steps, set[str]] = defaultdict(set)
    for (steps, user), count in counted:
        ratings[steps] += count
        users[steps].add(user)
    in_order = sorted(ratings.items(), key=lambda each: (-each[1], each[0]))
    return [
        {"_id": steps, "before": count, "users": len(users[steps])}
        for steps, count in in_order[:limit]
    ]


def everywhere(counts: Counts) -> dict[str, list[Document]]:
    """Return the result of `among_all` in `journeys.py`."""
    last: Counter[Steps] = Counter()
    for steps, count in counts.everywhere.items():
        last[steps[-1:]] += count
    return {
        "events": [{"count": sum(last.values())}],
        "last": [{"_id": steps, "count": count} for steps, count in last.items()],
        "sequences": [{"_id": steps, "count": n} for steps, n in counts.everywhere.items()],
    }
