"""The figures of the feedback in a period, compared with the period before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from insights.figures.curves import SCORED, Curve, FeedbackDay, Part, divide, share_in
from insights.figures.days import DAY, by_start, start_of, starts_of
from insights.figures.ratings import RatingCount, Ratings, count_ratings
from insights.figures.reasons import Reasons, count_reasons
from insights.figures.shares import Comparison, Profile, Share, compare
from insights.figures.words import Words, compare_words
from insights.figures.worst import WorstMessage, worst_messages
from insights.queries.at_once import AtOnce
from insights.queries.periods import Period
from insights.queries.scopes import Scope, Stage
from insights.queries.sentiment import Sentiment, add_sentiment, count_of
from insights.settings import Settings


@dataclass(frozen=True)
class FeedbackSummary:
    """The feedback of a period, and of the equally long one before. Shares are 0 to 1.

    `begins` is when the first feedback was given, if that is too late to compare the two periods.
    `curve` is there if the days have enough ratings to be compared with each other. `ratings` and
    `unscored` are the 20 most frequent of each; feedback with a rating that `ratings` omits is
    counted in `others`. `worst` are the ten worst-rated messages.
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
    reasons: Reasons
    words: Words
    daily: list[FeedbackDay]

    def part(self, count: int) -> Share:
        """Return the share of a count of all ratings, with the design effect of the scored ones."""
        whole = self.comparison.now or Share(0, self.count, 1, self.count)
        return whole.part(count, self.count)

    @property
    def has_single_ratings(self) -> bool:
        """Whether each of the worst messages has one rating, so that the newest are shown."""
        return all(each.count == 1 for each in self.worst)

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


def summarize_feedback(
    found: Scope, settings: Settings, before: Period, begins: datetime | None
) -> FeedbackSummary:
    """Return the figures of the feedback in a scope, compared with the period before."""
    with AtOnce() as at_once:
        ratings = count_ratings(found, before, settings)
        words = at_once.start(compare_words, found, ratings)
        worst = at_once.start(worst_messages, found, ratings, settings)
        daily = feedback_days(found, add_sentiment(settings.feedback_ratings))
        count = sum(day.count for day in daily)
        sentiments = {name: sum(getattr(day, name) for day in daily) for name in SCORED}
        comparison = compare(profiles(found, found.during(before), ratings))
        frequent = ratings.frequent(*Sentiment)
        return FeedbackSummary(
            count=count,
            previous_count=previous_count(found, before, ratings),
            begins=begins,
            sentiments=sentiments | {Sentiment.UNSCORED.value: count - sum(sentiments.values())},
            comparison=Comparison(comparison.now, None, None) if begins else comparison,
            curve=curve(found, ratings, daily),
            ratings=frequent,
            unscored=unscored(found, ratings, settings),
            others=count - sum(each.count for each in frequent),
            reasons=count_reasons(found, ratings),
            worst=worst.result(),
            words=words.result(),
            daily=daily,
        )


def previous_count(found: Scope, before: Period, ratings: Ratings) -> int:
    """Return the number of ratings in the period before."""
    if ratings.is_complete:
        return sum(each["before"] for each in ratings.counted)
    return found.during(before).count()


def unscored(found: Scope, ratings: Ratings, settings: Settings) -> list[RatingCount]:
    """Return the most frequent unscored ratings of a scope."""
    if not ratings.is_complete:
        ratings = count_ratings(found, Period(), settings, Sentiment.UNSCORED)
    return ratings.frequent(Sentiment.UNSCORED)


def profiles(now: Scope, before: Scope, ratings: Ratings) -> list[Profile]:
    """Return the numbers of scored ratings that users gave in a scope, and in an earlier one.

    Users who gave the same numbers are one profile, so their number hardly matters.
    """
    is_now = {"$gte": ["$timestamp", now.period.since]}
    is_before = {"$lt": ["$timestamp", before.period.until]}
    is_positive = ratings.test(Sentiment.POSITIVE)
    is_scored = ratings.test_scored()
    # The index alone could not answer a `$match` on the sentiment, nor one on two periods.
    numbers = {
        "positive": count_if(is_now, is_positive),
        "scored": count_if(is_now, is_scored),
        "positive_before": count_if(is_before, is_positive),
        "scored_before": count_if(is_before, is_scored),
    }
    pipeline: list[Stage] = [
        {"$group": {"_id": "$user_id", **numbers}},
        {"$group": {"_id": {name: f"${name}" for name in numbers}, "users": {"$sum": 1}}},
    ]
    both = now.during(Period(before.period.since, now.period.until))
    found = [Profile(users=each["users"], **each["_id"]) for each in both.aggregate(pipeline)]
    return [each for each in found if each.scored or each.scored_before]


def curve(found: Scope, ratings: Ratings, daily: Sequence[FeedbackDay]) -> Curve | None:
    """Return how the share of positive ratings moved most within a scope, if it did."""
    parts = divide(daily)
    if len(parts) == 1:
        return None
    lowest, highest = min(parts, key=share_in), max(parts, key=share_in)
    if lowest is highest:
        return None
    days = sorted([lowest, highest], key=lambda part: part[0].day)
    earlier, later = (found.during(period_of(part, found.period)) for part in days)
    change = compare(profiles(later, earlier, ratings))
    if not (change.now and change.before and change.difference):
        return None
    return Curve(
        Part(days[0][0].day, days[0][-1].day, change.before),
        Part(days[1][0].day, days[1][-1].day, change.now),
        change.difference,
        len(parts),
    )


def period_of(days: Sequence[FeedbackDay], within: Period) -> Period:
    """Return the time of some days that is in a period, which has both ends."""
    since, until = (datetime.combine(day, time(), UTC) for day in (days[0].day, days[-1].day + DAY))
    return replace(
        within, since=max(since, within.since or since), until=min(until, within.until or until)
    )


def feedback_days(found: Scope, scored: Stage, length: timedelta = DAY) -> list[FeedbackDay]:
    """Return the feedback of each day or hour, including those without any."""
    pipeline: list[Stage] = [
        {"$group": {"_id": {"day": start_of(length), "rating": "$rating"}, "count": {"$sum": 1}}},
        {"$addFields": {"rating": "$_id.rating"}},
        scored,
        {
            "$group": {
                "_id": "$_id.day",
                "count": {"$sum": "$count"},
                **{name: count_of(name, "$count") for name in SCORED},
            }
        },
    ]
    counted = by_start(found.aggregate(pipeline), length)
    nothing = dict.fromkeys(["count", *SCORED], 0)
    return [
        FeedbackDay(day=day, **counted.get(day, nothing)) for day in starts_of(found.period, length)
    ]


def count_if(*conditions: Stage) -> Stage:
    """Return the accumulator that counts the documents for which all of these hold."""
    return {"$sum": {"$cond": [{"$and": list(conditions)}, 1, 0]}}
