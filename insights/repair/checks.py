"""All checks, in the order in which repairs build on each other."""

from collections.abc import Iterator

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.repair.double_ids import DoubleIds
from insights.repair.findings import Check
from insights.repair.ids import id_checks
from insights.repair.missing_indexes import MissingIndexes
from insights.repair.repeats import Repeats
from insights.repair.timestamps import timestamp_checks
from insights.settings import Settings


def all_checks(database: Database[Document], settings: Settings) -> Iterator[Check]:
    """Return the checks.

    Indexes come first, because they make the others quick. Repeats come last: the newest is known
    by its date, and 42 and "42" are one user once ids are texts.
    """
    for kind in Kind:
        yield MissingIndexes(database, kind, "missing_index", "missing index", settings)
    yield DoubleIds(database, Kind.FEEDBACK, "several_ids", "several _id fields")
    for kind in Kind:
        yield from timestamp_checks(database, kind)
        yield from id_checks(database, kind)
    yield Repeats(database, Kind.FEEDBACK, "repeated", "repeated for a user and message")
