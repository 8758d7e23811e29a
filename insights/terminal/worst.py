"""The worst-rated messages, for `insights summary`."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from insights.figures.answers import show_interval
from insights.figures.feedback import FeedbackSummary
from insights.figures.worst import Comment, WorstMessage
from insights.terminal.tables import GAP, right
from insights.wording import clean, shorten, show_number, show_time

SINGLE_RATINGS = "Each has a single rating: the newest negative ones, with a comment first."

# --json prints, and the dashboard shows, all of them.
MESSAGES_SHOWN = 5
COMMENTS_SHOWN = 2


def worst_messages(feedback: FeedbackSummary) -> RenderableType:
    """Return the worst-rated messages, each with some of its comments."""
    is_single = feedback.has_single_ratings
    first = "Rated (UTC)" if is_single else "Negative"
    table = Table(first, "Message", box=None, pad_edge=False, padding=GAP)
    for message in feedback.worst[:MESSAGES_SHOWN]:
        cell = show_time(message.newest) if is_single else show_negative(message)
        table.add_row(right(cell), Group(*lines_of(message)))
    return Group(Text(SINGLE_RATINGS, style="dim"), table) if is_single else table


def show_negative(message: WorstMessage) -> str:
    """Return how many ratings are negative, as `8 of 9 (57 to 98 %)`."""
    count = f"{show_number(message.negative)} of {show_number(message.count)}"
    return f"{count} ({show_interval(message.interval)})"


def lines_of(message: WorstMessage) -> Iterator[Text]:
    """Yield the lines of a message: its id, question and text, and its comments."""
    yield Text(clean(message.message_id), style="bold")
    for label, text in (("asked", message.question), ("answered", message.text)):
        if text:
            yield Text.assemble((f"{label} ", "dim"), shorten(clean(text)))
    for each in message.comments[:COMMENTS_SHOWN]:
        yield Text.assemble(f"“{shorten(clean(each.comment))}” ", (origin_of(each), "dim"))


def origin_of(comment: Comment) -> str:
    """Return a comment's rating, user and time, as `down by user-1, 2026-11-01 09:30`."""
    user = f" by {clean(comment.user_id)}" if comment.user_id else ""
    return f"{clean(comment.rating)}{user}, {show_time(comment.timestamp)}"
