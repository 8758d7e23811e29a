"""The verdict on a difference between shares, and the sentences on whether answers get better."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from insights.figures.curves import Curve, FeedbackDay, Part, scored_in
from insights.figures.feedback import FeedbackSummary
from insights.figures.shares import Comparison, Difference, Interval, Share
from insights.wording import plural, show_days, show_number, show_percentage

# With fewer ratings in a period, even a large change is hardly ever clear.
ENOUGH_RATINGS = 20

# In percentage points. Smaller differences are shown as none.
SMALLEST_DIFFERENCE = 0.05

# Beside the active users of a span, if the one before cannot be compared.
NO_EVENTS_BEFORE = "no earlier data"

# The calendar days of the last week, which is only shown in periods of at least two.
WEEK = 7


class Verdict(StrEnum):
    """The change of the share of positive ratings from the period before, or between two values."""

    BETTER = "better"
    WORSE = "worse"
    NO_CLEAR_CHANGE = "no clear change"
    NO_CLEAR_DIFFERENCE = "no clear difference"
    TOO_FEW_RATINGS = "too few ratings to say"
    NOTHING_TO_COMPARE = "nothing to compare"

    @property
    def headline(self) -> str:
        """The verdict as a headline."""
        return self.value.capitalize()


def verdict_on(feedback: FeedbackSummary) -> Verdict:
    """Return the verdict on a period."""
    return judge(feedback.comparison)


def judge(
    found: Comparison, comparisons: int = 1, unclear: Verdict = Verdict.NO_CLEAR_CHANGE
) -> Verdict:
    """Return the verdict on a comparison, corrected for the number of `comparisons`."""
    if not (found.now and found.before and found.difference):
        return Verdict.NOTHING_TO_COMPARE
    if found.difference.is_clear(comparisons):
        return Verdict.BETTER if found.difference.value > 0 else Verdict.WORSE
    few = min(found.now.scored, found.before.scored) < ENOUGH_RATINGS
    if few or found.difference.interval is None:
        return Verdict.TOO_FEW_RATINGS
    return unclear


def explain(feedback: FeedbackSummary, length: str) -> Iterator[str]:
    """Yield the sentences that explain a verdict; `length` is that of the period, in words."""
    now, before = feedback.comparison.now, feedback.comparison.before
    difference = feedback.comparison.difference
    if now is None:
        yield nothing_scored(feedback)
    elif before is None or difference is None:
        yield f"{show_scored(now)}."
        yield not_compared(feedback, length)
    else:
        after = f"{show_share(before)} of {show_number(before.scored)} in the {length} before"
        yield f"{show_scored(now)}, after {after}: {show_difference(difference)}."
    if feedback.curve and feedback.curve.is_clear:
        yield describe_curve(feedback.curve, feedback.daily[0])
    if lately := recent_share(feedback):
        days = show_days(feedback.daily[-WEEK].day, feedback.daily[-1].day, year=False)
        yield f"In the last {WEEK} days ({days}): {show_share(lately)}."


def nothing_scored(feedback: FeedbackSummary) -> str:
    """Return the reason for a missing share."""
    if not feedback.count:
        return "There is no feedback in this period."
    return f"None of the {plural(feedback.count, 'rating')} can be scored."


def not_compared(feedback: FeedbackSummary, length: str) -> str:
    """Return the reason for a missing comparison."""
    if feedback.begins:
        begins = f"Feedback begins on {feedback.begins:%Y-%m-%d}"
        return f"{begins}, too late to compare with the {length} before."
    return f"There are no scored ratings in the {length} before."


def not_counted_before(begins: datetime) -> str:
    """Return the note beside a count whose period before is not covered by data."""
    return f"since {begins:%Y-%m-%d}, too late to compare"


def show_scored(share: Share) -> str:
    """Return a share as `75 % (72 to 77 %) of 1,250 scored ratings are positive`."""
    verb = "is" if share.scored == 1 else "are"
    return f"{show_share(share)} of {plural(share.scored, 'scored rating')} {verb} positive"


def show_share(share: Share) -> str:
    """Return a share with its interval, as `75 % (72 to 77 %)`."""
    return f"{show_percentage(share.value)} ({show_interval(share.interval)})"


def show_interval(interval: Interval) -> str:
    """Return the interval of a share as `72 to 77 %`."""
    return f"{interval.low * 100:.0f} to {show_percentage(interval.high)}"


def show_difference(difference: Difference) -> str:
    """Return a difference as `6.0 percentage points up, between 1.2 and 10.8`."""
    points = difference.value * 100
    change = f"{abs(points):.1f} percentage points {'up' if points > 0 else 'down'}"
    if abs(points) < SMALLEST_DIFFERENCE:
        change = "no difference"
    if difference.interval is None:
        return f"{change}, with a single user in one of the periods"
    return f"{change}, {show_range(difference.interval)}"


def show_range(interval: Interval) -> str:
    """Return the interval of a difference, with directions where it has both."""
    low, high = interval.low * 100, interval.high * 100
    if low < 0 < high:
        return f"between {-low:.1f} down and {high:.1f} up"
    nearest, farthest = sorted([abs(low), abs(high)])
    return f"between {nearest:.1f} and {farthest:.1f}"


def describe_curve(curve: Curve, first: FeedbackDay) -> str:
    """Return a sentence such as `It fell to 47 % (Nov 3 to 9) and rose to 82 % (Nov 24 to 30)`."""
    rises = curve.difference.value > 0
    before, after = ("fell", "rose") if rises else ("rose", "fell")
    beginning = "was" if curve.earlier.first == first.day else f"{before} to"
    has_years = curve.earlier.first.year != curve.later.last.year
    earlier, later = (show_part(each, year=has_years) for each in (curve.earlier, curve.later))
    return f"It {beginning} {earlier} and {after} to {later}."


def show_part(part: Part, *, year: bool) -> str:
    """Return the share of a part as `47 % (Nov 3 to 9)`."""
    return f"{show_percentage(part.share.value)} ({show_days(part.first, part.last, year=year)})"


def recent_share(feedback: FeedbackSummary) -> Share | None:
    """Return the share of the last week, in periods of at least two."""
    week = feedback.daily[-WEEK:]
    scored = scored_in(week)
    if len(feedback.daily) < 2 * WEEK or not scored or not feedback.comparison.now:
        return None
    return feedback.comparison.now.part(sum(day.positive for day in week), scored)
