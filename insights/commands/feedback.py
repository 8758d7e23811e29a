"""`insights feedback`: list feedback."""

from insights.kinds import Kind
from insights.queries.filters import Selection
from insights.terminal.listing import Layout, print_newest
from insights.terminal.options import AsJson, Limit, Message, Rating, Since, Until, User, Where

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


def feedback(
    user: User = None,
    message: Message = None,
    rating: Rating = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List feedback, newest first.

    Examples:
        insights feedback --rating negative --since 7d
        insights feedback --where comment~slow --json
    """
    selection = Selection(
        user=user, message=message, rating=rating, since=since, until=until, where=where or ()
    )
    print_newest(LAYOUT, selection, limit, as_json=as_json)
