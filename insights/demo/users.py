"""A user of the demo: visits, questions, and ratings."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from insights.demo.answers import POPULAR, Answer, own_answer
from insights.demo.comments import INDIFFERENCE, NO_ANSWER, PRAISE, WRONG
from insights.demo.events import event
from insights.demo.reactions import (
    ANNOYED,
    CONTENT,
    DISAPPOINTED,
    IMPATIENT,
    VOCABULARIES,
    WITH_COMMENT,
    WITH_REASONS,
    Verdict,
)
from insights.demo.rhythms import Rhythm
from insights.demo.sessions import SESSIONS, USERS, exchange, session, user
from insights.demo.stories import Service, Story
from insights.demo.topics import TOPICS
from insights.kinds import Document, Kind
from shared_code.models import Feedback

# Every user has a generator seeded by their number, so more users leave the first ones unchanged.
SEED = "demo-2"

# The users' mean visits a day, and the sigma of the log-normal distribution around it.
VISITS_A_DAY, SPREAD = 0.24, 0.8
MOST_VISITS_A_DAY = 3

# The name of a collection, and one of its documents.
Entry = tuple[str, Document]
Choice = TypeVar("Choice")

FIRST_PAGES = ("/", "/dashboard", "/dashboard", "/topics", "/briefings")
LAST_PAGES = ("/dashboard", "/topics", "/briefings", "/settings", "/help")
WAYS_IN = ("dashboard", "dashboard", "notification", "briefing")
FAILURES = ("timeout", "timeout", "overloaded", "no_sources")
SETTINGS = (("theme", "dark"), ("digest", "weekly"), ("language", "de"), ("notifications", "off"))
LANGUAGES = ("en", "en", "en", "de", "de", "es")
YEAR = timedelta(days=365)


class User:
    """A user. Documents are generated in order of time within each visit."""

    def __init__(self, number: int, story: Story, rhythm: Rhythm) -> None:
        self.user_id = f"user-{number:04}"
        self.story, self.rhythm = story, rhythm
        self.random = Random(f"{SEED} {number}")  # noqa: S311 (nothing here is secret)
        [self.vocabulary] = self.random.choices(list(VOCABULARIES), list(VOCABULARIES.values()))
        self.is_mobile = self.chance(0.4)
        self.joins = self.random.random() * 0.9 if self.chance(0.4) else 0.0
        self.language = self.pick(LANGUAGES)
        self.is_subscribed = False
        self.messages: list[Document] = []

    def documents(self) -> Iterator[Entry]:
        """Yield all documents of this user."""
        positions = self.positions()
        joined = self.rhythm.time(positions[0])
        if not self.joins:
            joined -= self.random.random() * YEAR
        for position in positions:
            self.now = self.rhythm.time(position)
            if self.now == joined:
                yield self.event("signed_up", plan="free", source=self.pick(("search", "friend")))
            yield from self.visit(position)
        plan = "plus" if self.is_subscribed else "free"
        yield USERS, user(self.user_id, plan, self.language, joined)

    def positions(self) -> list[float]:
        """Return the positions of this user's visits in the story."""
        left = 1 - self.joins
        visits_a_day = VISITS_A_DAY * self.random.lognormvariate(-(SPREAD**2) / 2, SPREAD)
        visits = round(self.story.days * left * min(visits_a_day, MOST_VISITS_A_DAY))
        return sorted(self.joins + left * self.random.random() for _ in range(max(visits, 1)))

    def visit(self, position: float) -> Iterator[Entry]:
        """Yield the documents of a visit, which a bad answer often ends."""
        self.unhappy, self.messages = False, []
        service, model = self.story.service(position), self.pick(self.story.models(position))
        yield self.event("page_view", page=self.pick(FIRST_PAGES))
        if self.chance(0.3):
            yield from self.read(self.story.briefing(position))
        if self.chance(0.9):
            yield self.event("chat_opened", source=self.pick(WAYS_IN))
            for _ in range(self.random.randint(1, 5)):
                yield from self.ask(service, model)
                if self.unhappy and self.chance(0.7):
                    break
        yield from self.leave()
        if self.messages:
            yield SESSIONS, session(self.user_id, self.messages)

    def read(self, briefing: Answer) -> Iterator[Entry]:
        """Yield the reading of a briefing, and perhaps a rating."""
        yield self.event("briefing_opened", message_id=briefing.message_id)
        if self.chance(0.25):
            yield self.event("source_opened", message_id=briefing.message_id)
        yield from self.judge(briefing, self.opinion(briefing))

    def ask(self, service: Service, model: str) -> Iterator[Entry]:
        """Yield a question, its outcome, and perhaps a rating."""
        topic = self.pick(TOPICS)
        is_popular = self.chance(0.12)
        answer = POPULAR[topic] if is_popular else own_answer(self.key(), topic, model, self.random)
        yield self.event("message_sent", topic=topic.name, characters=len(answer.question))
        self.asked = self.now
        if self.chance(service.failed):
            yield from self.fail(answer)
        elif self.chance(service.slow):
            yield self.show(answer, answer.text, self.random.randint(8_000, 28_000))
            if self.chance(0.4):
                yield self.event("answer_regenerated", message_id=answer.message_id, reason="slow")
            yield from self.judge(answer, IMPATIENT)
        else:
            opinion, seconds = self.opinion(answer), self.random.lognormvariate(0.6, 0.4)
            yield self.show(answer, opinion.wording(answer), int(1000 * seconds))
            yield from self.consider(answer, opinion)

    def fail(self, answer: Answer) -> Iterator[Entry]:
        """Yield one or two failures, until a part of the answer comes or the user gives up."""
        code = self.pick(FAILURES)
        yield self.event("error_shown", code=code, model=answer.model)
        yield self.event("answer_regenerated", message_id=answer.message_id, reason="error")
        if self.chance(0.6):
            yield self.event("error_shown", code=code, model=answer.model)
            self.keep(answer, NO_ANSWER)
        else:
            half = answer.text[: len(answer.text) // 2]
            yield self.show(answer, half, self.random.randint(4_000, 20_000))
        yield from self.judge(answer, ANNOYED)

    def show(self, answer: Answer, text: str, milliseconds: int) -> Entry:
        """Return the event of a shown answer, and keep its text."""
        self.wait(milliseconds / 1000)
        self.keep(answer, text)
        return self.event(
            "answer_shown",
            message_id=answer.message_id,
            topic=answer.topic,
            model=answer.model,
            latency_ms=milliseconds,
        )

    def keep(self, answer: Answer, text: str) -> None:
        """Add a question and its answer to the session. Shared answers are in one of their own."""
        if not answer.is_shared:
            self.messages += exchange(answer, text, self.asked, self.now)

    def consider(self, answer: Answer, opinion: Verdict) -> Iterator[Entry]:
        """Yield the reaction to an answer that came in time."""
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
        return DISAPPOINTED._replace(complaints=answer.complaints or (self.pick(WRONG),))

    def judge(self, answer: Answer, verdict: Verdict) -> Iterator[Entry]:
        """Yield the feedback on an answer, if the user gives any."""
        if not self.chance(verdict.rates):
            return
        number = self.random.random()
        if number < verdict.negative:
            self.unhappy = True
            yield from self.rate(answer, "negative", *self.pick(verdict.complaints)[:2])
        elif number < verdict.negative + verdict.neutral:
            yield from self.rate(answer, "neutral", self.pick(INDIFFERENCE))
        else:
            yield from self.rate(answer, "positive", self.pick(PRAISE))

    def rate(
        self, answer: Answer, mood: str, comment: str, reasons: Sequence[str] = ()
    ) -> Iterator[Entry]:
        """Yield a feedback, if the user's application offers a rating for the mood."""
        ratings: Sequence[str] = getattr(self.vocabulary, mood)
        if not ratings:
            return
        has_comment = self.chance(WITH_COMMENT[mood])
        self.wait(self.random.uniform(2, 15))
        rating = self.pick(ratings)
        has_reasons = reasons and self.chance(WITH_REASONS)
        feedback = Feedback(
            message_id=answer.message_id,
            user_id=self.user_id,
            rating=rating,
            comment=comment.format(topic=answer.topic) if has_comment else None,
            reasons=list(reasons) if has_reasons else None,
        )
        yield Kind.FEEDBACK.collection, feedback.to_document(self.now)

    def leave(self) -> Iterator[Entry]:
        """Yield events at the end of a visit."""
        if self.chance(0.35):
            topic = self.pick(TOPICS)
            yield self.event("search", query=topic.name, results=self.random.randint(0, 40))
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
        details |= {"platform": platform}
        document = event(self.random, self.user_id, event_type, details, self.now)
        return Kind.EVENTS.collection, document

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
