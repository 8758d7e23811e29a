"""Sequences counted in the client, for servers without `$unionWith` (Amazon DocumentDB).

The events of a period are streamed once, in order. Results have the form of those in
`step_counts.py`.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from math import isnan, nan

from bson import Code, CodecOptions, Decimal128, ObjectId, encode
from bson.binary import UuidRepresentation
from pymongo import ASCENDING
from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.queries.filters import Filter

LENGTH = 3

Steps = tuple[str, ...]
Event = tuple[datetime, object]
"""The time and the type of an event. Other programs may have left out the type."""

Rating = tuple[datetime, bool]
"""The time of a rating, and whether it is a wanted one."""

WITH_UUIDS: CodecOptions[Document] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

IN_ORDER = [(name, ASCENDING) for name in ("user_id", "timestamp", "_id")]


@dataclass
class Numbers:
    """The numbers of wanted and of contrasting ratings."""

    wanted: int = 0
    contrast: int = 0

    def add(self, other: "Numbers") -> None:
        """Add other numbers."""
        self.wanted += other.wanted
        self.contrast += other.contrast


@dataclass
class Counts:
    """The counts of steps: before ratings, by user, and up to each event of a period.

    Events before `since` only precede others.
    """

    since: datetime | None
    window: timedelta
    before: dict[tuple[Steps, Hashable], Numbers] = field(
        default_factory=lambda: defaultdict(Numbers)
    )
    everywhere: Counter[Steps] = field(default_factory=Counter)

    def add(self, user: Hashable, events: Iterable[Event], ratings: Sequence[Rating]) -> None:
        """Count the steps of one user, from events and ratings in order."""
        last: deque[Event] = deque(maxlen=LENGTH)
        waiting = deque(ratings)
        for event in events:
            time = event[0]
            while waiting and waiting[0][0] <= time:
                self.add_rating(user, waiting.popleft(), last)
            last.append(event)
            if self.since is None or time >= self.since:
                self.everywhere[steps_within(self.window, time, last, strictly=True)] += 1
        for rating in waiting:
            self.add_rating(user, rating, last)

    def add_rating(self, user: Hashable, rating: Rating, last: Iterable[Event]) -> None:
        """Count the steps before one rating."""
        time, is_wanted = rating
        numbers = self.before[steps_within(self.window, time, last), user]
        numbers.add(Numbers(int(is_wanted), int(not is_wanted)))


def count_sequences(
    database: Database[Document], ratings: Iterable[Document], events: Filter, counts: Counts
) -> Counts:
    """Count the steps before the ratings, and among the matching events."""
    waiting = ratings_by_user(ratings)
    for user, own in events_by_user(database, events):
        counts.add(user, own, waiting.pop(user, ()))
    for user, left in waiting.items():
        counts.add(user, (), left)
    return counts


def ratings_by_user(ratings: Iterable[Document]) -> dict[Hashable, Sequence[Rating]]:
    """Return each user's ratings, in order."""
    found: dict[Hashable, list[Rating]] = defaultdict(list)
    for each in ratings:
        found[key_of(each["user_id"])].append((each["timestamp"], each["is_wanted"]))
    return {user: sorted(given) for user, given in found.items()}


def events_by_user(
    database: Database[Document], events: Filter
) -> Iterator[tuple[Hashable, Iterator[Event]]]:
    """Yield each user with the matching events, in order."""
    wanted = {"user_id": True, "timestamp": True, "event_type": True, "_id": False}
    found = database[Kind.EVENTS.collection].find(events, wanted).sort(IN_ORDER)
    for user, own in groupby(found, lambda each: key_of(each["user_id"])):
        yield user, ((each["timestamp"], each["event_type"]) for each in own)


