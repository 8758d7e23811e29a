"""`insights events`: list events."""

import json

from insights.kinds import Document, Kind
from insights.queries.documents import plain_value
from insights.queries.filters import Selection
from insights.terminal.listing import Layout, print_newest, time_of
from insights.terminal.options import AsJson, EventType, Limit, Since, Until, User, Where


def events(
    user: User = None,
    event_type: EventType = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List events, newest first.

    Examples:
        insights events --event-type page_view --since 24h
        insights events --where details.page=/dashboard --where 'details.seconds>5' --json
    """
    selection = Selection(
        user=user, event_type=event_type, since=since, until=until, where=where or ()
    )
    print_newest(Kind.EVENTS, selection, limit, LAYOUT, as_json=as_json)


def cells(document: Document) -> list[str]:
    """Return an event's cells in the table."""
    details = json.dumps(plain_value(document.get("details", {})), ensure_ascii=False)
    return [
        time_of(document),
        str(document.get("event_type", "")),
        str(document.get("user_id", "")),
        "" if details == "{}" else details,
    ]


LAYOUT = Layout(("Time (UTC)", "Event", "User", "Details"), cells)
