"""The dashboard's comparisons: for each attribute, the share of positive ratings by its value."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pymongo.database import Database

from insights.errors import UsageError
from insights.figures.comparisons import Breakdown, compare_by, headline
from insights.figures.summaries import Summary
from insights.kinds import Document, Kind
from insights.messages.records import Unreadable
from insights.queries.attributes import Attribute, parse_attribute
from insights.queries.filters import Filters
from insights.queries.left_out import usable_scope
from insights.settings import Settings

# Shown unasked, if the application's messages have several.
MODEL = "message.model"

# With more, these figures would delay the page by seconds.
MOST_RATINGS_UNASKED = 50_000


@dataclass(frozen=True)
class Section:
    """The comparison by one attribute: the finding, and the figures if there are any."""

    by: str
    headline: str
    breakdown: Breakdown | None


@dataclass(frozen=True)
class Ratings:
    """The ratings of a page, and how to read the application's data about them."""

    database: Database[Document]
    settings: Settings
    filters: Filters
    summary: Summary

    def compare(self, attribute: Attribute) -> Breakdown:
        """Compare them by an attribute.

        Raises:
            UsageError: there are more than 30 values.
            Unreadable: the MongoDB user may not read the application's collection.
        """
        period = self.summary.period
        found = usable_scope(self.database, Kind.FEEDBACK, self.filters, period)
        return compare_by(found, self.filters.of(Kind.EVENTS), attribute, self.settings)


def find_sections(ratings: Ratings, attributes: Sequence[Attribute]) -> list[Section]:
    """Return a section for each attribute; without any, for models if there are several."""
    if not ratings.summary.feedback.scored:
        return []
    if attributes:
        return [to_section(ratings, each) for each in attributes]
    return list(unasked(ratings))


def to_section(ratings: Ratings, attribute: Attribute) -> Section:
    """Return the section of an attribute, which may have too many values to compare.

    Raises:
        Unreadable: the MongoDB user may not read the application's collection.
    """
    try:
        found = ratings.compare(attribute)
    except UsageError as error:
        return Section(attribute.name, f"{error}.", None)
    return Section(attribute.name, headline(found), found if found.groups else None)


def unasked(ratings: Ratings) -> Iterator[Section]:
    """Yield the section of the models, if there are several and they can be read."""
    few = ratings.summary.feedback.scored <= MOST_RATINGS_UNASKED
    if ratings.settings.message_lookup and few:
        with suppress(UsageError, Unreadable):
            found = ratings.compare(parse_attribute(MODEL, ratings.settings))
            if len(found.groups) > 1:
                yield Section(MODEL, headline(found), found)
