"""The times of visits: more by day than by night, and more on weekdays."""

from bisect import bisect_right
from datetime import datetime, timedelta
from itertools import accumulate

HOUR = timedelta(hours=1)

# Bounds each visit, so that even the last one is over now.
LONGEST_VISIT = timedelta(minutes=30)

# The relative activity in each hour of a day (UTC), and on each day of a week from Monday.
HOURS = (2, 1, 1, 1, 1, 3, 8, 14, 18, 19, 18, 16, 17, 18, 17, 16, 15, 14, 15, 17, 18, 14, 8, 4)
WEEKDAYS = (1.1, 1.15, 1.1, 1.05, 1.0, 0.55, 0.6)


class Rhythm:
    """Maps the positions in a story, 0 to 1, to times in the days before now.

    The story is always the same; only its times follow clock and calendar.
    """

    def __init__(self, days: int, now: datetime) -> None:
        self.since = now - timedelta(days=days) + LONGEST_VISIT
        hours = (now - LONGEST_VISIT - self.since) // HOUR
        weights = [weight(self.since + hour * HOUR) for hour in range(hours)]
        self.reached = [0.0, *accumulate(weights)]

    def time(self, position: float) -> datetime:
        """Return the time at a position of at least 0 and less than 1."""
        target = position * self.reached[-1]
        hour = bisect_right(self.reached, target) - 1
        before, after = self.reached[hour], self.reached[hour + 1]
        return self.since + (hour + (target - before) / (after - before)) * HOUR


def weight(time: datetime) -> float:
    """Return the relative activity in the hour that begins at `time`."""
    return HOURS[time.hour] * WEEKDAYS[time.weekday()]
