"""`insights forget`: erase what is stored of a user."""

from insights.mongodb.connection import open_database
from insights.settings import read_settings
from insights.terminal.console import print_line
from insights.terminal.counts import show_counts
from insights.terminal.questions import Yes, ask
from insights.terminal.users import (
    UserId,
    report_other_types,
    report_similar_ids,
    warn_of_new_events,
)
from insights.users.erasure import count_stored, erase


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
        report_other_types(database, user_id)
        report_similar_ids(database, user_id, "erased")
        if not any(stored.values()):
            print_line(f"Nothing is stored of {user_id}.")
            return
        if not yes:
            ask(f"Erase {show_counts(stored)} of {user_id}?")
        print_line(f"Erased {show_counts(erase(database, user_id))} of {user_id}.")
        warn_of_new_events(database, user_id)
