"""The demo's answers: their models, texts and faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from insights.demo.bad_answers import BAD_BRIEFINGS, BAD_TOPICS
from insights.demo.comments import UNFIT, Complaint
from insights.demo.topics import CLOSINGS, OPENINGS, TOPICS, Topic

# The models, and the shares of their answers that are wrong. The new one is better.
OLD, NEW = "atlas-2", "atlas-3"
WRONG_ANSWERS = {OLD: 0.155, NEW: 0.05}

# The shares of readers that a shared answer disappoints, and a bad one.
RARELY, OFTEN, MOSTLY = 0.05, 0.4, 0.92

NEWS = "today's news"
ITEMS = 4


@dataclass(frozen=True)
class Answer:
    """An answer to a question, and the share of its readers that it disappoints.

    Users share briefings and answers to popular questions. `complaints` are their comments on this
    very answer.
    """

    message_id: str
    topic: str
    model: str
    wrong: float
    question: str
    text: str
    is_shared: bool = False
    complaints: Sequence[Complaint] = ()


def write_briefing(number: int, age: int, models: Sequence[str]) -> Answer:
    """Return the briefing of a day, by its age in days."""
    bad, model = BAD_BRIEFINGS.get(age), models[age % len(models)]
    return Answer(
        message_id=f"briefing-{number:03}",
        topic=NEWS,
        model=model,
        wrong=MOSTLY if bad else RARELY,
        question="What is in the news today?",
        text=bad.text if bad else news(Random(number)),  # noqa: S311 (nothing here is secret)
        is_shared=True,
        complaints=bad.complaints if bad else UNFIT,
    )


def news(random: Random) -> str:
    """Return the text of a briefing on some of the topics."""
    topics = random.sample(TOPICS, ITEMS)
    items = [f"{number}. {random.choice(each.sentences)}" for number, each in enumerate(topics, 1)]
    return " ".join([f"Today's briefing is about {topics[0].name}, among others.", *items])


def popular_answer(topic: Topic) -> Answer:
    """Return the answer to the popular question on a topic, the same for all users."""
    bad = BAD_TOPICS.get(topic.short)
    return Answer(
        message_id=f"popular-{topic.short}",
        topic=topic.name,
        model=OLD,
        wrong=OFTEN if bad else RARELY,
        question=topic.questions[0],
        text=bad.text if bad else " ".join(topic.sentences[:2]),
        is_shared=True,
        complaints=bad.complaints if bad else UNFIT,
    )


POPULAR = {topic: popular_answer(topic) for topic in TOPICS}


def own_answer(key: str, topic: Topic, model: str, random: Random) -> Answer:
    """Return an answer for a single user, as it is if nothing goes wrong."""
    number, opening, closing, other = (
        int(random.random() * size)
        for size in (len(topic.questions), len(OPENINGS), len(CLOSINGS), len(topic.sentences) - 1)
    )
    sentences = topic.sentences[number], topic.sentences[number - 1 - other]
    return Answer(
        message_id=f"answer-{key}",
        topic=topic.name,
        model=model,
        wrong=WRONG_ANSWERS[model],
        question=topic.questions[number],
        text=" ".join((OPENINGS[opening], *sentences, CLOSINGS[closing])).rstrip(),
    )
