"""`insights events`: list events."""

from insights.kinds import Kind
from insights.queries.filters import Selection
from insights.terminal.listing import Layout, print_newest
from insights.terminal.options import AsJson, Limit
from insights.terminal.selections import selects

LAYOUT = Layout(
    Kind.EVENTS,
    {
        "timestamp": "Time (UTC)",
        "event_type": "Event",
        "user_id": "User",
        "details": "Details",
    },
)


@selects(but=("message", "rating"))
def events(
    selection: Selection,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List events, newest first.

    Examples:
        insights events --event-type page_view --since 24h
        insights events --where details.page=/dashboard --where 'details.seconds>5' --json
    """
    print_newest(LAYOUT, selection, limit, as_json=as_json)
