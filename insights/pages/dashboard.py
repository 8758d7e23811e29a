"""The dashboard: one page about the answers' ratings and the users' activity, which works offline.

It consists of parts, which a served page replaces one by one as they change.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pymongo.database import Database

from insights.figures.answers import (
    NO_EVENTS_BEFORE,
    explain,
    not_counted_before,
    show_interval,
    show_share,
    verdict_on,
)
from insights.figures.comparisons import show_points, show_points_range, show_without
from insights.figures.journeys import Journeys, find_journeys
from insights.figures.summaries import Summary, summarize
from insights.figures.verdicts import headline, most_striking
from insights.kinds import Document, Kind
from insights.output_files import open_output
from insights.pages.charts import Chart, draw_charts, percentage
from insights.pages.comparisons import Ratings, Section, find_sections
from insights.pages.drawing import start_vega
from insights.pages.forms import Form
from insights.pages.hours import to_draw
from insights.pages.links import Links, user_command
from insights.queries.at_once import AtOnce
from insights.queries.attributes import Attribute
from insights.queries.documents import newest
from insights.queries.filters import Filters, all_of, standing
from insights.queries.left_out import LeftOut, Reason
from insights.queries.message_filters import with_message_filters
from insights.queries.periods import Period
from insights.queries.sentiment import Sentiment
from insights.settings import Settings
from insights.wording import (
    LONG_NAME,
    LONG_TEXT,
    clean,
    length_of,
    plural,
    shorten,
    show_day,
    show_number,
    show_time,
    unbroken,
)

TEMPLATES = Path(__file__).with_name("templates")
PARTS = ("heading", "glance", "answers", "comparisons", "worst", "why", "journeys", "activity")

# The ends of words within a name: after punctuation, and before a capital letter.
WORDS = re.compile(r"(?<=[_./:?&=@-])(?=[^_./:?&=@-])|(?<=[a-z0-9])(?=[A-Z])")

# The time before a rating whose events may explain it.
WINDOW = timedelta(minutes=30)

# Texts of messages, which have no limit, end here.
LONGEST_TEXT = 5_000

LIVE_POLICY = ("form-action 'self'", "connect-src 'self'", "frame-ancestors 'none'")

# Further ratings and types are folded away.
RANKED = 12


@dataclass(frozen=True)
class Dashboard:
    """The content of the page, and its time; the counts of a served page may be `extended` since.

    If it is empty, `newest` has the times of the newest documents of the `database`, by kind.
    """

    made: datetime
    summary: Summary
    journeys: Journeys
    charts: dict[str, Chart]
    comparisons: list[Section]
    database: str
    newest: dict[Kind, datetime]
    # The addresses of the server that shows the page; a file has none.
    links: Links | None = None
    extended: datetime | None = None

    @property
    def left_out(self) -> list[LeftOut]:
        """The documents that no figure, or not every one, can use."""
        reasons = (Reason.NO_USER, Reason.NO_TYPE)
        not_in_journeys = [each for each in self.journeys.left_out if each.reason in reasons]
        return [*self.summary.left_out, *not_in_journeys]


def create_dashboard(  # noqa: PLR0913, PLR0917 (each is part of the question)
    database: Database[Document],
    settings: Settings,
    filters: Filters,
    period: Period,
    now: datetime,
    attributes: Sequence[Attribute] = (),
) -> Dashboard:
    """Return the dashboard of a period, which must have a beginning.

    It compares ratings by the attributes, or else by the model of messages, if there are several.

    Raises:
        UsageError: too many messages match a condition.
        Unreadable: the MongoDB user may not read the collection of an attribute.
    """
    filters = with_message_filters(database, filters, period, now)
    with AtOnce() as at_once:
        ready = at_once.start(start_vega)
        until_now = period.so_far(now)
        finding = at_once.start(
            find_journeys, database, settings, filters, Sentiment.NEGATIVE, WINDOW, until_now, now
        )
        summary = summarize(database, settings, filters, period, now)
        comparisons = find_sections(Ratings(database, settings, filters, summary), attributes)
        ready.result()
        charts = draw_charts(to_draw(database, settings, filters, summary))
        times = newest_times(database, now) if summary.is_empty else {}
        # They take longest, so wait for them last.
        journeys = finding.result()
    return Dashboard(now, summary, journeys, charts, comparisons, database.name, times)


def newest_times(database: Database[Document], now: datetime) -> dict[Kind, datetime]:
    """Return the time of the newest document of each kind that has any until now.

    No period shows withdrawn feedback.
    """
    until_now = {"timestamp": {"$lte": now}}
    conditions = {kind: all_of(until_now, standing(kind)) for kind in Kind}
    found = {kind: list(newest(database, kind, each, 1)) for kind, each in conditions.items()}
    times = ((kind, each["timestamp"]) for kind, documents in found.items() for each in documents)
    # Other programs may have stored an array of dates.
    return {kind: time for kind, time in times if isinstance(time, datetime)}


def write_page(dashboard: Dashboard, path: Path) -> None:
    """Write the page to a file, atomically.

    Raises:
        FileNotWritable: it cannot be written.
    """
    with open_output(path) as file:
        file.write(to_page(to_parts(dashboard)).encode())


def to_parts(dashboard: Dashboard) -> dict[str, Markup]:
    """Return the HTML of each part of the page."""
    return {
        name: Markup(templates().get_template(f"{name}.html").render(values_of(dashboard)))  # noqa: S704 (from a template)
        for name in PARTS
    }


def to_page(parts: Mapping[str, Markup], form: Form | None = None, status: str = "") -> str:
    """Return the page with these parts.

    One with a form is live: it connects to its server. `status` is shown until then.
    """
    live = form is not None
    return (
        templates()
        .get_template("dashboard.html")
        .render(
            parts=parts,
            digests={name: digest(html) for name, html in parts.items()},
            form=form,
            status=status,
            live=live,
            style=source("style.css"),
            script=script(live=live),
            policy=content_security_policy(live=live),
        )
    )


def content_security_policy(*, live: bool) -> str:
    """Return the policy: the page's own style and script, a live page's server, nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{integrity(source('style.css'))}'",
            f"script-src '{integrity(script(live=live))}'",
            "img-src data:",
            "base-uri 'none'",
            *(LIVE_POLICY if live else ["form-action 'none'"]),
        ]
    )


