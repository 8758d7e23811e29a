"""What the figures mean, as the commands and the dashboard say alike."""

from datetime import datetime
from enum import StrEnum
from math import sqrt

from insights.errors import NoData
from insights.figures.journeys import Journeys, Step
from insights.figures.summaries import FeedbackSummary
from insights.queries.periods import Period
from insights.queries.sentiment import Sentiment
from insights.wording import show_period

# What stands out. With fewer users, one of them could be the reason; a smaller lift tells little;
# and chance alone hardly ever leads so many standard deviations beyond what is expected.
ENOUGH_USERS = 10
ENOUGH_LIFT = 1.5
ENOUGH_DEVIATIONS = 3

# So many standard deviations are more than chance leads to, 19 times of 20.
CERTAINTY = 1.96

# In percentage points: a smaller change is none, as it is shown.
SMALLEST_CHANGE = 0.05


class Trend(StrEnum):
    """How the share of positive ratings is, compared with the period before."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    NEW = "new"
    UNKNOWN = "unknown"


def trend(feedback: FeedbackSummary) -> Trend:
    """Say whether the share of positive ratings changed by more than chance explains."""
    change, share = feedback.share_change, feedback.share_positive
    if share is None:
        return Trend.UNKNOWN
    if change is None:
        return Trend.NEW
    if abs(change) < max(SMALLEST_CHANGE, CERTAINTY * deviation(feedback) * 100):
        return Trend.SAME
    return Trend.BETTER if change > 0 else Trend.WORSE


def deviation(feedback: FeedbackSummary) -> float:
    """Return the standard deviation of a change of the share of positive ratings by chance.

    How many of the ratings before could be scored is not known; that all could is assumed.
    """
    now, before = feedback.scored, feedback.previous_count
    shares = (feedback.share_positive or 0), (feedback.previous_share_positive or 0)
    pooled = (shares[0] * now + shares[1] * before) / (now + before)
    return sqrt(pooled * (1 - pooled) * (1 / now + 1 / before))


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
