"""When the data of a kind begin, which tells whether an earlier period can be compared."""

from dataclasses import replace
from datetime import datetime

from insights.queries.periods import FIRST_TIME, Period
from insights.queries.scopes import Scope

# Data that begin within this part of the period before cover it.
LATEST_BEGINNING = 1 / 20


def late_beginning(found: Scope, before: Period) -> datetime | None:
    """Return when the data of a kind begin, if they leave out much of the period before.

    Filters do not matter: without a match, a period with data is covered, too.
    """
    so_far = replace(found.period, since=FIRST_TIME).condition()
    oldest = found.database[found.kind.collection].find_one(
        so_far, {"_id": False, "timestamp": True}, sort={"timestamp": 1}
    )
    begins = oldest["timestamp"] if oldest else None
    # Other programs may have stored an array of dates.
    return begins if isinstance(begins, datetime) and is_late(begins, before) else None


def is_late(begins: datetime, before: Period) -> bool:
    """Say whether data that begin at a time leave out much of a period."""
    return begins > before.start + (before.end - before.start) * LATEST_BEGINNING