def script(*, live: bool) -> Markup:
    """Return the script of the page."""
    names = ["tips.js", *(["live.js", "form.js"] if live else [])]
    return Markup().join(map(source, names))


@cache
def source(name: str) -> Markup:
    """Return a file that the page embeds unchanged."""
    return Markup((TEMPLATES / name).read_text("utf-8"))  # noqa: S704 (written by us)


def integrity(text: str) -> str:
    """Return the digest of a style or a script for the policy."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def digest(html: str) -> str:
    """Return a short digest of a part."""
    return sha256(html.encode()).hexdigest()[:16]


@cache
def templates() -> Environment:
    """Return the templates, which escape every value and replace control characters."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": show_number,
        "percentage": percentage,
        "breakable": breakable,
        "day": show_any_day,
        "interval": show_interval,
        "not_counted_before": not_counted_before,
        "plural": plural,
        "points": show_points,
        "points_range": show_points_range,
        "share": show_share,
        "short": partial(shorten, length=LONG_NAME),
        "time": show_time,
        "unbroken": unbroken,
        "user_command": user_command,
        "without": show_without,
    }
    environment.globals |= {
        "LONG_TEXT": LONG_TEXT,
        "LONGEST_TEXT": LONGEST_TEXT,
        "NO_EVENTS_BEFORE": NO_EVENTS_BEFORE,
        "RANKED": RANKED,
    }
    return environment


def finalize(value: Any) -> Any:  # noqa: ANN401 (any value)
    """Return a value for the page: nothing for null, and texts without control characters."""
    if value is None:
        return ""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def breakable(name: str) -> Markup:
    """Return a name that breaks between its words; a blank one in quotes.

    Browsers break names such as `answer_shown` anywhere.
    """
    shown = clean(name) if name.strip() else f'"{name}"'
    return Markup("<wbr>").join(WORDS.split(shown))


def show_any_day(day: str) -> str:
    """Return a day in ISO 8601 as `1 Nov 2026`, if Python's calendar has it."""
    with suppress(ValueError):
        return show_day(date.fromisoformat(day))
    return day


def values_of(dashboard: Dashboard) -> dict[str, Any]:
    """Return the variables of the parts' templates."""
    feedback, journeys = dashboard.summary.feedback, dashboard.journeys
    length = length_of(dashboard.summary.period)
    return {
        "dashboard": dashboard,
        "summary": dashboard.summary,
        "period": dashboard.summary.period,
        "length": length,
        "feedback": feedback,
        "events": dashboard.summary.events,
        "charts": dashboard.charts,
        "comparisons": dashboard.comparisons,
        "journeys": journeys,
        "scored": feedback.scored,
        "verdict": verdict_on(feedback),
        "explanation": list(explain(feedback, length)),
        "headline": headline(journeys, Sentiment.NEGATIVE),
        "striking": most_striking(journeys),
        "colours": dict(type_colours(dashboard.charts)),
    }


def type_colours(charts: dict[str, Chart]) -> Iterator[tuple[str, str]]:
    """Yield the event types with a colour of their own, and that colour."""
    if "events" in charts:
        yield from ((each.name, each.colour) for each in charts["events"].legend)
