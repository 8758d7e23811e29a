"""What counts as a failure of the browser client."""

from dataclasses import replace

import pytest

from chaos.outcomes import Outcome, summary

FINE = Outcome(
    lost=0,
    twice=0,
    old_votes=0,
    requests=12,
    outage_seconds=10,
    drain_seconds=10,
    pending=0,
    dropped=0,
)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"lost": 1}, "1 lost"),
        ({"twice": 2}, "2 stored twice"),
        ({"old_votes": 3}, "3 messages with an old vote"),
        ({"requests": 13}, "13 requests in the outage"),
        ({"drain_seconds": 10.1}, "drained after 10.1 s"),
        ({"pending": 4}, "4 still pending"),
        ({"dropped": 5}, "5 given up"),
    ],
)
def test_names_each_problem(change: dict[str, int], problem: str) -> None:
    assert FINE.problems == []
    assert replace(FINE, **change).problems == [problem]


def test_a_longer_outage_allows_for_more() -> None:
    assert replace(FINE, requests=24, drain_seconds=20, outage_seconds=20).problems == []


def test_the_table_has_the_sums_and_the_worst_of_all_runs() -> None:
    table = summary({"two_tabs": [FINE, replace(FINE, lost=2, requests=3, drain_seconds=1)]})

    cells = [cell.strip() for cell in table.splitlines()[-1].strip("|").split("|")]
    assert cells == ["two tabs", "2", "2", "0", "0", "12", "10.0 s"]
