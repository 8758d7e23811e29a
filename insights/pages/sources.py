"""Reads MongoDB for the pages of the dashboard's server, each within a deadline."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pymongo
from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.pages.dashboard import Dashboard, create_dashboard
from insights.pages.links import Links, links_back
from insights.pages.lists import Listing, find_listing
from insights.pages.questions import Question
from insights.pages.suggestions import Suggestions, suggest
from insights.pages.users import ENTRIES, to_user_page
from insights.queries.attributes import parse_attribute
from insights.queries.filters import to_filters
from insights.queries.periods import Period, parse_period
from insights.settings import Settings
from insights.users.timelines import find_timeline

# For all figures of a dashboard together.
DASHBOARD_SECONDS = 60.0

# For a page of a list, which counts all documents that match.
LIST_SECONDS = 30.0

USER_SECONDS = 10.0

# A page does without suggestions.
SUGGESTIONS_SECONDS = 2.0


@dataclass(frozen=True)
class Source:
    """The database, and what all pages share. Its methods block.

    Each raises a PyMongoError if MongoDB does not answer, or refuses.
    """

    database: Database[Document]
    settings: Settings
    token: str
    default: Question

    def dashboard(self, question: Question) -> Dashboard:
        """Return the dashboard of a question as of now.

        Raises:
            InsightsError: the MongoDB user may not read the collection of an attribute.
        """
        now, selection = datetime.now(UTC), question.selection
        with pymongo.timeout(DASHBOARD_SECONDS):
            made = create_dashboard(
                self.database,
                self.settings,
                to_filters(selection, self.settings, now),
                parse_period(selection.since, selection.until, now),
                now,
                [parse_attribute(each, self.settings) for each in question.values("by")],
            )
        return replace(made, links=Links(self.token, self.default, question))

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

    def suggestions(self) -> Suggestions:
        """Return suggestions for the form."""
        with pymongo.timeout(SUGGESTIONS_SECONDS):
            return suggest(self.database, self.settings)
