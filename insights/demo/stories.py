"""The quality of the answers over time: an old model, a bad week with a new one, and its fixes."""

from collections.abc import Sequence
from dataclasses import dataclass

from insights.demo.texts import BAD_BRIEFINGS, BAD_TOPICS, TOPICS


@dataclass(frozen=True)
class Quality:
    """The quality of a model: the shares of its answers that go wrong in each way."""

    model: str
    failed: float
    slow: float
    wrong: float


@dataclass(frozen=True)
class Answer:
    """An answer, and the share of its readers that it disappoints.

    `complaints` are their comments on this very answer; most answers have none.
    """

    message_id: str
    topic: str
    wrong: float
    complaints: Sequence[str] = ()


# The quality of answers, by the days left at its end. The second is the bad week.
CHAPTERS = {
    21: Quality("atlas-1", failed=0.045, slow=0.06, wrong=0.17),
    14: Quality("atlas-2", failed=0.14, slow=0.17, wrong=0.22),
    7: Quality("atlas-2.1", failed=0.02, slow=0.04, wrong=0.11),
    0: Quality("atlas-2.2", failed=0.015, slow=0.025, wrong=0.06),
}

# The shares of readers that a shared answer disappoints, and a bad one.
RARELY, OFTEN, MOSTLY = 0.05, 0.4, 0.92


class Story:
    """The quality of answers over a number of days. Positions are at least 0 and less than 1."""

    def __init__(self, days: int) -> None:
        self.days = days

    def days_left(self, position: float) -> float:
        """Return the number of days that follow."""
        return self.days * (1 - position)

    def quality(self, position: float) -> Quality:
        """Return the quality of answers at a position."""
        days_left = self.days_left(position)
        return next(quality for end, quality in CHAPTERS.items() if days_left > end)

    def briefing(self, position: float) -> Answer:
        """Return the briefing of the day, the same for all users."""
        days_left = int(self.days_left(position))
        complaints = BAD_BRIEFINGS.get(days_left, ())
        wrong = MOSTLY if complaints else RARELY
        return Answer(f"briefing-{self.days - days_left:03}", "today's news", wrong, complaints)


def popular_answer(topic: str) -> Answer:
    """Return the answer to the popular question on a topic, the same for all users."""
    complaints = BAD_TOPICS.get(topic, ())
    return Answer(f"popular-{TOPICS[topic]}", topic, OFTEN if complaints else RARELY, complaints)


def own_answer(key: str, topic: str, quality: Quality) -> Answer:
    """Return an answer for a single user."""
    return Answer(f"answer-{key}", topic, quality.wrong)
