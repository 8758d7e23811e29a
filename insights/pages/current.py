"""The dashboard of one question, kept current at a bounded cost.

Arrivals are added to the counts within a second. All other figures are made anew from time to time,
and within a minute after documents were deleted.
"""

from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

from insights.figures.summaries import Summary
from insights.pages.dashboard import Dashboard

# The time between two makings, as a multiple of the time that one takes. The first quarter of a
# second is free.
PACE = 50
QUICK_SECONDS = 0.25

# The same after feedback that replaced some that is counted, which no addition can tell.
PACE_REPLACED = 5

# The longest time between two makings, and between two looks for deletions.
LONGEST_SECONDS = 300.0
REFRESH_SECONDS = 60.0

# A period moves on: figures are at most this part of its length old.
PART_OF_PERIOD = 1 / 100


class Figures(Protocol):
    """Reads the figures of one question."""

    def make(self, now: datetime) -> Dashboard:
        """Return the dashboard as of now."""

    def extend(self, dashboard: Dashboard) -> Dashboard:
        """Return a dashboard with the documents that arrived since."""

    def count(self, made: datetime) -> tuple[int, ...]:
        """Return the numbers of documents that a dashboard of some time covers."""


class Current:
    """The newest figures of a question, and when they were made."""

    _dashboard: Dashboard
    _counted: tuple[int, ...]

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._started = self._seconds = self._looked = 0.0
        self._has_replaced = False

    @property
    def seconds_to_refresh(self) -> float:
        """The time until a refresh is needed even if nothing arrives.

        Deletions are looked for, or feedback has replaced some that is counted.
        """
        seconds = self._seconds_to_look
        if self._has_replaced:
            seconds = min(seconds, self._started + self._oldest - monotonic())
        return max(seconds, 0.0)

    def make(self) -> Dashboard:
        """Make all figures anew.

        Raises:
            InsightsError, PyMongoError: MongoDB cannot be read.
        """
        started, now = monotonic(), datetime.now(UTC)
        # First, so that the next look notices changes made meanwhile.
        counted = self._figures.count(now)
        self._dashboard, self._counted = self._figures.make(now), counted
        self._started, self._looked = started, monotonic()
        self._seconds = self._looked - started
        self._has_replaced = False
        return self._dashboard

    def refresh(self, *, has_replaced: bool, anew: bool = False) -> Dashboard:
        """Return the figures as of now; `has_replaced` tells that feedback may have replaced other.

        Raises:
            InsightsError, PyMongoError: MongoDB cannot be read.
        """
        self._has_replaced |= has_replaced
        if anew or self._is_due() or self._is_outdated():
            return self.make()
        extended = self._figures.extend(self._dashboard)
        # The charts and sections of what is there for the first time.
        if present(extended.summary) != present(self._dashboard.summary):
            return self.make()
        self._has_replaced |= has_new_types(self._dashboard.summary, extended.summary)
        return extended

    @property
    def _seconds_to_look(self) -> float:
        """The time until deletions are looked for."""
        return self._looked + REFRESH_SECONDS - monotonic()

    @property
    def _oldest(self) -> float:
        """The age in seconds at which the figures are made anew."""
        pace = PACE_REPLACED if self._has_replaced else PACE
        wait = pace * max(self._seconds - QUICK_SECONDS, 0)
        period = self._dashboard.summary.period
        part = (period.end - period.start).total_seconds() * PART_OF_PERIOD
        return min(wait, part, LONGEST_SECONDS)

    def _is_due(self) -> bool:
        """Say whether the figures are old enough to make them anew."""
        is_of_yesterday = self._dashboard.made.date() != datetime.now(UTC).date()
        return is_of_yesterday or monotonic() - self._started >= self._oldest

    def _is_outdated(self) -> bool:
        """Say whether documents were deleted, or came late, as looked up once a minute."""
        if self._seconds_to_look > 0:
            return False
        self._looked = monotonic()
        return self._figures.count(self._dashboard.made) != self._counted


def present(summary: Summary) -> tuple[bool, ...]:
    """Return whether a summary has feedback, scored ratings, and events."""
    feedback, events = summary.feedback, summary.events
    return bool(feedback.count), bool(feedback.scored), bool(events.count)


def has_new_types(before: Summary, after: Summary) -> bool:
    """Say whether there are event types beside those that were all."""
    return not before.events.others and bool(after.events.others)
