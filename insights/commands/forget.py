"""`insights forget`: erase what is stored of a user."""

from datetime import UTC, datetime

from pymongo.database import Database

from insights.commands.counts import show_counts
from insights.commands.questions import Yes, ask
from insights.commands.users import (
    UserId,
    command_for,
    tell_of_other_forms,
    tell_of_similar_ids,
)
from insights.database import Document, open_database
from insights.erasure import count_stored, erase
from insights.opt_outs import find_opt_out, is_recent
from insights.settings import read_settings
from insights.terminal import print_line


def forget(user_id: UserId, yes: Yes = False) -> None:
    """Erase all feedback and events of a user.

    It shows how much there is, and asks first. It can be run again at any time. An opt-out of the
    user stays, because without it new events would be stored.

    The numbers 42 and 42.0 are the user 42, too, and an ObjectId is the user of its 24 digits.
    Stored ids that differ from USER_ID only in case, blanks or Unicode normalisation are named,
    and not erased.

    Examples:
        insights forget user-1
        insights forget user-1 --yes
    """
    settings = read_settings()
    with open_database(settings) as database:
        stored = count_stored(database, user_id)
        tell_of_other_forms(database, user_id)
        tell_of_similar_ids(database, user_id, "erased")
        if not any(stored.values()):
            print_line(f"Nothing is stored of {user_id}.")
            return
        if not yes:
            ask(f"Erase {show_counts(stored)} of {user_id}?")
        print_line(f"Erased {show_counts(erase(database, user_id))} of {user_id}.")
        warn_of_more(database, user_id)


def warn_of_more(database: Database[Document], user_id: str) -> None:
    """Say why events of the user may still be stored, and what to do about it."""
    opt_out = find_opt_out(database, user_id)
    if opt_out is None:
        print_line(
            "Events that arrive from now on are stored, because the user has not opted out: "
            f"{command_for('opt-out', user_id)} does that."
        )
    elif is_recent(opt_out, datetime.now(UTC)):
        print_line(
            "Within a minute after the opt-out, events may still be stored: run "
            f"{command_for('forget', user_id)} again then."
        )
