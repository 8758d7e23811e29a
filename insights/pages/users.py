"""The page of one user's timeline, which the served dashboard links to."""

from itertools import groupby
from operator import attrgetter

from insights.kinds import Kind
from insights.pages.dashboard import source, templates
from insights.pages.links import PROGRAM, Links
from insights.queries.documents import iso_time
from insights.users.timelines import Timeline
from insights.wording import show_command

# The entries of a page, and the limit of the command for more.
ENTRIES = 100
MORE_ENTRIES = 1000

NAMES = {Kind.FEEDBACK: "Feedback", Kind.EVENTS: "Event"}


def to_user_page(timeline: Timeline, links: Links) -> str:
    """Return the page of a timeline, which links back to the dashboard."""
    template = templates().get_template("user.html")
    # Reading them all completes the notes, which come first on the page.
    days = [(day, list(each)) for day, each in groupby(timeline.entries, attrgetter("day"))]
    return template.render(
        timeline=timeline,
        days=days,
        names=NAMES,
        command=command_for_more(timeline),
        links=links,
        style=source("style.css"),
    )


def command_for_more(timeline: Timeline) -> str:
    """Return the command that shows more of a timeline."""
    until = timeline.period.until
    options = ["--limit", str(MORE_ENTRIES), *(["--until", iso_time(until)] if until else [])]
    return f"{PROGRAM} {show_command('user', timeline.user_id, *options)}"
