"""The dashboard of one question, kept current at a bounded cost.

Arrivals are added to the counts within a second. All other figures are made anew from time to time,
and within a minute after documents were deleted.
"""

from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

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


class Figures(Protocol):
    """Reads the figures of one question."""

    def make(self) -> Dashboard:
        """Return the dashboard as of now."""

    def extend(self, dashboard: Dashboard) -> Dashboard:
        """Return a dashboard with the documents that arrived since."""

    def count(self, dashboard: Dashboard) -> tuple[int, ...]:
        """Return the numbers of documents that a dashboard covers, fewer after a deletion."""


class Current:
    """The newest figures of a question, and when they were made."""

    _dashboard: Dashboard
    _counted: tuple[int, ...]

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._started = self._seconds = self._looked = 0.0
        self._has_replaced = False

    def make(self) -> Dashboard:
        """Make all figures anew.

        Raises:
            InsightsError, PyMongoError: MongoDB cannot be read.
        """
        started = monotonic()
        self._dashboard = self._figures.make()
        self._counted = self._figures.count(self._dashboard)
        self._started, self._looked = started, monotonic()
        self._seconds = self._looked - started
        self._has_replaced = False
        return self._dashboard

    def refresh(self, *, has_replaced: bool) -> Dashboard:
        """Return the figures as of now; `has_replaced` tells that feedback may have replaced other.

        Raises:
            InsightsError, PyMongoError: MongoDB cannot be read.
        """
        self._has_replaced |= has_replaced
        if self._is_due() or self._is_outdated():
            return self.make()
        return self._figures.extend(self._dashboard)

    def _is_due(self) -> bool:
        """Say whether the figures are old enough to make them anew."""
        if self._dashboard.summary.is_empty:
            return True
        age = monotonic() - self._started
        pace = PACE_REPLACED if self._has_replaced else PACE
        is_of_yesterday = self._dashboard.made.date() != datetime.now(UTC).date()
        wait = pace * max(self._seconds - QUICK_SECONDS, 0)
        return is_of_yesterday or age >= min(wait, LONGEST_SECONDS)

    def _is_outdated(self) -> bool:
        """Say whether documents were deleted, or came late, as looked up once a minute."""
        if monotonic() - self._looked < REFRESH_SECONDS:
            return False
        self._looked = monotonic()
        return self._figures.count(self._dashboard) != self._counted
