"""The figures of a period: ratings, the worst messages, and users' activity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pymongo.database import Database

from insights.figures.curves import SCORED, Curve, FeedbackDay, Part, divide, share_in
from insights.figures.shares import Comparison, Profile, compare
from insights.kinds import Document, Kind
from insights.queries import sentiment
from insights.queries.documents import as_text
from insights.queries.left_out import LeftOut, Reason, not_counted, usable
from insights.queries.periods import FIRST_TIME, Period, earlier
from insights.queries.sentiment import Sentiment
from insights.settings import Settings
from insights.users.ids import of_user

# Ratings and event types beyond the most frequent are only counted.
NAMED = 20
WORST = 10
COMMENTS_OF_EACH = 5

# Data that begin within this part of the period before cover it.
LATEST_BEGINNING = 1 / 20

ACTIVE_DAYS = {"day": 1, "week": 7, "month": 30}

DAY = timedelta(days=1)
DAY_MILLISECONDS = 24 * 60 * 60 * 1000

# The start of a document's calendar day in UTC. `$dateTrunc` takes twice as long. Days count from
# the year 1, because the remainder of a negative number is negative.
SINCE_YEAR_1 = {"$add": [{"$toLong": "$timestamp"}, 719_162 * DAY_MILLISECONDS]}
IN_DAY = {"$mod": [SINCE_YEAR_1, DAY_MILLISECONDS]}
START_OF_DAY = {"$subtract": ["$timestamp", IN_DAY]}

# Shown for ratings without a rating, which other programs may have stored.
NO_RATING = "(no rating)"

# A message is the same whatever the type of its id.
MESSAGE = {
    "$convert": {
        "input": "$message_id",
        "to": "string",
        "onError": "$message_id",
        "onNull": None,
    }
}
WITHOUT_MESSAGE = {"message_id": None}

# Stages have their oldest names, which every server knows: `$addFields` instead of `$set`.
Stage = dict[str, Any]
Pipeline = list[Stage]


@dataclass(frozen=True)
class RatingCount:
    """A rating and its count. `sentiment` is a value of `Sentiment`."""

    rating: str
    sentiment: str
    count: int


@dataclass(frozen=True)
class Comment:
    """A user's comment, with the rating."""

    rating: str
    comment: str
    timestamp: datetime


@dataclass(frozen=True)
class WorstMessage:
    """A message with negative ratings: `negative` of its `count` scored ones.

    `comments` are its five newest, those of negative ratings first.
    """

    message_id: str
    negative: int
    count: int
    comments: list[Comment]


@dataclass(frozen=True)
class FeedbackSummary:
    """The feedback of a period, and of the equally long one before. Shares are 0 to 1.

    `begins` is when the first feedback was given, if that is too late to compare the two periods.
    `curve` is there if the days have enough ratings to be compared with each other. `ratings` and
    `unscored` are the 20 most frequent of each; feedback with a rating that `ratings` omits is
    counted in `others`. `worst` are the ten messages with the most negative ratings.
    """

    count: int
    previous_count: int
    begins: datetime | None
    sentiments: dict[str, int]
    comparison: Comparison
    curve: Curve | None
    ratings: list[RatingCount]
    unscored: list[RatingCount]
    others: int
    worst: list[WorstMessage]
    daily: list[FeedbackDay]

    @property
    def scored(self) -> int:
        """The number of ratings that can be scored."""
        return self.count - self.sentiments[Sentiment.UNSCORED]

    @property
    def share_positive(self) -> float | None:
        """The share of positive ratings, if any can be scored."""
        share = self.comparison.now
        return share.value if share else None

    @property
    def previous_share_positive(self) -> float | None:
        """The same of the period before, if it can be compared."""
        share = self.comparison.before
        return share.value if share else None


@dataclass(frozen=True)
class TypeCount:
    """A type of event, with its numbers of events and users."""

    event_type: str
    count: int
    users: int


@dataclass(frozen=True)
class Active:
    """The users with events in the last 1, 7 and 30 days of a period."""

    day: int
    week: int
    month: int


