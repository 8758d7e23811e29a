"""The fuzzer: its seeds, the defects it finds, and the costliest input."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from fuzz import target
from fuzz.costs import Costliest
from fuzz.oracle import Finding, check_document
from fuzz.seeds import EVENT, FEEDBACK, seeds
from shared_code.models import Event, Feedback
from tests.support.documents import Document


@pytest.mark.parametrize("seed", seeds())
def test_the_seeds_are_valid_inputs(seed: bytes) -> None:
    target.run(seed)


@pytest.mark.parametrize(("model", "seed"), [(Feedback, FEEDBACK), (Event, EVENT)])
def test_the_seeds_have_every_field_of_the_models(model: type[BaseModel], seed: Document) -> None:
    assert model.model_validate(seed).model_fields_set == model.model_fields.keys()


@pytest.mark.parametrize(
    ("function", "sent", "name"),
    [
        *(("feedback", FEEDBACK, name) for name in Feedback.model_fields),
        *(("analytics", EVENT, name) for name in Event.model_fields if name != "event_id"),
    ],
)
def test_finds_a_dropped_field(function: str, sent: Document, name: str) -> None:
    model: type[Feedback | Event] = Feedback if function == "feedback" else Event
    stored = model.model_validate(sent).to_document(datetime.now(UTC))
    del stored[name]

    with pytest.raises(Finding, match=r"a field was dropped|other fields"):
        check_document(function, sent, stored)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"n": 1}, {"n": 1.0}),
        ({"n": 1}, {"n": True}),
        ({"n": 0.0}, {"n": -0.0}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": None}, {}),
        ({"a": []}, {"a": {}}),
        ({"a": "é"}, {"a": "e\u0301"}),
    ],
)
def test_finds_changed_details(sent: Document, stored: Document) -> None:
    event = {"user_id": "u1", "event_type": "e", "details": sent}
    document = {"_id": 1} | event | {"details": stored, "timestamp": datetime.now(UTC)}

    check_document("analytics", event, document | {"details": sent})
    with pytest.raises(Finding, match="details differ"):
        check_document("analytics", event, document)


def test_keeps_the_costliest_input_and_its_ratio(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(data: bytes) -> None:
        sum(range(len(data) * 1000))

    path = tmp_path / "costliest"
    costliest = Costliest(run, path)
    for size in (5_000, 20, 400):
        costliest(bytes(size))

    assert len(path.read_bytes()) == 5_000
    assert costliest.ratio > 20
    assert "times the checks of a normal event" in capsys.readouterr().err
    # A later run starts from it.
    assert Costliest(run, path).ratio > 20
