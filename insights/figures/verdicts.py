"""What the figures mean, as the commands and the dashboard say alike."""

from datetime import datetime
from math import sqrt

from insights.errors import NoData
from insights.figures.journeys import Journeys, Step
from insights.queries.periods import Period
from insights.queries.sentiment import Sentiment
from insights.wording import show_period

# What stands out. With fewer users, one of them could be the reason; a smaller lift tells little;
# and chance alone hardly ever leads so many standard deviations beyond what is expected.
ENOUGH_USERS = 10
ENOUGH_LIFT = 1.5
ENOUGH_DEVIATIONS = 3


def headline(journeys: Journeys, sentiment: str) -> str:
    """Say in one sentence what came before the ratings, as far as the numbers support it."""
    rating = name_of(sentiment)
    if step := most_striking(journeys):
        times = f"{step.lift:.1f} times as often as usual"
        return f"Before {rating}, the last event was {step.steps[0]} {times}."
    if all(step.users < ENOUGH_USERS for step in journeys.last):
        return f"Too few users gave {rating} after an event to say what stands out."
    return f"No last event stands out before {rating}."


def most_striking(journeys: Journeys) -> Step | None:
    """Return the last event with the greatest lift of those that stand out, if any does."""
    striking = [step for step in journeys.last if stands_out(step, journeys.with_events)]
    return max(striking, key=lambda step: step.lift or 0, default=None)


def stands_out(step: Step, ratings: int) -> bool:
    """Say whether a step is clearly more frequent before so many ratings than among all events.

    It comes before ratings of at least ten users and at least 1.5 times as often, and that is at
    least three standard deviations more than chance leads to (as a Poisson distribution has it).
    """
    expected = step.share_all * ratings
    return (
        step.users >= ENOUGH_USERS
        and step.before >= ENOUGH_LIFT * expected > 0
        and step.before - expected >= ENOUGH_DEVIATIONS * sqrt(expected)
    )


def name_of(sentiment: str) -> str:
    """Return how a sentence names a rating of a sentiment, or an exact rating."""
    if sentiment not in list(Sentiment):
        return f"the rating {sentiment}"
    return f"{'an' if sentiment == Sentiment.UNSCORED else 'a'} {sentiment} rating"


def nothing_found(period: Period, now: datetime) -> NoData:
    """Return the error of a period in which nothing happened."""
    return NoData(f"there is no feedback and no event {show_period(period, now)}")
