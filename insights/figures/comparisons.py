"""Ratings compared by the value of an attribute: which model, or which plan, has better answers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from json import dumps

from insights.errors import UsageError
from insights.figures.answers import Verdict, judge, show_range, show_share
from insights.figures.shares import (
    Counts,
    Difference,
    Interval,
    Profile,
    Share,
    compare,
    share_of,
)
from insights.queries.attributes import Attribute
from insights.queries.filters import Filter
from insights.queries.rated_values import rated_values
from insights.queries.scopes import Scope
from insights.queries.sentiment import add_sentiment
from insights.settings import Settings
from insights.wording import LONG_NAME, clean, plural, shorten, show_number

# More could not be told apart, and the correction for their number would hide every difference.
MOST_VALUES = 30

# The examples in an error.
NAMED = 3

User = Counter[bool]
"""A user's numbers of positive ratings (True) and of the other scored ones."""


@dataclass(frozen=True)
class Group:
    """The ratings with one value, compared with those of the most frequent one.

    That one has no difference and no verdict.
    """

    value: str
    share: Share
    difference: Difference | None
    verdict: Verdict | None

    @property
    def name(self) -> str:
        """The value as a sentence shows it."""
        return shorten(self.whole_name, LONG_NAME)

    @property
    def whole_name(self) -> str:
        """The value in full, to be copied."""
        return clean(self.value) if self.value.strip() else dumps(self.value)


@dataclass(frozen=True)
class Breakdown:
    """The ratings of a scope by the value of the attribute `by`, the most frequent first.

    `without` counts the scored ratings without a value. The intervals of the differences, and the
    verdicts, are corrected for the number of `comparisons`.
    """

    by: str
    groups: list[Group]
    without: int
    comparisons: int


def compare_by(found: Scope, events: Filter, attribute: Attribute, settings: Settings) -> Breakdown:
    """Compare the scored ratings of a scope by an attribute.

    `events` restricts the events whose details count.

    Raises:
        UsageError: there are more than 30 values.
        Unreadable: the MongoDB user may not read the application's collection.
    """
    users: dict[str, dict[str, User]] = {}
    without = 0
    for each in rated_values(found, events, attribute, add_sentiment(settings.feedback_ratings)):
        if each.value is None:
            without += 1
            continue
        if each.value not in users and len(users) == MOST_VALUES:
            raise too_many_values(attribute, [*users])
        users.setdefault(each.value, {}).setdefault(each.user, Counter())[each.is_positive] += 1
    comparisons = number_of_comparisons(users)
    return Breakdown(attribute.name, groups_of(users, comparisons), without, max(comparisons, 1))


def too_many_values(attribute: Attribute, values: Sequence[str]) -> UsageError:
    """Return the error for an attribute such as an id."""
    examples = ", ".join(shorten(each, LONG_NAME) for each in values[:NAMED])
    return UsageError(
        f"{attribute.name} has more than {MOST_VALUES} values ({examples}, …): "
        "choose a field with fewer, such as a model or a plan"
    )


def number_of_comparisons(users: Mapping[str, Mapping[str, User]]) -> int:
    """Return how many values can differ from the most frequent one: not those of a single user."""
    return sum(len(each) > 1 for each in users.values()) - 1


def groups_of(users: Mapping[str, Mapping[str, User]], comparisons: int) -> list[Group]:
    """Return the groups, each compared with the first."""
    numbers = {value: sum(each.total() for each in own.values()) for value, own in users.items()}
    in_order = sorted(users, key=lambda value: (-numbers[value], value))
    return [
        group_of(value, users[value], users[in_order[0]], max(comparisons, 1)) for value in in_order
    ]


