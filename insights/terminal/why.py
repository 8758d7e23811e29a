"""The section of `summary` on why ratings are negative: reasons, and words of comments."""

from rich.bar import Bar
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from insights.figures.answers import show_interval
from insights.figures.reasons import Reasons
from insights.figures.words import Words
from insights.terminal.lines import INDENT, print_text
from insights.terminal.tables import GAP, print_table
from insights.wording import LONG_NAME, clean, plural, shorten, show_number, show_percentage

BAR_WIDTH = 10


def print_reasons(console: Console, reasons: Reasons) -> None:
    """Print the reasons."""
    heading = f"Reasons of {plural(reasons.ratings, 'negative rating')} that give any"
    print_text(console, Text(heading), INDENT)
    table = new_table("Reason", "Ratings", "Share")
    table.add_column(width=BAR_WIDTH, no_wrap=True)
    for each in reasons.reasons:
        share = f"{show_percentage(each.share)} ({show_interval(each.share_interval)})"
        bar = Bar(reasons.ratings, 0, each.count, width=BAR_WIDTH, color="red")
        table.add_row(name_of(each.reason), show_number(each.count), share, bar)
    if reasons.others:
        table.add_row("others", show_number(reasons.others))
    print_table(console, table, INDENT)


def print_words(console: Console, words: Words) -> None:
    """Print the words."""
    print_text(console, Text("Words that negative comments use more than others"), INDENT)
    table = new_table("Words", "Negative", "Others")
    for each in words.phrases or []:
        numbers = (
            f"{show_number(each.negative)} of {show_number(words.negative_comments)}",
            f"{show_number(each.others)} of {show_number(words.other_comments)}",
        )
        table.add_row(name_of(each.phrase), *numbers)
    print_table(console, table, INDENT)


def name_of(text: str) -> Text:
    """Return a user's text as a cell."""
    return Text(shorten(clean(text), LONG_NAME))


def new_table(name: str, *figures: str) -> Table:
    """Return an empty table of names and figures."""
    table = Table(Column(name, no_wrap=True), box=None, pad_edge=False, padding=GAP)
    for each in figures:
        table.add_column(each, justify="right", no_wrap=True)
    return table
