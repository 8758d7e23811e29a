"""The figures of a period: ratings, the worst messages, and users' activity."""

from dataclasses import dataclass, replace
from datetime import datetime

from pymongo.database import Database

from insights.figures.beginnings import late_beginning
from insights.figures.events import EventsSummary, summarize_events
from insights.figures.feedback import FeedbackSummary, summarize_feedback
from insights.figures.worst import without_message
from insights.kinds import Document, Kind
from insights.queries.at_once import AtOnce
from insights.queries.filters import Filters
from insights.queries.left_out import LeftOut, not_counted, not_selected, usable
from insights.queries.periods import Period, earlier
from insights.queries.scopes import Scope
from insights.queries.sentiment import add_sentiment
from insights.settings import Settings


@dataclass(frozen=True)
class Summary:
    """The figures of a period, which has both ends.

    `options` are the filters, as on the command line. `left_out` counts documents that some
    figures, or all, cannot use.
    """

    period: Period
    options: str
    feedback: FeedbackSummary
    events: EventsSummary
    left_out: list[LeftOut]

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened in the period."""
        return not self.feedback.count and not self.events.count


def summarize(
    database: Database[Document],
    settings: Settings,
    filters: Filters,
    period: Period,
    now: datetime,
) -> Summary:
    """Return the figures of a period, which ends now at the latest.

    Raises:
        ValueError: the period has no beginning.
    """
    # The time to come would count as time without data.
    bounded = period.so_far(now)
    before = Period(earlier(bounded.start, bounded.end - bounded.start), bounded.start)
    feedback, events = (scope_of(database, kind, filters, bounded, before) for kind in Kind)
    with AtOnce() as at_once:
        of_events = at_once.start(summarize_events, events, before, late_beginning(events, before))
        of_feedback = summarize_feedback(
            feedback, settings, before, late_beginning(feedback, before)
        )
        left_out = [
            *not_counted(feedback, period),
            *not_counted(events, period),
            *not_selected(database, filters, bounded),
            *without_message(feedback, add_sentiment(settings.feedback_ratings)),
        ]
        return Summary(bounded, filters.options, of_feedback, of_events.result(), left_out)


def scope_of(
    database: Database[Document], kind: Kind, filters: Filters, period: Period, before: Period
) -> Scope:
    """Return the documents of a kind in a period, without arrays of dates, even before it."""
    both = usable(database, kind, Period(before.since, period.until))
    return Scope(database, kind, replace(period, dates_only=both.dates_only), filters.of(kind))
