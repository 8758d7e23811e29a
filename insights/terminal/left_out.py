"""Warnings about documents that a command cannot use."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from pymongo.database import Database
from rich.text import Text

from insights.kinds import Document, Kind
from insights.queries.filters import Selection, all_of, of_users, standing, system_ids, to_filter
from insights.queries.left_out import LeftOut, Reason, left_out, undated, withdrawn
from insights.settings import Settings
from insights.terminal.console import print_error
from insights.terminal.working import awaited
from insights.wording import clean


def show_left_out(left_out: Iterable[LeftOut], options: str) -> Iterator[Text]:
    """Yield the dim lines below figures: their filters, and each reason for leaving some out."""
    if options:
        yield Text(f"Filtered by {clean(options)}.", style="dim")
    for each in left_out:
        yield Text(f"{each}.", style="dim")


def tell_left_out(left_out: Iterable[LeftOut]) -> None:
    """Print a line for each reason to standard error."""
    for each in left_out:
        print_error(str(each))


def tell_not_selected(
    database: Database[Document],
    kind: Kind,
    selection: Selection,
    settings: Settings,
    now: datetime,
) -> None:
    """Print how many documents are left out although no option says so.

    These are documents without a date if a period is given, withdrawn feedback, and documents of
    system users.
    """
    if selection.since is not None or selection.until is not None:
        whenever = replace(selection, since=None, until=None)
        condition = all_of(to_filter(kind, whenever, settings, now), standing(kind))
        without_date = undated(database, kind, condition)
        tell_left_out(awaited(f"Counting {kind} without a date", without_date))
    if kind is Kind.FEEDBACK:
        found = withdrawn(database, to_filter(kind, selection, settings, now))
        tell_left_out(awaited("Counting withdrawn feedback", found))
    if system_ids(selection, settings):
        everyone = to_filter(kind, replace(selection, include_system=True), settings, now)
        condition = all_of(everyone, of_users(system_ids(selection, settings)), standing(kind))
        of_system = left_out(database, kind, Reason.SYSTEM_USER, condition)
        tell_left_out(awaited(f"Counting {kind} of system users", of_system))
