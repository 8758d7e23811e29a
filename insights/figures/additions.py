"""A summary up to a later time, without reading again what it holds already.

The counts are exact, unless feedback replaced some that was counted. Whatever depends on who the
users are stays as it was: their numbers, and the intervals and tests of shares.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from pymongo.database import Database

from insights.figures.curves import SCORED, FeedbackDay
from insights.figures.events import EventsDay, EventsSummary, counts_by_type, to_days
from insights.figures.feedback import FeedbackSummary, feedback_days
from insights.figures.ratings import NAMED, RatingCount, count_ratings
from insights.figures.shares import Comparison, Share
from insights.figures.summaries import Summary
from insights.kinds import Document, Kind
from insights.queries.filters import Filters
from insights.queries.left_out import usable_scope
from insights.queries.periods import Period
from insights.queries.scopes import Scope
from insights.queries.sentiment import Sentiment, add_sentiment
from insights.settings import Settings

Day = TypeVar("Day", FeedbackDay, EventsDay)


def extend(
    summary: Summary,
    database: Database[Document],
    settings: Settings,
    filters: Filters,
    now: datetime,
) -> Summary:
    """Return a summary with the documents dated from its end until now."""
    since = Period(summary.period.end, now)
    feedback, events = (usable_scope(database, kind, filters, since) for kind in Kind)
    return replace(
        summary,
        period=replace(summary.period, until=now),
        feedback=with_feedback(summary.feedback, feedback, settings),
        events=with_events(summary.events, events),
    )


def with_feedback(summary: FeedbackSummary, found: Scope, settings: Settings) -> FeedbackSummary:
    """Return the figures with the feedback of a scope."""
    scored = add_sentiment(settings.feedback_ratings)
    days = feedback_days(found, scored)
    ratings = count_ratings(found, Period(), settings)
    count = summary.count + sum(day.count for day in days)
    merged = merge(summary.ratings, ratings.frequent(*Sentiment), is_complete=not summary.others)
    unscored, more_unscored = summary.unscored, ratings.frequent(Sentiment.UNSCORED)
    added = {name: sum(getattr(day, name) for day in days) for name in SCORED}
    sentiments = {name: summary.sentiments[name] + added[name] for name in SCORED}
    return replace(
        summary,
        count=count,
        sentiments=sentiments | {Sentiment.UNSCORED.value: count - sum(sentiments.values())},
        comparison=with_ratings(summary.comparison, added["positive"], sum(added.values())),
        ratings=merged,
        unscored=merge(unscored, more_unscored, is_complete=len(unscored) < NAMED),
        others=count - sum(each.count for each in merged),
        daily=join(summary.daily, days, add_feedback_days),
    )


def merge(
    ratings: list[RatingCount], added: list[RatingCount], *, is_complete: bool
) -> list[RatingCount]:
    """Return the counts of ratings with others added; new ratings only to a complete list."""
    counts = Counter({(each.rating, each.sentiment): each.count for each in ratings})
    for each in added:
        if is_complete or (each.rating, each.sentiment) in counts:
            counts[each.rating, each.sentiment] += each.count
    in_order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [RatingCount(*name, count) for name, count in in_order[:NAMED]]


def with_ratings(comparison: Comparison, positive: int, scored: int) -> Comparison:
    """Return the comparison with further ratings, under the design effect of the others.

    Without others, each counts as a user's only one.
    """
    share = comparison.now
    if share:
        share = share.part(share.positive + positive, share.scored + scored)
    elif scored:
        share = Share(positive, scored, users=scored, effective=scored)
    return replace(comparison, now=share)


def join(days: list[Day], added: list[Day], add: Callable[[Day, Day], Day]) -> list[Day]:
    """Return days followed by others, of which the first may be a later part of the last."""
    if days and added and days[-1].day == added[0].day:
        joint = [add(days[-1], added[0])]
        return days[:-1] + joint + added[1:]
    return days + added


def add_feedback_days(day: FeedbackDay, added: FeedbackDay) -> FeedbackDay:
    """Return a day with the counts of a later part of it."""
    names = ("count", *SCORED)
    return replace(day, **{name: getattr(day, name) + getattr(added, name) for name in names})


def with_events(summary: EventsSummary, found: Scope) -> EventsSummary:
    """Return the figures with the events of a scope."""
    names = [each.event_type for each in summary.types]
    days = to_days(found, counts_by_type(found), names, {})
    count = summary.count + sum(day.count for day in days)
    types = [
        replace(each, count=each.count + sum(day.types.get(each.event_type, 0) for day in days))
        for each in summary.types
    ]
    return replace(
        summary,
        count=count,
        types=sorted(types, key=lambda each: (-each.count, each.event_type)),
        others=count - sum(each.count for each in types),
        daily=join(summary.daily, days, add_events_days),
    )


def add_events_days(day: EventsDay, added: EventsDay) -> EventsDay:
    """Return a day with the counts of a later part of it; its number of users stays."""
    types = Counter(day.types) + Counter(added.types)
    return replace(day, count=day.count + added.count, types=dict(sorted(types.items())))
