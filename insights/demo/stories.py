"""How good the answers are, and when: an old model, a new one with a bad week, and its cure."""

from collections.abc import Sequence
from dataclasses import dataclass

from insights.demo.texts import BAD_BRIEFINGS, BAD_TOPICS, TOPICS


@dataclass(frozen=True)
class Quality:
    """How the answers of a model are: the shares of them that go wrong in each way."""

    model: str
    failed: float
    slow: float
    wrong: float


@dataclass(frozen=True)
class Answer:
    """An answer, and how often it disappoints those who get it.

    `complaints` are what they write then of this very answer; most answers have none.
    """

    message_id: str
    topic: str
    wrong: float
    complaints: Sequence[str] = ()


# Which quality answers have until so many days before the end: the second is a bad week.
CHAPTERS = {
    21: Quality("atlas-1", failed=0.045, slow=0.06, wrong=0.17),
    14: Quality("atlas-2", failed=0.14, slow=0.17, wrong=0.22),
    7: Quality("atlas-2.1", failed=0.02, slow=0.04, wrong=0.11),
    0: Quality("atlas-2.2", failed=0.015, slow=0.025, wrong=0.06),
}

# How often an answer that many users get disappoints, and how often one of the bad ones does.
RARELY, OFTEN, MOSTLY = 0.05, 0.4, 0.92


class Story:
    """What happens in a number of days. A position in it is at least 0 and less than 1."""

    def __init__(self, days: int) -> None:
        self.days = days

    def days_left(self, position: float) -> float:
        """Return how many days there are still to come."""
        return self.days * (1 - position)

    def quality(self, position: float) -> Quality:
        """Return how answers are at a position."""
        days_left = self.days_left(position)
        return next(quality for end, quality in CHAPTERS.items() if days_left > end)

    def briefing(self, position: float) -> Answer:
        """Return the briefing of the day, which all users get."""
        days_left = int(self.days_left(position))
        complaints = BAD_BRIEFINGS.get(days_left, ())
        wrong = MOSTLY if complaints else RARELY
        return Answer(f"briefing-{self.days - days_left:03}", "today's news", wrong, complaints)


def popular_answer(topic: str) -> Answer:
    """Return the answer to the popular question on a topic, which all users get."""
    complaints = BAD_TOPICS.get(topic, ())
    return Answer(f"popular-{TOPICS[topic]}", topic, OFTEN if complaints else RARELY, complaints)


def own_answer(key: str, topic: str, quality: Quality) -> Answer:
    """Return an answer that only one user gets."""
    return Answer(f"answer-{key}", topic, quality.wrong)
