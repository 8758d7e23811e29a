"""Conclusions from the figures, the same in commands and on the dashboard."""

from datetime import datetime
from math import sqrt

from insights.errors import NoData
from insights.figures.journeys import Journeys, Step
from insights.queries.periods import Period
from insights.queries.sentiment import Sentiment
from insights.wording import show_period

# Thresholds of a step that stands out. Below them, a single user may be the cause, the lift is too
# small to matter, or chance explains it.
ENOUGH_USERS = 10
ENOUGH_LIFT = 1.5
ENOUGH_DEVIATIONS = 3


def headline(journeys: Journeys, sentiment: str) -> str:
    """Return the finding about the events before ratings, if the numbers support one."""
    rating = name_of(sentiment)
    if step := most_striking(journeys):
        times = f"{step.lift:.1f} times as often as usual"
        return f"Before {rating}, the last event was {step.steps[0]} {times}."
    if all(step.users < ENOUGH_USERS for step in journeys.last):
        return f"Too few users gave {rating} after an event to say what stands out."
    return f"No last event stands out before {rating}."


def most_striking(journeys: Journeys) -> Step | None:
    """Return the last event that stands out with the greatest lift, if any."""
    striking = [step for step in journeys.last if stands_out(step, journeys.with_events)]
    return max(striking, key=lambda step: step.lift or 0, default=None)


def stands_out(step: Step, ratings: int) -> bool:
    """Say whether a step is clearly more frequent before ratings than among all events.

    That takes at least ten users, a lift of 1.5, and a count three standard deviations above the
    expected one (Poisson distribution).
    """
    expected = step.share_all * ratings
    return (
        step.users >= ENOUGH_USERS
        and step.before >= ENOUGH_LIFT * expected > 0
        and step.before - expected >= ENOUGH_DEVIATIONS * sqrt(expected)
    )


def name_of(sentiment: str) -> str:
    """Return a phrase for a sentiment or a rating: `a negative rating`, `the rating meh`."""
    if sentiment not in list(Sentiment):
        return f"the rating {sentiment}"
    return f"{'an' if sentiment == Sentiment.UNSCORED else 'a'} {sentiment} rating"


def nothing_found(period: Period, now: datetime) -> NoData:
    """Return the error for a period without data."""
    return NoData(f"no feedback and no events {show_period(period, now)}")
