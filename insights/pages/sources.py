"""Reads MongoDB for the pages of the dashboard's server, each within a deadline."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pymongo
from pymongo.database import Database

from insights.figures.additions import extend
from insights.kinds import Document, Kind
from insights.pages.current import LONGEST_SECONDS
from insights.pages.dashboard import Dashboard, create_dashboard
from insights.pages.links import Links, links_back
from insights.pages.lists import Listing, find_listing
from insights.pages.questions import Question
from insights.pages.suggestions import Suggestions, suggest
from insights.pages.users import ENTRIES, to_user_page
from insights.queries.attributes import parse_attribute
from insights.queries.filters import Filters, to_filters
from insights.queries.message_filters import with_message_filters
from insights.queries.periods import Period, earlier, parse_period
from insights.queries.scopes import Scope
from insights.settings import Settings
from insights.users.timelines import find_timeline

# For all figures of a dashboard together.
DASHBOARD_SECONDS = 60.0

# For a page of a list, which counts all documents that match.
LIST_SECONDS = 30.0

USER_SECONDS = 10.0

LONGEST_AGE = timedelta(seconds=LONGEST_SECONDS)

# A page does without suggestions.
SUGGESTIONS_SECONDS = 2.0


@dataclass(frozen=True)
class Asked:
    """The figures of one question. Its methods block.

    Each raises a PyMongoError if MongoDB does not answer, or refuses, and an InsightsError if too
    many messages match, or the MongoDB user may not read them.
    """

    source: "Source"
    question: Question

    def make(self, now: datetime) -> Dashboard:
        """Return the dashboard as of now."""
        source = self.source
        attributes = [parse_attribute(each, source.settings) for each in self.question.values("by")]
        with pymongo.timeout(DASHBOARD_SECONDS):
            made = create_dashboard(
                source.database,
                source.settings,
                self._filters(now),
                self._period(now),
                now,
                attributes,
            )
        return replace(made, links=Links(source.token, source.default, self.question))

    def extend(self, dashboard: Dashboard) -> Dashboard:
        """Return a dashboard with the documents that arrived since, as far as it counts them."""
        database, settings, now = self.source.database, self.source.settings, datetime.now(UTC)
        since = dashboard.summary.period.end
        added = Period(since, self._period(now).so_far(now).end)
        if added.end <= since:
            return replace(dashboard, extended=now)
        with pymongo.timeout(DASHBOARD_SECONDS):
            filters = with_message_filters(database, self._filters(now), added, now)
            summary = extend(dashboard.summary, database, settings, filters, added.end)
        return replace(dashboard, summary=summary, extended=now)

    def count(self, made: datetime) -> tuple[int, ...]:
        """Return the numbers of documents of a dashboard's period, and of the period before.

        The first minutes are left out, because retention may delete them meanwhile.
        """
        period = self._period(made).so_far(made)
        length = period.end - period.start
        covered = Period(earlier(period.start, length) + LONGEST_AGE, period.end)
        filters = self._filters(made)
        with pymongo.timeout(DASHBOARD_SECONDS):
            return tuple(
                Scope(self.source.database, kind, covered, filters.of(kind)).count()
                for kind in Kind
            )

    def _filters(self, now: datetime) -> Filters:
        return to_filters(self.question.selection, self.source.settings, now)

    def _period(self, now: datetime) -> Period:
        return parse_period(self.question.selection.since, self.question.selection.until, now)


@dataclass(frozen=True)
class Source:
    """The database, and what all pages share. Its methods block.

    Each raises a PyMongoError if MongoDB does not answer, or refuses.
    """

    database: Database[Document]
    settings: Settings
    token: str
    default: Question

    def listing(self, question: Question, kind: Kind, before: datetime | None) -> Listing:
        """Return a page of feedback or events."""
        with pymongo.timeout(LIST_SECONDS):
            return find_listing(
                self.database, self.settings, question, kind, before, datetime.now(UTC)
            )

    def user(self, user_id: str, period: Period, asked: str) -> tuple[str, bool]:
        """Return the page of a user, and whether it is empty."""
        links = links_back(self.token, self.default, asked)
        with pymongo.timeout(USER_SECONDS):
            found = find_timeline(self.database, self.settings, user_id, period, ENTRIES)
            return to_user_page(found, links), found.is_empty

    def asked(self, question: Question) -> Asked:
        """Return the figures of a question."""
        return Asked(self, question)

    def suggestions(self) -> Suggestions:
        """Return suggestions for the form."""
        with pymongo.timeout(SUGGESTIONS_SECONDS):
            return suggest(self.database, self.settings)