@dataclass(frozen=True)
class EventsDay:
    """The events of one calendar day in UTC. `types` is limited to `EventsSummary.types`."""

    day: date
    count: int
    users: int
    types: dict[str, int]


@dataclass(frozen=True)
class EventsSummary:
    """The events of a period.

    `begins` is when the first event happened, if that is too late to compare the counts.
    `types` are the 20 most frequent; events of another type are counted in `others`.
    """

    count: int
    previous_count: int
    begins: datetime | None
    types: list[TypeCount]
    others: int
    active: Active
    daily: list[EventsDay]


@dataclass(frozen=True)
class Summary:
    """The figures of a period, which has both ends.

    `left_out` counts documents that some figures, or all, cannot use.
    """

    period: Period
    feedback: FeedbackSummary
    events: EventsSummary
    left_out: list[LeftOut]

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened in the period."""
        return not self.feedback.count and not self.events.count


def summarize(
    database: Database[Document], settings: Settings, period: Period, now: datetime
) -> Summary:
    """Return the figures of a period, which ends now at the latest.

    Raises:
        ValueError: the period has no beginning.
    """
    # The time to come would count as time without data.
    bounded = period.so_far(now)
    since, until = bounded.since, bounded.until or now
    if since is None:
        raise ValueError("a summary needs a beginning")
    days = days_between(since, until)
    before = Period(earlier(since, until - since), since)
    of_feedback, of_events = (
        usable(database, kind, Period(before.since, until)).dates_only for kind in Kind
    )
    feedback, events = (replace(bounded, dates_only=each) for each in (of_feedback, of_events))
    active = active_users(database, until)
    return Summary(
        bounded,
        summarize_feedback(
            database, settings, feedback, replace(before, dates_only=of_feedback), days
        ),
        summarize_events(database, events, replace(before, dates_only=of_events), days, active),
        [
            *not_counted(database, Kind.FEEDBACK, period, feedback),
            *not_counted(database, Kind.EVENTS, period, events),
            *without_message(database, settings, feedback),
        ],
    )


def without_message(
    database: Database[Document], settings: Settings, period: Period
) -> Iterator[LeftOut]:
    """Yield how many negative ratings are of no message, and so not among the worst."""
    pipeline: Pipeline = [
        {"$match": WITHOUT_MESSAGE | period.condition()},
        {"$addFields": {"sentiment": sentiment.sentiment(settings.feedback_ratings)}},
        {"$group": {"_id": None, "count": count_of(Sentiment.NEGATIVE, 1)}},
    ]
    for each in aggregate(database, Kind.FEEDBACK, pipeline):
        if each["count"]:
            yield LeftOut(Kind.FEEDBACK, Reason.NO_MESSAGE, each["count"])


def days_between(since: datetime, until: datetime) -> list[date]:
    """Return the calendar days in UTC that a period covers, even in part."""
    first, last = since.date(), (until - timedelta(microseconds=1)).date()
    return [first + number * DAY for number in range((last - first).days + 1)]


def summarize_feedback(
    database: Database[Document],
    settings: Settings,
    period: Period,
    before: Period,
    days: list[date],
) -> FeedbackSummary:
    """Return the figures of the feedback in a period, compared with the one before."""
    score = {"$addFields": {"sentiment": sentiment.sentiment(settings.feedback_ratings)}}
    daily = feedback_days(database, score, period, days)
    count = sum(day.count for day in daily)
    scored = {name: sum(getattr(day, name) for day in daily) for name in SCORED}
    begins = late_beginning(database, Kind.FEEDBACK, period, before)
    comparison = compare(profiles(database, score, period, before))
    ratings = frequent_ratings(database, score, period)
    return FeedbackSummary(
        count=count,
        previous_count=count_in(database, Kind.FEEDBACK, before),
        begins=begins,
        sentiments=scored | {Sentiment.UNSCORED.value: count - sum(scored.values())},
        comparison=Comparison(comparison.now, None, None) if begins else comparison,
        curve=curve(database, score, period, daily),
        ratings=ratings,
        unscored=frequent_ratings(database, score, period, Sentiment.UNSCORED),
        others=count - sum(each.count for each in ratings),
        worst=worst_messages(database, score, period),
        daily=daily,
    )


def late_beginning(
    database: Database[Document], kind: Kind, period: Period, before: Period
) -> datetime | None:
    """Return when the data of a kind begin, if they leave out much of the period before."""
    if before.since is None or before.until is None:
        raise ValueError("the period before has no end")
    oldest = database[kind.collection].find_one(
        replace(period, since=FIRST_TIME).condition(),
        {"_id": False, "timestamp": True},
        sort={"timestamp": 1},
    )
    latest = before.since + (before.until - before.since) * LATEST_BEGINNING
    begins = oldest["timestamp"] if oldest else None
    # Other programs may have stored an array of dates.
    return begins if isinstance(begins, datetime) and begins > latest else None


def count_in(database: Database[Document], kind: Kind, period: Period) -> int:
    """Return how many documents of a kind there are in a period."""
    return database[kind.collection].count_documents(period.condition())


def profiles(
    database: Database[Document], score: Stage, period: Period, before: Period
) -> list[Profile]:
    """Return the numbers of scored ratings that users gave in a period, and in an earlier one.

    Users who gave the same numbers are one profile, so their number hardly matters.
    """
    by_rating = {
        "user": "$user_id",
        "rating": "$rating",
        "is_now": {"$gte": ["$timestamp", period.since]},
    }
    is_positive = {"$eq": ["$sentiment", Sentiment.POSITIVE]}
    is_now, is_before = "$_id.is_now", {"$not": ["$_id.is_now"]}
    numbers = {
        "positive": count_if(is_now, is_positive),
        "scored": count_if(is_now),
        "positive_before": count_if(is_before, is_positive),
        "scored_before": count_if(is_before),
    }
    pipeline: Pipeline = [
        {"$match": {"$or": [period.condition(), before.condition()]}},
        {"$group": {"_id": by_rating, "count": {"$sum": 1}}},
        {"$addFields": {"rating": "$_id.rating"}},
        score,
        {"$match": {"sentiment": {"$ne": Sentiment.UNSCORED}}},
        {"$group": {"_id": "$_id.user", **numbers}},
        {"$group": {"_id": {name: f"${name}" for name in numbers}, "users": {"$sum": 1}}},
    ]
    found = aggregate(database, Kind.FEEDBACK, pipeline)
    return [Profile(users=each["users"], **each["_id"]) for each in found]


def curve(
    database: Database[Document], score: Stage, period: Period, daily: Sequence[FeedbackDay]
) -> Curve | None:
    """Return how the share of positive ratings moved most within a period, if it did."""
    parts = divide(daily)
    if len(parts) == 1:
        return None
    lowest, highest = min(parts, key=share_in), max(parts, key=share_in)
    days = sorted([lowest, highest], key=lambda part: part[0].day)
    earlier, later = (period_of(part, period) for part in days)
    found = compare(profiles(database, score, later, earlier))
    if not (found.now and found.before and found.difference):
        return None
    return Curve(
        Part(days[0][0].day, days[0][-1].day, found.before),
        Part(days[1][0].day, days[1][-1].day, found.now),
        found.difference,
        len(parts),
    )


def period_of(days: Sequence[FeedbackDay], within: Period) -> Period:
    """Return the time of some days that is in a period, which has both ends."""
    since, until = (datetime.combine(day, time(), UTC) for day in (days[0].day, days[-1].day + DAY))
    return replace(
        within, since=max(since, within.since or since), until=min(until, within.until or until)
    )


def feedback_days(
    database: Database[Document], score: Stage, period: Period, days: list[date]
) -> list[FeedbackDay]:
    """Return the feedback of each day, including days without any."""
    pipeline: Pipeline = [
        {"$match": period.condition()},
        {"$group": {"_id": {"day": START_OF_DAY, "rating": "$rating"}, "count": {"$sum": 1}}},
        {"$addFields": {"rating": "$_id.rating"}},
        score,
        {
            "$group": {
                "_id": "$_id.day",
                "count": {"$sum": "$count"},
                **{name: count_of(name, "$count") for name in SCORED},
            }
        },
    ]
    found = by_day(aggregate(database, Kind.FEEDBACK, pipeline))
    nothing = dict.fromkeys(["count", *SCORED], 0)
    return [FeedbackDay(day=day, **found.get(day, nothing)) for day in days]


def frequent_ratings(
    database: Database[Document],
    score: Stage,
    period: Period,
    wanted: Sentiment | None = None,
) -> list[RatingCount]:
    """Return the most frequent ratings of a period, of one sentiment or of all."""
    pipeline: Pipeline = [
        *ratings_in(period),
        score,
        *([{"$match": {"sentiment": wanted}}] if wanted else []),
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": NAMED},
    ]
    return [
        RatingCount(as_text(each["_id"]) or NO_RATING, each["sentiment"], each["count"])
        for each in aggregate(database, Kind.FEEDBACK, pipeline)
    ]


def ratings_in(period: Period) -> Pipeline:
    """Return the pipeline to the distinct ratings of a period with their counts."""
    return [
        {"$match": period.condition()},
        {"$group": {"_id": "$rating", "count": {"$sum": 1}}},
        {"$addFields": {"rating": "$_id"}},
    ]


def worst_messages(
    database: Database[Document], score: Stage, period: Period
) -> list[WorstMessage]:
    """Return the messages with the most negative ratings; the less liked first among equals."""
    pipeline: Pipeline = [
        {"$match": {"$nor": [WITHOUT_MESSAGE]} | period.condition()},
        score,
        {"$match": {"sentiment": {"$ne": Sentiment.UNSCORED}}},
        {
            "$group": {
                "_id": MESSAGE,
                "negative": count_of(Sentiment.NEGATIVE, 1),
                "positive": count_of(Sentiment.POSITIVE, 1),
                "count": {"$sum": 1},
            }
        },
        {"$match": {"negative": {"$gt": 0}}},
        {"$addFields": {"share": {"$divide": ["$positive", "$count"]}}},
        {"$sort": {"negative": -1, "share": 1, "_id": 1}},
        {"$limit": WORST},
    ]
    found = aggregate(database, Kind.FEEDBACK, pipeline)
    return [
        WorstMessage(
            as_text(each["_id"]),
            each["negative"],
            each["count"],
            comments_on(database, score, period, each["_id"]),
        )
        for each in found
    ]


def on_message(message: object) -> dict[str, Any]:
    """Return the filter for a message, whatever type its id is stored with."""
    if isinstance(message, str):
        return of_user(message, "message_id")
    return {"message_id": {"$eq": message}}


def comments_on(
    database: Database[Document], score: Stage, period: Period, message: object
) -> list[Comment]:
    """Return a message's newest comments, those of negative ratings first."""
    is_negative = {"$eq": ["$sentiment", Sentiment.NEGATIVE]}
    pipeline: Pipeline = [
        {"$match": on_message(message) | {"comment": {"$gt": ""}} | period.condition()},
        score,
        {"$addFields": {"is_negative": is_negative}},
        {"$sort": {"is_negative": -1, "timestamp": -1, "user_id": -1}},
        {"$limit": COMMENTS_OF_EACH},
    ]
    return [
        Comment(
            as_text(each.get("rating")) or NO_RATING, as_text(each["comment"]), each["timestamp"]
        )
        for each in aggregate(database, Kind.FEEDBACK, pipeline)
    ]


