"""New ObjectIds."""

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest

from shared_code.mongodb import object_ids
from shared_code.mongodb.object_ids import new_object_id


def test_ids_are_unique_and_ascending() -> None:
    ids = [new_object_id() for _ in range(10_000)]

    assert len(set(ids)) == len(ids)
    # Except once in 16 million ids, when the counter wraps around within a second.
    assert sum(first > second for first, second in pairwise(ids)) <= 1


def test_follows_the_manuals_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_ids, "_numbers", count(0xFFFFFF))
    last, first = new_object_id().binary, new_object_id().binary

    assert last[4:9] == first[4:9] != bytes(5)
    assert (last[9:], first[9:]) == (b"\xff\xff\xff", bytes(3))
    age = datetime.now(UTC) - new_object_id().generation_time
    assert -timedelta(seconds=1) < age < timedelta(seconds=2)
