"""`insights/queries/at_once.py`."""

from threading import Barrier, Event

import pymongo
import pytest
from pymongo import _csot

from insights.queries.at_once import AtOnce

pytestmark = pytest.mark.no_database


def test_runs_calls_at_the_same_time() -> None:
    both = Barrier(2)
    with AtOnce() as at_once:
        started = [at_once.start(both.wait, timeout=5) for _ in range(2)]
        assert sorted(each.result() for each in started) == [0, 1]


def test_keeps_the_deadline_of_the_caller() -> None:
    with pymongo.timeout(7), AtOnce() as at_once:
        assert at_once.start(_csot.get_timeout).result() == 7


def test_does_not_wait_after_an_error() -> None:
    end = Event()

    def fail() -> None:
        with AtOnce() as at_once:
            at_once.start(end.wait)
            at_once.start(lambda: 1 / 0).result()

    with pytest.raises(ZeroDivisionError):
        fail()
    end.set()
