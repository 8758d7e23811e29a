"""The service over time: two models side by side, a bad week, and its fixes."""

from collections.abc import Sequence
from dataclasses import dataclass

from insights.demo.answers import NEW, OLD, Answer, write_briefing

# From these days left on, each session gets one of the two models at random.
TRIAL = 30


@dataclass(frozen=True)
class Service:
    """The state of the service: the shares of answers, of either model, that fail or are slow."""

    failed: float
    slow: float


# The state of the service, by the days left at its end. The second is the bad week.
CHAPTERS = {
    21: Service(failed=0.035, slow=0.05),
    14: Service(failed=0.17, slow=0.21),
    0: Service(failed=0.015, slow=0.025),
}


class Story:
    """The service over a number of days. Positions are at least 0 and less than 1."""

    def __init__(self, days: int) -> None:
        self.days = days
        # Indexed by their age in days.
        self.briefings = [write_briefing(days - age, age, models(age)) for age in range(days)]

    def days_left(self, position: float) -> float:
        """Return the number of days that follow."""
        return self.days * (1 - position)

    def service(self, position: float) -> Service:
        """Return the state of the service at a position."""
        days_left = self.days_left(position)
        return next(service for end, service in CHAPTERS.items() if days_left > end)

    def models(self, position: float) -> Sequence[str]:
        """Return the models that a session at a position may get."""
        return models(self.days_left(position))

    def briefing(self, position: float) -> Answer:
        """Return the briefing of the day, the same for all users."""
        return self.briefings[min(int(self.days_left(position)), self.days - 1)]


def models(days_left: float) -> Sequence[str]:
    """Return the models in use when so many days are left."""
    return (OLD, NEW) if days_left < TRIAL else (OLD,)