def summarize_events(
    database: Database[Document],
    period: Period,
    before: Period,
    days: list[date],
    active: Active,
) -> EventsSummary:
    """Return the figures of the events in a period, compared with the one before."""
    types = frequent_types(database, period)
    daily = events_days(database, period, days, [each.event_type for each in types])
    count = sum(day.count for day in daily)
    return EventsSummary(
        count=count,
        previous_count=count_in(database, Kind.EVENTS, before),
        begins=late_beginning(database, Kind.EVENTS, period, before),
        types=types,
        others=count - sum(each.count for each in types),
        active=active,
        daily=daily,
    )


def frequent_types(database: Database[Document], period: Period) -> list[TypeCount]:
    """Return the most frequent types of a period."""
    pipeline: Pipeline = [
        # Other programs may have stored events without a type. They count as others.
        {"$match": {"event_type": {"$type": "string"}} | period.condition()},
        {
            "$group": {
                "_id": {"event_type": "$event_type", "user_id": "$user_id"},
                "count": {"$sum": 1},
            }
        },
        {"$group": {"_id": "$_id.event_type", "count": {"$sum": "$count"}, "users": {"$sum": 1}}},
        # An array with a text in it is no type either.
        {"$addFields": {"is_array": {"$isArray": "$_id"}}},
        {"$match": {"is_array": False}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": NAMED},
    ]
    return [
        TypeCount(each["_id"], each["count"], each["users"])
        for each in aggregate(database, Kind.EVENTS, pipeline)
    ]


def events_days(
    database: Database[Document], period: Period, days: list[date], types: list[str]
) -> list[EventsDay]:
    """Return the events of each day, including days without any, by these types."""
    pipeline: Pipeline = [
        {"$match": period.condition()},
        {"$group": {"_id": {"day": START_OF_DAY, "user": "$user_id"}, "count": {"$sum": 1}}},
        {"$group": {"_id": "$_id.day", "count": {"$sum": "$count"}, "users": {"$sum": 1}}},
    ]
    found = by_day(aggregate(database, Kind.EVENTS, pipeline))
    found_types = types_by_day(database, period, types)
    nothing = {"count": 0, "users": 0}
    return [
        EventsDay(day=day, types=found_types.get(day, {}), **found.get(day, nothing))
        for day in days
    ]


def types_by_day(
    database: Database[Document], period: Period, types: list[str]
) -> dict[date, dict[str, int]]:
    """Return the numbers of events by day and type; days without any are absent."""
    pipeline: Pipeline = [
        {"$match": {"event_type": {"$in": types}} | period.condition()},
        {"$group": {"_id": {"day": START_OF_DAY, "type": "$event_type"}, "count": {"$sum": 1}}},
        {"$group": {"_id": "$_id.day", "types": {"$push": {"k": "$_id.type", "v": "$count"}}}},
    ]
    found = by_day(aggregate(database, Kind.EVENTS, pipeline))
    return {
        day: dict(sorted((each["k"], each["v"]) for each in types if isinstance(each["k"], str)))
        for day, types in ((day, each["types"]) for day, each in found.items())
    }


def active_users(database: Database[Document], until: datetime) -> Active:
    """Return the numbers of users with events in the last days before `until`."""
    beginnings = {name: earlier(until, days * DAY) for name, days in ACTIVE_DAYS.items()}
    pipeline: Pipeline = [
        {"$match": Period(min(beginnings.values()), until).condition()},
        {"$group": {"_id": "$user_id", "last": {"$max": "$timestamp"}}},
        {
            "$group": {
                "_id": None,
                **{
                    name: {"$sum": {"$cond": [{"$gte": ["$last", since]}, 1, 0]}}
                    for name, since in beginnings.items()
                },
            }
        },
        {"$project": {"_id": False}},
    ]
    found = aggregate(database, Kind.EVENTS, pipeline)
    return Active(**found[0]) if found else Active(0, 0, 0)


def aggregate(database: Database[Document], kind: Kind, pipeline: Pipeline) -> list[Document]:
    """Return the documents in a pipeline's result, which are few."""
    return list(database[kind.collection].aggregate(pipeline, allowDiskUse=True))


def count_of(name: str, count: str | int) -> Stage:
    """Return the accumulator that sums the counts of one sentiment."""
    return {"$sum": {"$cond": [{"$eq": ["$sentiment", name]}, count, 0]}}


def count_if(*conditions: str | Stage) -> Stage:
    """Return the accumulator that adds up the counts for which all of these hold."""
    return {"$sum": {"$cond": [{"$and": list(conditions)}, "$count", 0]}}


def by_day(documents: list[Document]) -> dict[date, Document]:
    """Return documents by day; their `_id` is its start."""
    return {each.pop("_id").date(): each for each in documents}
