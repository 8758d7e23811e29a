"""`insights feedback`: list feedback."""

from insights.kinds import Document, Kind
from insights.queries.filters import Selection
from insights.terminal.listing import Layout, print_newest, time_of
from insights.terminal.options import AsJson, Limit, Message, Rating, Since, Until, User, Where


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
    print_newest(Kind.FEEDBACK, selection, limit, LAYOUT, as_json=as_json)


def cells(document: Document) -> list[str]:
    """Return a feedback's cells in the table."""
    texts = (document.get(field, "") for field in ("rating", "user_id", "message_id", "comment"))
    return [time_of(document), *map(str, texts)]


LAYOUT = Layout(("Time (UTC)", "Rating", "User", "Message", "Comment"), cells)
