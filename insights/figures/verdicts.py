"""Conclusions from the figures, the same in commands and on the dashboard."""

from datetime import datetime

from insights.errors import NoData
from insights.figures.answers import ENOUGH_RATINGS, show_share
from insights.figures.contrasts import OTHER, contrast_to
from insights.figures.journeys import Journeys, Step
from insights.queries.periods import Period
from insights.queries.sentiment import Sentiment
from insights.wording import LONG_NAME, shorten, show_period


def headline(journeys: Journeys, rating: str) -> str:
    """Return the finding about the events before ratings, if the numbers support one."""
    name, contrast = name_of(rating), contrast_of(rating)
    step = most_striking(journeys)
    if step and step.contrast:
        cases = f"in {show_share(step.before)} of cases"
        others = f"before {contrast} in {show_share(step.contrast)}"
        event = shorten(step.steps[0], LONG_NAME)
        return f"Before {name} the last event was {event} {cases}, {others}."
    if has_too_few(journeys):
        return f"Too few ratings follow events to compare {name} with {contrast}."
    return f"No last event is clearly more frequent before {name} than before {contrast}."


def most_striking(journeys: Journeys) -> Step | None:
    """Return the last event that stands out with the greatest difference, if any."""
    striking = [step for step in journeys.last if step.stands_out]
    return max(striking, key=difference_of, default=None)


def difference_of(step: Step) -> float:
    """Return the difference of a step's shares, 0 without one."""
    return step.difference.value if step.difference else 0.0


def has_too_few(journeys: Journeys) -> bool:
    """Say whether one of the groups has too few ratings, or too few users, to be compared."""
    groups = (journeys.wanted, journeys.contrast)
    differences = [step.difference for step in journeys.last if step.difference]
    of_one_user = any(each.interval is None for each in differences)
    return min(each.with_events for each in groups) < ENOUGH_RATINGS or of_one_user


def contrast_of(rating: str) -> str:
    """Return a phrase for a rating in contrast, after one such as `a negative rating`."""
    contrast = contrast_to(rating)
    return "any other" if contrast == OTHER else f"a {contrast} one"


def name_of(sentiment: str) -> str:
    """Return a phrase for a sentiment or a rating: `a negative rating`, `the rating meh`."""
    if sentiment not in list(Sentiment):
        return f"the rating {sentiment}"
    return f"{'an' if sentiment == Sentiment.UNSCORED else 'a'} {sentiment} rating"


def nothing_found(period: Period, now: datetime, options: str = "") -> NoData:
    """Return the error for a period without data that match a command's filter options."""
    matching = f" match {options}" if options else ""
    return NoData(f"no feedback and no events{matching} {show_period(period, now)}")
