"""A user of the demo: visits, questions, and ratings."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from insights.demo.rhythms import Rhythm
from insights.demo.stories import Answer, Quality, Story, own_answer, popular_answer
from insights.demo.texts import FAILED, INDIFFERENCE, PRAISE, SLOW, TOPICS, WRONG
from insights.kinds import Document, Kind
from shared_code.models import Event, Feedback

# Every user has a generator seeded by their number, so more users leave the first ones unchanged.
SEED = "up2d8"

# The users' mean visits a day, and the sigma of the log-normal distribution around it.
VISITS_A_DAY, SPREAD = 0.285, 0.8
MOST_VISITS_A_DAY = 3

Entry = tuple[Kind, Document]
Choice = TypeVar("Choice")


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
    """A reaction to answers: the chances of a rating and of its mood, and the comments."""

    rates: float
    negative: float
    neutral: float
    complaints: Sequence[str] = ()


CONTENT = Verdict(0.3, 0.02, 0.05, WRONG)
DISAPPOINTED = Verdict(0.55, 0.88, 0.06, WRONG)
IMPATIENT = Verdict(0.5, 0.75, 0.1, SLOW)
ANNOYED = Verdict(0.6, 0.88, 0.04, FAILED)

# The share of ratings with a comment.
WITH_COMMENT = {"positive": 0.12, "neutral": 0.2, "negative": 0.4}

FIRST_PAGES = ("/", "/dashboard", "/dashboard", "/topics", "/briefings")
LAST_PAGES = ("/dashboard", "/topics", "/briefings", "/settings", "/help")
WAYS_IN = ("dashboard", "dashboard", "notification", "briefing")
FAILURES = ("timeout", "timeout", "overloaded", "no_sources")
SETTINGS = (("theme", "dark"), ("digest", "weekly"), ("language", "de"), ("notifications", "off"))


class User:
    """A user. Documents are generated in order of time within each visit."""

    def __init__(self, number: int, story: Story, rhythm: Rhythm) -> None:
        self.user_id = f"user-{number:04}"
        self.story, self.rhythm = story, rhythm
        self.random = Random(f"{SEED} {number}")  # noqa: S311 (nothing here is secret)
        [self.vocabulary] = self.random.choices(list(VOCABULARIES), list(VOCABULARIES.values()))
        self.is_mobile = self.chance(0.4)
        self.joins = self.random.random() * 0.9 if self.chance(0.4) else 0.0
        self.is_subscribed = False

    def documents(self) -> Iterator[Entry]:
        """Yield all documents of this user."""
        for number, position in enumerate(self.positions()):
            self.now = self.rhythm.time(position)
            self.unhappy = False
            if self.joins and number == 0:
                yield self.event("signed_up", plan="free", source=self.pick(("search", "friend")))
            yield from self.visit(position)

    def positions(self) -> list[float]:
        """Return the positions of this user's visits in the story."""
        left = 1 - self.joins
        visits_a_day = VISITS_A_DAY * self.random.lognormvariate(-(SPREAD**2) / 2, SPREAD)
        visits = round(self.story.days * left * min(visits_a_day, MOST_VISITS_A_DAY))
        return sorted(self.joins + left * self.random.random() for _ in range(max(visits, 1)))

    def visit(self, position: float) -> Iterator[Entry]:
        """Yield the documents of a visit, which a bad answer often ends."""
        quality = self.story.quality(position)
        yield self.event("page_view", page=self.pick(FIRST_PAGES))
        if self.chance(0.3):
            yield from self.read(self.story.briefing(position))
        if self.chance(0.9):
            yield self.event("chat_opened", source=self.pick(WAYS_IN))
            for _ in range(self.random.randint(1, 5)):
                yield from self.ask(quality)
                if self.unhappy and self.chance(0.7):
                    break
        yield from self.leave()

    def read(self, briefing: Answer) -> Iterator[Entry]:
        """Yield the reading of a briefing, and perhaps a rating."""
        yield self.event("briefing_opened", message_id=briefing.message_id)
        if self.chance(0.25):
            yield self.event("source_opened", message_id=briefing.message_id)
        yield from self.judge(briefing, self.opinion(briefing))

    def ask(self, quality: Quality) -> Iterator[Entry]:
        """Yield a question, its outcome, and perhaps a rating."""
        topic = self.pick(tuple(TOPICS))
        is_popular = self.chance(0.12)
        answer = popular_answer(topic) if is_popular else own_answer(self.key(), topic, quality)
        yield self.event("message_sent", topic=topic, characters=self.random.randint(12, 240))
        if self.chance(quality.failed):
            yield from self.fail(answer, quality)
        elif self.chance(quality.slow):
            yield self.show(answer, quality, self.random.randint(8_000, 28_000))
            if self.chance(0.4):
                yield self.event("answer_regenerated", message_id=answer.message_id, reason="slow")
            yield from self.judge(answer, IMPATIENT)
        else:
            yield self.show(answer, quality, int(1000 * self.random.lognormvariate(0.6, 0.4)))
            yield from self.consider(answer)

    def fail(self, answer: Answer, quality: Quality) -> Iterator[Entry]:
        """Yield one or two failures, until the answer comes or the user gives up."""
        code = self.pick(FAILURES)
        yield self.event("error_shown", code=code, model=quality.model)
        yield self.event("answer_regenerated", message_id=answer.message_id, reason="error")
        if self.chance(0.6):
            yield self.event("error_shown", code=code, model=quality.model)
        else:
            yield self.show(answer, quality, self.random.randint(4_000, 20_000))
        yield from self.judge(answer, ANNOYED)

    def show(self, answer: Answer, quality: Quality, milliseconds: int) -> Entry:
        """Return the event of a shown answer."""
        self.wait(milliseconds / 1000)
        return self.event(
            "answer_shown",
            message_id=answer.message_id,
            topic=answer.topic,
            model=quality.model,
            latency_ms=milliseconds,
        )

    def consider(self, answer: Answer) -> Iterator[Entry]:
        """Yield the reaction to an answer that came in time."""
        opinion = self.opinion(answer)
        if opinion is not CONTENT:
            if self.chance(0.45):
                yield self.event("answer_regenerated", message_id=answer.message_id, reason="wrong")
        elif self.chance(0.45):
            use = self.pick(("answer_copied", "source_opened", "source_opened", "answer_shared"))
            yield self.event(use, message_id=answer.message_id)
        yield from self.judge(answer, opinion)

    def opinion(self, answer: Answer) -> Verdict:
        """Return the verdict on the content of an answer."""
        if not self.chance(answer.wrong):
            return CONTENT
        return DISAPPOINTED._replace(complaints=answer.complaints or WRONG)

    def judge(self, answer: Answer, verdict: Verdict) -> Iterator[Entry]:
        """Yield the feedback on an answer, if the user gives any."""
        if not self.chance(verdict.rates):
            return
        number = self.random.random()
        if number < verdict.negative:
            self.unhappy = True
            yield from self.rate(answer, "negative", verdict.complaints)
        elif number < verdict.negative + verdict.neutral:
            yield from self.rate(answer, "neutral", INDIFFERENCE)
        else:
            yield from self.rate(answer, "positive", PRAISE)

    def rate(self, answer: Answer, mood: str, texts: Sequence[str]) -> Iterator[Entry]:
        """Yield a feedback, if the user's application offers a rating for the mood."""
        ratings: Sequence[str] = getattr(self.vocabulary, mood)
        if not ratings:
            return
        comment = None
        if self.chance(WITH_COMMENT[mood]):
            comment = self.pick(texts).format(topic=answer.topic)
        self.wait(self.random.uniform(2, 15))
        feedback = Feedback(
            message_id=answer.message_id,
            user_id=self.user_id,
            rating=self.pick(ratings),
            comment=comment,
        )
        yield Kind.FEEDBACK, feedback.to_document(self.now)

    def leave(self) -> Iterator[Entry]:
        """Yield events at the end of a visit."""
        if self.chance(0.35):
            topic = self.pick(tuple(TOPICS))
            yield self.event("search", query=topic, results=self.random.randint(0, 40))
        if self.chance(0.05):
            setting, value = self.pick(SETTINGS)
            yield self.event("settings_changed", setting=setting, value=value)
        if self.is_subscribed and self.unhappy and self.chance(0.15):
            self.is_subscribed = False
            yield self.event("subscription_cancelled", plan="plus", reason="quality")
        if not self.is_subscribed and not self.unhappy and self.chance(0.008):
            self.is_subscribed = True
            yield self.event("subscription_started", plan="plus", price=4.99)
        if self.chance(0.5):
            yield self.event("page_view", page=self.pick(LAST_PAGES))

    def event(self, event_type: str, **details: Any) -> Entry:  # noqa: ANN401 (any JSON)
        """Return an event some seconds later."""
        self.wait(self.random.uniform(1, 20))
        platform = "mobile" if self.is_mobile else "web"
        event = Event(
            user_id=self.user_id,
            event_type=event_type,
            details=details | {"platform": platform},
            event_id=UUID(int=self.random.getrandbits(128), version=4),
        )
        return Kind.EVENTS, event.to_document(self.now)

    def wait(self, seconds: float) -> None:
        """Advance the user's clock."""
        self.now += timedelta(seconds=seconds)

    def chance(self, share: float) -> bool:
        """Return True with this probability."""
        return self.random.random() < share

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return a random choice."""
        return choices[int(self.random.random() * len(choices))]

    def key(self) -> str:
        """Return a unique identifier."""
        return f"{self.random.getrandbits(40):010x}"
