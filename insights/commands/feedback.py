"""`insights feedback`: list feedback."""

from insights.kinds import Kind
from insights.queries.filters import Selection
from insights.terminal.listing import Layout, print_newest
from insights.terminal.options import AsJson, Limit
from insights.terminal.selections import selects

LAYOUT = Layout(
    Kind.FEEDBACK,
    {
        "timestamp": "Time (UTC)",
        "rating": "Rating",
        "user_id": "User",
        "message_id": "Message",
        "comment": "Comment",
    },
)


@selects(but=("event_type",))
def feedback(
    selection: Selection,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List feedback, newest first.

    Examples:
        insights feedback --rating negative --since 7d
        insights feedback --where comment~slow --json
    """
    print_newest(LAYOUT, selection, limit, as_json=as_json)
