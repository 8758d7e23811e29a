"""The application itself: the events of its background jobs, and the answers it wrote ahead."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from insights.demo.answers import POPULAR, Answer
from insights.demo.events import event
from insights.demo.rhythms import Rhythm
from insights.demo.sessions import SESSIONS, exchange, session
from insights.demo.stories import Story
from insights.kinds import Document, Kind

SYSTEM = "system"

# Each run has three events. The runs take less than half of the time between them.
RUNS_A_DAY = 430
LONGEST_RUN = 60.0
DAY = timedelta(days=1)

WRITING_TIME = timedelta(seconds=40)

# The jobs, and the event of each and its details.
JOBS = (
    ("fetch_news", "cache_refreshed", {"cache": "articles", "entries": 1200}),
    ("fetch_news", "cache_refreshed", {"cache": "sources", "entries": 85}),
    ("index_articles", "index_updated", {"index": "articles", "documents": 140}),
    ("send_digests", "digest_sent", {"recipients": 25}),
)


def documents(story: Story, rhythm: Rhythm, now: datetime) -> Iterator[tuple[str, Document]]:
    """Yield all documents of the application itself, each with the name of its collection."""
    yield from ((SESSIONS, document) for document in sessions(story, rhythm))
    yield from ((Kind.EVENTS.collection, document) for document in events(story.days, now))


def events(days: int, now: datetime) -> Iterator[Document]:
    """Yield the events of the jobs in the days before `now`."""
    random = Random(SYSTEM)  # noqa: S311 (nothing here is secret)
    interval, since = DAY / RUNS_A_DAY, now - days * DAY
    for number in range(days * RUNS_A_DAY):
        start = since + (number + random.random() / 2) * interval
        seconds = 1 + random.random() * (LONGEST_RUN - 1)
        name, work, result = JOBS[int(random.random() * len(JOBS))]
        job = {"job": name, "run": number}
        end = start + timedelta(seconds=seconds)
        yield event(random, SYSTEM, "job_started", job, start)
        yield event(random, SYSTEM, work, job | result, start + (end - start) / 2)
        yield event(random, SYSTEM, "job_finished", job | {"seconds": round(seconds, 1)}, end)


def sessions(story: Story, rhythm: Rhythm) -> Iterator[Document]:
    """Yield a session for each answer that users share, from before the first of them reads it."""
    for answer in POPULAR.values():
        yield shared(answer, rhythm.time(0))
    for age, briefing in enumerate(story.briefings):
        yield shared(briefing, rhythm.time(1 - (age + 1) / story.days))


def shared(answer: Answer, before: datetime) -> Document:
    """Return the session in which the application asked for an answer."""
    return session(
        SYSTEM, exchange(answer, answer.text, before - 2 * WRITING_TIME, before - WRITING_TIME)
    )