def key_of(user_id: object) -> Hashable:
    """Return a key that is equal for the ids that MongoDB takes for equal, such as 42 and 42.0."""
    if isinstance(user_id, Decimal128):
        number = user_id.to_decimal()
        return key_of(nan) if number.is_nan() else number
    # NaN does not equal itself, and `Code` is a `str` without a hash.
    is_nan = isinstance(user_id, float) and isnan(user_id)
    is_key = isinstance(user_id, str | int | float | ObjectId) and not is_nan
    if is_key and not isinstance(user_id, bool | Code):
        return user_id
    return encode({"user_id": user_id}, codec_options=WITH_UUIDS)


def steps_within(
    window: timedelta, end: datetime, events: Iterable[Event], *, strictly: bool = False
) -> Steps:
    """Return the types of the events at most a `window` before `end`, or `strictly` less."""
    return tuple(
        kind
        for time, kind in events
        if isinstance(kind, str)
        # A subclass of `str` that is no text in MongoDB, and has no hash.
        and not isinstance(kind, Code)
        and (end - time < window if strictly else end - time <= window)
    )


def figures(counts: Counts, limit: int) -> dict[str, list[Document]]:
    """Return the figures of the steps, as `count_on_server` in `step_counts.py` does."""
    with_steps = {key: numbers for key, numbers in counts.before.items() if key[0]}
    of_users: dict[Hashable, Numbers] = defaultdict(Numbers)
    for (_, user), numbers in with_steps.items():
        of_users[user].add(numbers)
    everyone = Counter((each.wanted, each.contrast) for each in of_users.values())
    last: Counter[Steps] = Counter()
    for steps, count in counts.everywhere.items():
        last[steps[-1:]] += count
    return {
        "ratings": by_presence(counts),
        "users": [
            {"_id": {"wanted": wanted, "contrast": contrast}, "users": users}
            for (wanted, contrast), users in everyone.items()
        ],
        "last": most_frequent(
            (((steps[-1:], user), numbers) for (steps, user), numbers in with_steps.items()),
            of_users,
            last,
            limit,
        ),
        "sequences": most_frequent(with_steps.items(), of_users, counts.everywhere, limit),
    }


def by_presence(counts: Counts) -> list[Document]:
    """Return the numbers of ratings with steps and of all events, and of ratings without steps."""
    found: dict[bool, Numbers] = defaultdict(Numbers)
    for (steps, _), numbers in counts.before.items():
        found[bool(steps)].add(numbers)
    events = {True: counts.everywhere.total()}
    return [
        {
            "_id": has_steps,
            "wanted": found[has_steps].wanted,
            "contrast": found[has_steps].contrast,
            "events": events.get(has_steps, 0),
        }
        for has_steps in (True, False)
    ]


def most_frequent(
    counted: Iterable[tuple[tuple[Steps, Hashable], Numbers]],
    of_users: Mapping[Hashable, Numbers],
    everywhere: Mapping[Steps, int],
    limit: int,
) -> list[Document]:
    """Return the steps that are most frequent before wanted ratings, with their profiles."""
    by_steps: dict[Steps, dict[Hashable, Numbers]] = defaultdict(lambda: defaultdict(Numbers))
    for (steps, user), numbers in counted:
        by_steps[steps][user].add(numbers)
    found = [
        step_of(steps, users, of_users) | {"events": everywhere.get(steps, 0)}
        for steps, users in by_steps.items()
    ]
    found = [each for each in found if each["wanted"]]
    found.sort(key=lambda each: (-each["wanted"], each["contrast"], each["_id"]["steps"]))
    return found[:limit]


def step_of(
    steps: Steps, users: Mapping[Hashable, Numbers], of_users: Mapping[Hashable, Numbers]
) -> Document:
    """Return a step as `most_frequent` in `step_counts.py` does, without the number of events."""
    profiles = Counter(
        (each.wanted, of_users[user].wanted, each.contrast, of_users[user].contrast)
        for user, each in users.items()
    )
    return {
        "_id": {"steps": steps},
        "wanted": sum(each.wanted for each in users.values()),
        "contrast": sum(each.contrast for each in users.values()),
        "profiles": [(count, *profile) for profile, count in profiles.items()],
    }
