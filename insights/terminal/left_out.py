"""Warnings about documents that a command cannot use."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from pymongo.database import Database

from insights.kinds import Document, Kind
from insights.queries.filters import Selection, to_filter
from insights.queries.left_out import LeftOut, undated
from insights.settings import Settings
from insights.terminal.console import print_error


def tell_left_out(left_out: Iterable[LeftOut]) -> None:
    """Print a line for each reason to standard error."""
    for each in left_out:
        print_error(str(each))


def tell_undated(
    database: Database[Document],
    kind: Kind,
    selection: Selection,
    settings: Settings,
    now: datetime,
) -> None:
    """Say how many documents only the period leaves out, because they have no date."""
    if selection.since is not None or selection.until is not None:
        whenever = replace(selection, since=None, until=None)
        tell_left_out(undated(database, kind, to_filter(kind, whenever, settings, now)))
