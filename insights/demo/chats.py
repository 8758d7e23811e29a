"""The conversation of the chat that `insights demo --open` serves, `clients/browser/example/`.

Votes on it show the same texts on the dashboard.
"""

from datetime import datetime, timedelta

from insights.demo.answers import NEW, NEWS, Answer
from insights.demo.sessions import exchange, session
from insights.demo.system import SYSTEM
from insights.kinds import Document

TEXTS = (
    (
        "What changed in the EU's AI Act this month?",
        (
            "The obligations for general-purpose models now apply to models that were on the "
            "market before August 2025. Providers must publish a summary of the training content."
        ),
    ),
    (
        "Summarize today's news on chips in one sentence.",
        (
            "Two foundries announced higher prices for 3 nm wafers, and memory makers expect the "
            "shortage to last into next year."
        ),
    ),
    (
        "Who won the match last night?",
        (
            "I could not find a match that was played last night. The latest result I know of is "
            "from last Sunday."
        ),
    ),
)

ANSWERS = [
    Answer(f"example-{number}", NEWS, NEW, wrong=0, question=question, text=text)
    for number, (question, text) in enumerate(TEXTS, 1)
]


def conversation(now: datetime) -> Document:
    """Return the session of the conversation, a minute for each answer."""
    messages: list[Document] = []
    for age, answer in zip((3, 2, 1), ANSWERS, strict=True):
        asked = now - timedelta(minutes=age)
        messages += exchange(answer, answer.text, asked, asked + timedelta(seconds=5))
    return session(SYSTEM, messages)
