"""The ways to other pages of the dashboard's server, and to a user's timeline."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps
from urllib.parse import parse_qsl, urlencode

from insights.figures.ratings import NO_RATING
from insights.kinds import Kind
from insights.pages.questions import Question, parse_question
from insights.queries.documents import iso_time
from insights.queries.periods import LAST_TIME
from insights.queries.sentiment import Sentiment
from insights.wording import show_command

PROGRAM = "insights"

HOME = "/"
PATHS = {Kind.FEEDBACK: "/feedback", Kind.EVENTS: "/events"}

# The parameter of a user's page with the query of the page that led there.
ASKED = "asked"

# Periods end before their `until`. MongoDB stores milliseconds.
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Links:
    """The addresses of a server's pages about a question.

    Parameters that are the default are left out. All have the server's token.
    """

    token: str
    default: Question
    question: Question

    def address(self, path: str, question: Question, **further: str) -> str:
        """Return the address of a page about a question."""
        query = [*question.query(self.default), *further.items(), ("token", self.token)]
        return f"{path}?{urlencode(query)}"

    def here(self, path: str = HOME) -> str:
        """Return the address of a page about this question."""
        return self.address(path, self.question)

    def user(self, user_id: str, last: datetime | None = None) -> str:
        """Return the address of a user's timeline, by default all of it, or that up to `last`."""
        query = {"id": user_id} | ({} if last is None else {"until": just_after(last)})
        if asked := urlencode([*self.question.query(self.default)]):
            query[ASKED] = asked
        return f"/user?{urlencode(query | {'token': self.token})}"

    def feedback(self, rating: str) -> str:
        """Return the address of the feedback with a rating.

        The name of a sentiment would find all ratings of that sentiment.
        """
        question = self.question.having("rating", rating)
        if rating == NO_RATING or rating in list(Sentiment):
            exactly = f"rating={dumps('' if rating == NO_RATING else rating)}"
            where = dict.fromkeys([*self.question.values("where"), exactly])
            question = self.question.having("where", *where)
        return self.address(PATHS[Kind.FEEDBACK], question)

    def events(self, event_type: str) -> str:
        """Return the address of the events of a type."""
        return self.address(PATHS[Kind.EVENTS], self.question.having("event_type", event_type))


def links_back(token: str, default: Question, asked: str) -> Links:
    """Return the links of the page that led to a user."""
    pairs = parse_qsl(asked, keep_blank_values=True)
    return Links(token, default, parse_question(pairs, default))


def user_command(user_id: str, last: datetime) -> str:
    """Return the command that shows a user's timeline up to `last`."""
    return f"{PROGRAM} {show_command('user', user_id, '--until', just_after(last))}"


def just_after(time: datetime) -> str:
    """Return the time a millisecond later, as `2026-11-01T09:30:00.001Z`."""
    return iso_time(time + min(MILLISECOND, LAST_TIME - time))
