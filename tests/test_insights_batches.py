"""Inserting the demo's documents in batches."""

from collections.abc import Iterable

import pytest
from pymongo.database import Database

from insights.demo import batches
from insights.demo.batches import Batches
from insights.errors import Refused
from tests.support.documents import Document


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches of three documents."""
    monkeypatch.setattr(batches, "BATCH_SIZE", 3)


def numbered(count: int) -> list[Document]:
    """Return so many documents."""
    return [{"_id": number} for number in range(count)]


def test_stores_full_batches_and_the_rest(empty_database: Database[Document]) -> None:
    with Batches(empty_database) as inserted:
        completed = [inserted.add("users", document) for document in numbered(7)]
        inserted.add("sessions", {"_id": 0})

    assert completed == [False, False, True] * 2 + [False]
    assert list(empty_database.users.find().sort("_id")) == numbered(7)
    assert inserted.stored == {"users": 7, "sessions": 1}


def test_keeps_and_does_not_count_stored_documents(empty_database: Database[Document]) -> None:
    empty_database.users.insert_one({"_id": 1, "plan": "mine"})

    with Batches(empty_database) as inserted:
        for document in numbered(4):
            inserted.add("users", document)

    assert inserted.stored == {"users": 3}
    assert empty_database.users.find_one({"_id": 1}) == {"_id": 1, "plan": "mine"}


def test_raises_the_refusal_of_a_batch(empty_database: Database[Document]) -> None:
    empty_database.create_collection("users", validator={"plan": {"$exists": True}})

    with pytest.raises(Refused):
        insert(empty_database, numbered(4))


def test_inserts_no_more_after_an_exception(empty_database: Database[Document]) -> None:
    with pytest.raises(ZeroDivisionError):
        insert(empty_database, ({"_id": 1 // number} for number in (1, 0)))

    assert empty_database.list_collection_names() == []


def insert(database: Database[Document], documents: Iterable[Document]) -> None:
    """Insert documents in batches."""
    with Batches(database) as inserted:
        for document in documents:
            inserted.add("users", document)
