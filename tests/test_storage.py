"""What MongoDB's replies mean."""

from typing import Any

import pytest

from shared_code.problems import StoreUnavailable
from shared_code.storage import InsertOutcome, to_outcome

DUPLICATE = {"index": 0, "code": 11000, "keyPattern": {"_id": 1}}
TOO_DEEP = {"index": 2, "code": 15}


def reply(*write_errors: dict[str, Any], stored: int = 0, **others: Any) -> dict[str, Any]:
    """Return a reply as PyMongo gives it for a bulk write that went wrong in part."""
    return {"nInserted": stored, "writeErrors": [*write_errors], "writeConcernErrors": []} | others


def test_counts_what_was_stored_and_what_was_there() -> None:
    assert to_outcome(reply(DUPLICATE, stored=3)) == InsertOutcome(stored=3, duplicates=1)


def test_names_what_was_refused_by_its_index() -> None:
    outcome = to_outcome(reply(DUPLICATE, TOO_DEEP))

    assert outcome.duplicates == 1
    assert outcome.refused[2].pointer == "#/details"


@pytest.mark.parametrize(
    "details",
    [
        reply({"index": 0, "code": 11000, "keyPattern": {"user_id": 1}}, stored=1),
        # Interrupted at shutdown, stepped down, out of disk space.
        *(reply({"index": 0, "code": code}, stored=1) for code in (11600, 10107, 14031)),
        # Stored on the primary, but not on a majority.
        reply(stored=3, writeConcernErrors=[{"code": 64}]),
    ],
)
def test_what_may_pass_is_unavailable(details: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable):
        to_outcome(details)
