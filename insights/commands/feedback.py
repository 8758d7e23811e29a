"""`insights feedback`: list feedback."""

from insights.kinds import Kind
from insights.queries.filters import Selection
from insights.terminal.listing import Layout, print_newest
from insights.terminal.options import AsJson, Limit, Messages
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
    messages: Messages = False,
    as_json: AsJson = False,
) -> None:
    """List feedback, newest first.

    With --messages, each feedback has the text of the rated message and the question it answers,
    from the collection that MESSAGE_LOOKUP names. Long texts are shortened; --json has them whole,
    as message_text and question.

    Examples:
        insights feedback --rating negative --since 7d
        MESSAGE_LOOKUP=sessions.messages.message_id insights feedback --messages
        insights feedback --where comment~slow --json
    """
    print_newest(LAYOUT, selection, limit, as_json=as_json, messages=messages)
