"""`insights forget`: erase a user's data."""

from insights.mongodb.connection import open_database
from insights.settings import read_settings
from insights.terminal.console import print_line
from insights.terminal.counts import show_counts
from insights.terminal.questions import Yes, ask
from insights.terminal.users import (
    UserId,
    report_messages,
    report_other_types,
    report_similar_ids,
    warn_of_new_events,
)
from insights.terminal.working import working
from insights.users.erasure import count_stored, erase


def forget(user_id: UserId, yes: Yes = False) -> None:
    """Erase a user's feedback and events.

    Shows the counts and asks for confirmation. Safe to run again. The user's opt-out is kept,
    because new events would be stored without it. The texts of messages are the application's, and
    are left alone.

    USER_ID also matches ids of other types: 42 the numbers 42 and 42.0, and 24 hexadecimal digits
    the ObjectId. Ids that differ only in case, blanks or Unicode normalisation are listed, but not
    erased.

    Examples:
        insights forget user-1
        insights forget user-1 --yes
    """
    settings = read_settings()
    with open_database(settings) as database:
        with working(f"Counting the documents of {user_id}"):
            stored = count_stored(database, user_id)
        report_other_types(database, user_id)
        report_similar_ids(database, user_id, "erased")
        if not any(stored.values()):
            print_line(f"Nothing is stored for {user_id}.")
            report_messages(settings)
            return
        if not yes:
            ask(f"Erase {show_counts(stored)} of {user_id}?")
        with working(f"Erasing {show_counts(stored)} of {user_id}"):
            erased = erase(database, user_id)
        print_line(f"Erased {show_counts(erased)} of {user_id}.")
        report_messages(settings)
        warn_of_new_events(database, user_id)
