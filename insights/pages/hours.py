"""The days that charts draw: since the data begin, and as hours if those are few."""

from dataclasses import replace
from datetime import datetime

from pymongo.database import Database

from insights.figures.curves import FeedbackDay
from insights.figures.days import HOUR
from insights.figures.events import EventsDay, events_days
from insights.figures.feedback import feedback_days
from insights.figures.summaries import Summary
from insights.kinds import Document, Kind
from insights.queries.filters import Filters
from insights.queries.left_out import usable_scope
from insights.queries.periods import Period
from insights.queries.sentiment import add_sentiment
from insights.settings import Settings

# As days, these would be two or three bars.
MOST_HOURS = 48 * HOUR


def to_draw(
    database: Database[Document], settings: Settings, filters: Filters, summary: Summary
) -> Summary:
    """Return a summary with the days, or the hours, that its charts draw."""
    feedback = feedback_to_draw(database, settings, filters, summary)
    events = events_to_draw(database, filters, summary)
    return replace(
        summary,
        feedback=replace(summary.feedback, daily=feedback),
        events=replace(summary.events, daily=events),
    )


def feedback_to_draw(
    database: Database[Document], settings: Settings, filters: Filters, summary: Summary
) -> list[FeedbackDay]:
    """Return the days or hours of feedback."""
    period = since_data_begin(summary.period, summary.feedback.begins)
    if period.end - period.start > MOST_HOURS:
        return [each for each in summary.feedback.daily if each.day >= period.start.date()]
    found = usable_scope(database, Kind.FEEDBACK, filters, period)
    return feedback_days(found, add_sentiment(settings.feedback_ratings), HOUR)


def events_to_draw(
    database: Database[Document], filters: Filters, summary: Summary
) -> list[EventsDay]:
    """Return the days or hours of events."""
    period = since_data_begin(summary.period, summary.events.begins)
    if period.end - period.start > MOST_HOURS:
        return [each for each in summary.events.daily if each.day >= period.start.date()]
    found = usable_scope(database, Kind.EVENTS, filters, period)
    return events_days(found, [each.event_type for each in summary.events.types], HOUR)


def since_data_begin(period: Period, begins: datetime | None) -> Period:
    """Return the part of a period since its data begin."""
    return replace(period, since=max(period.start, begins or period.start))
