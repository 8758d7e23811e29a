"""`insights/pages/current.py`."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest

from insights.pages import current
from insights.pages.current import Current
from insights.pages.dashboard import Dashboard
from insights.queries.periods import Period

pytestmark = pytest.mark.no_database

SECONDS = 2.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


def a_dashboard(
    made: datetime,
    length: timedelta = timedelta(days=30),
    figures: Mapping[str, int] = MappingProxyType({}),
) -> Dashboard:
    """Return a dashboard with what matters here."""
    counts = {"feedback": 1, "scored": 1, "events": 1, "others": 0, **figures}
    summary = SimpleNamespace(
        period=Period(made - length, made),
        feedback=SimpleNamespace(count=counts["feedback"], scored=counts["scored"]),
        events=SimpleNamespace(count=counts["events"], others=counts["others"]),
    )
    return cast(Dashboard, SimpleNamespace(made=made, summary=summary))


class Source:
    """A source whose dashboards take two seconds to make; notes what it is asked."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.documents = 10
        self.made: Callable[[datetime], Dashboard] = a_dashboard
        self.extended: dict[str, int] = {}

    def make(self, now: datetime) -> Dashboard:
        """Make a dashboard."""
        self.clock.now += SECONDS
        self.asked.append("make")
        return self.made(now)

    def extend(self, dashboard: Dashboard) -> Dashboard:
        """Return the dashboard, perhaps with other figures."""
        self.asked.append("extend")
        return a_dashboard(dashboard.made, figures=self.extended) if self.extended else dashboard

    def count(self, _made: datetime) -> tuple[int, ...]:
        """Return the number of documents."""
        return (self.documents,)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of the module."""
    clock = Clock()
    monkeypatch.setattr(current, "monotonic", clock)
    return clock


@pytest.fixture
def source(clock: Clock) -> Source:
    """Return a source."""
    return Source(clock)


def after(source: Source, seconds: float, **options: Any) -> str:
    """Return what a refresh asks of the source so long after all figures were made."""
    made = Current(source)
    made.make()
    source.clock.now += seconds - SECONDS
    made.refresh(has_replaced=options.get("has_replaced", False))
    return source.asked[-1]


@pytest.mark.parametrize(
    ("seconds", "asked"),
    [(2, "extend"), (87, "extend"), (88, "make")],
)
def test_making_takes_a_fiftieth_of_the_time(source: Source, seconds: float, asked: str) -> None:
    assert after(source, seconds) == asked


@pytest.mark.parametrize(("seconds", "asked"), [(8, "extend"), (9, "make")])
def test_replaced_feedback_is_counted_sooner(source: Source, seconds: float, asked: str) -> None:
    assert after(source, seconds, has_replaced=True) == asked


def test_replaced_feedback_is_remembered_until_it_is_counted(clock: Clock, source: Source) -> None:
    made = Current(source)
    made.make()
    made.refresh(has_replaced=True)
    clock.now += 10

    made.refresh(has_replaced=False)
    made.refresh(has_replaced=False)

    assert source.asked == ["make", "extend", "make", "extend"]


def test_replaced_feedback_is_counted_even_if_nothing_else_arrives(
    clock: Clock, source: Source
) -> None:
    made = Current(source)
    made.make()
    undisturbed = made.seconds_to_refresh
    made.refresh(has_replaced=True)
    replaced = made.seconds_to_refresh

    clock.now += replaced
    made.refresh(has_replaced=False)

    # A fifth of the time would be 10 s; the first quarter of a second is free.
    assert (undisturbed, replaced) == (60, 5 * (SECONDS - 0.25) - SECONDS)
    assert source.asked == ["make", "extend", "make"]


def test_figures_are_never_older_than_five_minutes(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.SECONDS", 20.0)

    assert after(source, 299) == "extend"
    assert after(source, 300) == "make"


@pytest.mark.parametrize("documents", [9, 11])
def test_deletions_and_late_documents_are_noticed_within_a_minute(
    clock: Clock, source: Source, documents: int
) -> None:
    made = Current(source)
    made.make()
    source.documents = documents
    clock.now += 59
    made.refresh(has_replaced=False)
    clock.now += 1
    made.refresh(has_replaced=False)

    assert source.asked == ["make", "extend", "make"]


def test_a_new_day_is_counted_anew(source: Source) -> None:
    made = Current(source)
    source.made = lambda now: a_dashboard(now - timedelta(days=1))
    made.make()

    made.refresh(has_replaced=False)

    assert source.asked == ["make", "make"]


def test_short_periods_move_on(source: Source) -> None:
    source.made = partial(a_dashboard, length=timedelta(minutes=10))

    assert after(source, 5) == "extend"
    assert after(source, 6) == "make"


@pytest.mark.parametrize("first", [{"events": 0}, {"feedback": 0}, {"scored": 0}])
def test_the_first_of_a_kind_is_shown_at_once(source: Source, first: dict[str, int]) -> None:
    source.made = partial(a_dashboard, figures=first)
    source.extended = {"events": 2}

    assert after(source, 3) == "make"


def test_a_new_event_type_gets_its_name_soon(clock: Clock, source: Source) -> None:
    made = Current(source)
    made.make()
    source.extended = {"others": 1}
    made.refresh(has_replaced=False)
    clock.now += 10

    made.refresh(has_replaced=False)

    assert source.asked == ["make", "extend", "make"]


def test_an_outage_does_not_delay_the_next_making(source: Source) -> None:
    made = Current(source)
    made.make()

    made.refresh(has_replaced=False, anew=True)

    assert source.asked == ["make", "make"]


def test_quick_figures_are_made_anew_each_time(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.SECONDS", 0.25)

    assert after(source, 0.25) == "make"
