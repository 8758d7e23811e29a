"""The worst-rated messages, for `insights summary`."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from insights.figures.answers import show_interval
from insights.figures.feedback import FeedbackSummary
from insights.figures.worst import Comment, WorstMessage
from insights.terminal.blocks import user_text
from insights.terminal.lines import INDENT, hang, pack, print_lines, print_text, words
from insights.wording import show_number, show_time

SINGLE_RATINGS = "Each has a single rating: the newest negative ones, with a comment first."

# --json prints, and the dashboard shows, all of them.
MESSAGES_SHOWN = 5
COMMENTS_SHOWN = 2


def print_worst(console: Console, feedback: FeedbackSummary) -> None:
    """Print the worst-rated messages, each with some of its comments."""
    if feedback.has_single_ratings:
        print_text(console, Text(SINGLE_RATINGS, "dim"), INDENT)
    for message in feedback.worst[:MESSAGES_SHOWN]:
        is_single = feedback.has_single_ratings
        figure = show_time(message.newest) if is_single else show_negative(message)
        title = [Text(f"{figure}{INDENT}"), user_text(message.message_id, "bold")]
        width = console.width - len(INDENT)
        print_lines(console, pack(title, width, INDENT), INDENT)
        for lines in texts_of(message, width - len(INDENT)):
            print_lines(console, lines, INDENT * 2)


def show_negative(message: WorstMessage) -> str:
    """Return how many ratings are negative, as `8 of 9 negative (57 to 98 %)`."""
    count = f"{show_number(message.negative)} of {show_number(message.count)}"
    return f"{count} negative ({show_interval(message.interval)})"


def texts_of(message: WorstMessage, width: int) -> Iterator[list[Text]]:
    """Yield the lines of the question, of the message and of its comments."""
    for label, text in (("asked", message.question), ("answered", message.text)):
        if text:
            head = Text(f"{label:8}{INDENT}", "dim")
            yield hang(head, user_text(text, bounded=True), width)
    for each in message.comments[:COMMENTS_SHOWN]:
        comment = Text.assemble("“", user_text(each.comment, bounded=True), "” ")
        yield pack([*words(comment), *origin_of(each)], width)


def origin_of(comment: Comment) -> Iterator[Text]:
    """Yield the parts of a comment's origin, as `down, 2026-11-01 09:30, by user-1`."""
    yield user_text(f"{comment.rating}, ", "dim")
    yield Text(f"{show_time(comment.timestamp)}{', ' if comment.user_id else ''}", "dim")
    if comment.user_id:
        yield Text("by ", "dim")
        yield user_text(comment.user_id, "dim")
