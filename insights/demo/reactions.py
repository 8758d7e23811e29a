"""The reactions of the demo's users to answers: whether they rate, how, and why."""

from collections.abc import Sequence
from typing import NamedTuple

from insights.demo.answers import Answer
from insights.demo.comments import FAILED, SLOW, UNFIT, WRONG, Complaint


class Vocabulary(NamedTuple):
    """The ratings that a user's application offers. Without one for a mood, none is given."""

    positive: Sequence[str]
    neutral: Sequence[str]
    negative: Sequence[str]


VOCABULARIES = {
    Vocabulary(("thumbs_up",), (), ("thumbs_down",)): 72,
    Vocabulary(("5", "5", "4"), ("3",), ("2", "1", "1")): 14,
    Vocabulary(("good",), ("neutral",), ("bad",)): 7,
    Vocabulary(("👍", "👍🏽", "👍🏻"), (), ("👎", "👎🏽")): 5,
    Vocabulary(("wow", "❤️"), ("meh", "ok"), ("hmm", "🙄")): 2,
}


class Verdict(NamedTuple):
    """A reaction to answers: the chances of a rating and of its mood, and the complaints."""

    rates: float
    negative: float
    neutral: float
    complaints: Sequence[Complaint]

    def wording(self, answer: Answer) -> str:
        """Return the text of the answer, with the fault of the first complaint, if it has one."""
        return self.complaints[0].answer.format(topic=answer.topic) or answer.text


CONTENT = Verdict(0.4, 0.02, 0.05, UNFIT)
DISAPPOINTED = Verdict(0.55, 0.88, 0.06, WRONG)
IMPATIENT = Verdict(0.5, 0.75, 0.1, SLOW)
ANNOYED = Verdict(0.6, 0.88, 0.04, FAILED)

# The share of ratings with a comment, and that of negative ones with reasons.
WITH_COMMENT = {"positive": 0.12, "neutral": 0.2, "negative": 0.4}
WITH_REASONS = 0.5
