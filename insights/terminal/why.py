"""The section of `summary` on why ratings are negative: reasons, and words of comments."""

from collections.abc import Iterator

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from insights.figures.answers import show_interval
from insights.figures.feedback import FeedbackSummary
from insights.figures.reasons import Reasons
from insights.figures.words import Words
from insights.terminal.tables import GAP
from insights.wording import LONG_NAME, clean, plural, shorten, show_number, show_percentage

BAR_WIDTH = 10


def show_why(feedback: FeedbackSummary) -> RenderableType | None:
    """Return the reasons and the words, or None without any."""
    reasons, words = [*reasons_of(feedback.reasons)], [*words_of(feedback.words)]
    parts = [*reasons, *([""] if reasons and words else []), *words]
    return Group(*parts) if parts else None


def reasons_of(reasons: Reasons) -> Iterator[RenderableType]:
    """Yield the reasons, if there are any."""
    if not reasons.reasons:
        return
    verb = "gives" if reasons.ratings == 1 else "give"
    yield f"Reasons of {plural(reasons.ratings, 'negative rating')} that {verb} any"
    table = new_table("Reason", "Ratings", "Share")
    table.add_column(width=BAR_WIDTH)
    for each in reasons.reasons:
        share = f"{show_percentage(each.share)} ({show_interval(each.share_interval)})"
        bar = Bar(reasons.ratings, 0, each.count, width=BAR_WIDTH, color="red")
        table.add_row(name_of(each.reason), show_number(each.count), share, bar)
    if reasons.others:
        table.add_row("others", show_number(reasons.others))
    yield table


def words_of(words: Words) -> Iterator[RenderableType]:
    """Yield the words, if there are any."""
    if not words.phrases:
        return
    yield "Words that negative comments use more than others"
    table = new_table("Words", "Negative", "Others")
    for each in words.phrases:
        numbers = (
            f"{show_number(each.negative)} of {show_number(words.negative_comments)}",
            f"{show_number(each.others)} of {show_number(words.other_comments)}",
        )
        table.add_row(name_of(each.phrase), *numbers)
    yield table


def name_of(text: str) -> Text:
    """Return a user's text as a cell."""
    return Text(shorten(clean(text), LONG_NAME))


def new_table(name: str, *figures: str) -> Table:
    """Return an empty table of names and figures."""
    table = Table(name, box=None, pad_edge=False, padding=GAP)
    for each in figures:
        table.add_column(each, justify="right", no_wrap=True)
    return table