def group_of(
    value: str, own: Mapping[str, User], others: Mapping[str, User], comparisons: int
) -> Group:
    """Return the group of a value, compared with the ratings of the most frequent one."""
    share = share_of(Counts(1, each[True], each.total()) for each in own.values())
    if share is None:
        raise ValueError("a value without ratings")
    if own is others:
        return Group(value, share, None, None)
    found = compare(profiles(own, others), comparisons)
    verdict = judge(found, comparisons, Verdict.NO_CLEAR_DIFFERENCE)
    return Group(value, share, found.difference, verdict)


def profiles(own: Mapping[str, User], others: Mapping[str, User]) -> list[Profile]:
    """Return the profiles of the users of either value."""
    nothing: User = Counter()
    counted = Counter(
        (now[True], now.total(), before[True], before.total())
        # In order, unlike a set, so that rounding errors are the same each time.
        for now, before in (
            (own.get(user, nothing), others.get(user, nothing)) for user in {**own, **others}
        )
    )
    return [Profile(users, *numbers) for numbers, users in counted.items()]


def headline(found: Breakdown) -> str:
    """Return the finding in a sentence."""
    if len(found.groups) <= 1:
        return nothing_to_compare(found)
    first, *others = found.groups
    most_frequent = f"{first.name}, the most frequent {found.by}"
    better, worse = (
        [each for each in others if each.verdict is verdict]
        for verdict in (Verdict.BETTER, Verdict.WORSE)
    )
    if len(better + worse) == 1:
        [clear] = better + worse
        return f"{clear.name} is {clear.verdict} than {most_frequent}: {explain(clear, first)}."
    if better or worse:
        return f"{'; '.join(sides(better, worse, most_frequent))}."
    if all(each.verdict is Verdict.TOO_FEW_RATINGS for each in others):
        return f"Too few ratings to say which {found.by} is better."
    return f"No {found.by} is clearly better or worse than {first.name}, the most frequent."


def nothing_to_compare(found: Breakdown) -> str:
    """Return the reason why nothing is compared."""
    if found.groups:
        only = found.groups[0]
        ratings = plural(only.share.scored, "scored rating")
        return f"All values of {found.by} are {only.name} ({ratings}): nothing to compare."
    if not found.without:
        return "There are no scored ratings in this period."
    if found.without == 1:
        return f"The only scored rating has no {found.by}."
    return f"None of the {show_number(found.without)} scored ratings has a {found.by}."


def explain(group: Group, first: Group) -> str:
    """Return the figures of a clear difference from the most frequent value."""
    shares = f"{show_share(group.share)} of {plural(group.share.scored, 'rating')} are positive"
    against = f"against {show_share(first.share)} of {show_number(first.share.scored)}"
    change = group.share.value - first.share.value
    points = f"{abs(change) * 100:.1f} percentage points {'higher' if change > 0 else 'lower'}"
    interval = group.difference and group.difference.interval
    return f"{shares}, {against}: {points}{f', {show_range(interval)}' if interval else ''}"


def sides(better: Sequence[Group], worse: Sequence[Group], most_frequent: str) -> Iterator[str]:
    """Yield which values are better, and which are worse."""
    than = f" than {most_frequent}"
    if better:
        yield f"{names_of(better)} better{than}"
    if worse:
        yield f"{names_of(worse)} worse{'' if better else than}"


def names_of(groups: Sequence[Group]) -> str:
    """Return `atlas-2 is`, or `atlas-1, atlas-2 and atlas-3 are`."""
    *others, last = (each.name for each in groups)
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


def show_without(found: Breakdown) -> str:
    """Return how many ratings have no value."""
    verb = "has" if found.without == 1 else "have"
    return f"{plural(found.without, 'scored rating')} {verb} no {found.by}"


def show_points(value: float) -> str:
    """Return a difference in percentage points, as `+8.1`."""
    # Adding zero turns a negative zero into a positive one.
    return f"{round(value * 100, 1) + 0:+.1f}"


def show_points_range(interval: Interval) -> str:
    """Return the interval of a difference, as `+1.2 to +15.0`."""
    return f"{show_points(interval.low)} to {show_points(interval.high)}"
