"""Whatever is sent: no defect shows, every error is a problem, what is accepted is stored as sent.

`python -m fuzz` looks for longer, and is guided by what the code does with its input.
"""

import asyncio
import base64
import gzip
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import azure.functions as func
import pytest
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt import PyJWK, PyJWS
from jwt.algorithms import ECAlgorithm
from pydantic import BaseModel
from pymongo.database import Database

from fuzz import mutation, target
from fuzz.costs import Costliest
from fuzz.oracle import Finding, check_document, check_error, check_problem, inflated, parse
from fuzz.seeds import EVENT, FEEDBACK, ODD_VALUES, seeds
from shared_code.auth.signing_keys import SigningKeys
from shared_code.models import Event, Feedback
from shared_code.mongodb import connection
from shared_code.settings import get_settings
from tests.conftest import FUNCTIONS, Document, UseSettings, body_of

READ_RAW = CodecOptions(
    document_class=RawBSONDocument, tz_aware=True, uuid_representation=UuidRepresentation.STANDARD
)
NAMES = sorted(FUNCTIONS)
GZIP = {"Content-Encoding": "gzip"}

# The same examples in every run, whatever an earlier run found.
bounded = settings(
    max_examples=120,
    derandomize=True,
    database=None,
    deadline=None,
    # A fixture is set up once for all examples; `Service` leaves its database empty after each.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def handle(function: str, request: func.HttpRequest) -> func.HttpResponse:
    """Return a function's answer, by way of a coroutine, which a runner asks for."""
    return await FUNCTIONS[function](request)


class Service:
    """The functions, on a real MongoDB, in an event loop that serves all examples of a test."""

    def __init__(self, runner: asyncio.Runner, stored: Database[Document]) -> None:
        self.runner = runner
        self.analytics = stored.get_collection("analytics", READ_RAW)
        self.feedback = stored.get_collection("feedback", READ_RAW)

    def post(
        self, function: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> func.HttpResponse:
        """Send a request and check the answer against what is stored, which is then removed."""
        request = func.HttpRequest("POST", "http://localhost", headers=headers, body=body)
        response = self.runner.run(handle(function, request))
        stored: dict[str, list[Mapping[str, Any]]] = {}
        for collection in (self.feedback, self.analytics):
            stored[collection.name] = list(collection.find())
            if stored[collection.name]:
                collection.delete_many({})
        documents = stored.pop(function)
        assert not any(stored.values())
        if response.status_code < 300:
            check_success(function, inflated(body, headers or {}), response, documents)
        else:
            check_problem(response)
            assert not documents
        return response


def check_success(
    function: str, body: bytes, response: func.HttpResponse, documents: list[Mapping[str, Any]]
) -> None:
    """Fail unless just what was sent is stored, without what the answer calls wrong."""
    sent, answer = parse(body), body_of(response)
    wrong = {error["index"] for error in answer.get("errors", [])}
    for error in answer.get("errors", []):
        check_error(error)
    if isinstance(sent, list):
        assert response.status_code == (207 if wrong else 202)
        right = [each for index, each in enumerate(sent) if index not in wrong]
        assert answer["logged"] == len(documents)
        assert answer["logged"] + answer["duplicates"] == len(right)
    else:
        assert response.status_code == {"feedback": 201, "analytics": 202}[function]
        right = [sent]
    for each, document in in_pairs(without_repetitions(right), documents):
        check_document(function, each, document)


def in_pairs(
    sent: list[Document], stored: list[Mapping[str, Any]]
) -> Iterator[tuple[Document, Mapping[str, Any]]]:
    """Yield what was sent with what is stored of it; those without an `event_id` are in order."""
    by_id = {each["_id"]: each for each in stored if isinstance(each["_id"], UUID)}
    others = iter([each for each in stored if not isinstance(each["_id"], UUID)])
    for each in sent:
        yield each, by_id.pop(UUID(each["event_id"])) if each.get("event_id") else next(others)
    assert not by_id
    assert not list(others)


def without_repetitions(events: list[Document]) -> list[Document]:
    """Return the events without those whose `event_id` came before."""
    seen: set[UUID] = set()
    first = []
    for event in events:
        event_id = UUID(event["event_id"]) if event.get("event_id") else uuid4()
        if event_id not in seen:
            first.append(event)
        seen.add(event_id)
    return first


@pytest.fixture
def service(
    empty_database: Database[Document],
    mongodb_uri: str,
    use_settings: UseSettings,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Service]:
    """Return the functions, on an empty database."""
    # Pytest keeps every line.
    caplog.set_level(logging.CRITICAL, "up2d8")
    use_settings(MONGODB_URI=mongodb_uri, MONGODB_DATABASE=empty_database.name)
    with asyncio.Runner() as runner:
        yield Service(runner, empty_database)
        runner.run(connection.close())


def json_values(
    scalars: st.SearchStrategy[Any], keys: st.SearchStrategy[str]
) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON of these scalars and keys."""
    return st.recursive(
        scalars,
        lambda members: st.lists(members) | st.dictionaries(keys, members),
        max_leaves=20,
    )


TEXT = st.text(st.characters(codec="utf-8"))
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.sampled_from(
    ["", "_id", "$set", "$ref", "$id", "$db", "a.b", ".", "$", "__proto__", "timestamp"]
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
STORABLE = json_values(st.none() | st.booleans() | INTEGERS | FLOATS | TEXT, KEYS)
# With surrogates, NaN, infinities, and integers of any size.
ANYTHING = json_values(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    st.text(st.characters()) | KEYS,
) | st.sampled_from(ODD_VALUES)
WITHOUT_NUL = st.characters(codec="utf-8", exclude_characters="\0")
IDENTIFIERS = st.text(WITHOUT_NUL, min_size=1, max_size=200)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# An offset may lead out of the years 1 to 9999.
YEAR_2, YEAR_9998 = (datetime.fromisoformat(f"{year}-01-01") for year in ("0002", "9998"))
DATE_TIMES = st.datetimes(YEAR_2, YEAR_9998).flatmap(
    lambda naive: OFFSETS.map(lambda offset: naive.replace(tzinfo=offset).isoformat())
)

FEEDBACKS = st.fixed_dictionaries(
    {
        "message_id": IDENTIFIERS,
        "user_id": IDENTIFIERS,
        "rating": st.text(WITHOUT_NUL, max_size=63).map("+".__add__),
    },
    optional={"comment": st.none() | TEXT},
)
EVENTS = st.fixed_dictionaries(
    {
        "user_id": IDENTIFIERS,
        "event_type": IDENTIFIERS,
        "details": st.dictionaries(KEYS, STORABLE),
    },
    optional={
        "event_id": st.none() | st.uuids().map(str),
        "occurred_at": st.none() | DATE_TIMES,
    },
)


@st.composite
def encoded(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> bytes:
    """Return a strategy for ways to write JSON."""
    text = json.dumps(
        draw(values),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, "\t"])),
    )
    return text.encode(errors="surrogatepass")


@st.composite
def edited(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> bytes:
    """Return a strategy for bodies with some bytes inserted, removed or replaced."""
    body = draw(bodies)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 4))
        body = body[:start] + draw(st.binary(max_size=4)) + body[end:]
    return body


VALID = encoded(FEEDBACKS) | encoded(EVENTS) | encoded(st.lists(EVENTS, max_size=5))


@bounded
@given(function=st.sampled_from(NAMES), body=st.binary() | st.binary(max_size=4))
def test_any_bytes(service: Service, function: str, body: bytes) -> None:
    service.post(function, body)


@bounded
@given(function=st.sampled_from(NAMES), body=encoded(ANYTHING))
def test_any_json(service: Service, function: str, body: bytes) -> None:
    service.post(function, body)


@bounded
@given(body=encoded(FEEDBACKS))
def test_valid_feedback_is_stored(service: Service, body: bytes) -> None:
    assert service.post("feedback", body).status_code == 201


@bounded
@given(body=encoded(EVENTS))
def test_a_valid_event_is_stored(service: Service, body: bytes) -> None:
    assert service.post("analytics", body).status_code == 202


@bounded
@given(details=st.dictionaries(st.text(st.characters()), ANYTHING), batch=st.booleans())
def test_details_that_may_not_be_storable(
    service: Service, details: Document, *, batch: bool
) -> None:
    event = {"user_id": "u1", "event_type": "e", "details": details}
    body = json.dumps([event, EVENT] if batch else event).encode()

    assert service.post("analytics", body).status_code in {202, 207, 400, 422}


@bounded
@given(
    valid=st.sampled_from([FEEDBACK, EVENT]),
    changes=st.dictionaries(st.sampled_from([*FEEDBACK, *EVENT]), ANYTHING, min_size=1),
)
def test_any_value_in_any_field(service: Service, valid: Document, changes: Document) -> None:
    function = "feedback" if "rating" in valid else "analytics"

    service.post(function, json.dumps(valid | changes).encode())


@bounded
@given(events=st.lists(EVENTS | ANYTHING | st.just(EVENT), max_size=20))
def test_a_batch_of_right_and_wrong_events(service: Service, events: list[Any]) -> None:
    service.post("analytics", json.dumps(events).encode())


@pytest.mark.parametrize(
    ("size", "status"), [(0, 422), (1, 202), (499, 202), (500, 202), (501, 422)]
)
def test_batches_have_1_to_500_events(service: Service, size: int, status: int) -> None:
    event = {"user_id": "u1", "event_type": "e", "details": {}}

    assert service.post("analytics", json.dumps([event] * size).encode()).status_code == status


@bounded
@given(shape=st.lists(st.booleans(), min_size=150, max_size=230), leaf=ANYTHING)
def test_any_depth(service: Service, shape: list[bool], leaf: Any) -> None:
    value = leaf
    for is_object in shape:
        value = {"a": value} if is_object else [value]
    body = {"user_id": "u1", "event_type": "e", "details": {"a": value}}

    response = service.post("analytics", json.dumps(body).encode())
    assert response.status_code in ({202, 400, 422} if len(shape) < 200 else {400, 422})


@bounded
@given(function=st.sampled_from(NAMES), body=edited(VALID))
def test_bodies_with_changed_bytes(service: Service, function: str, body: bytes) -> None:
    service.post(function, body)


@bounded
@given(seed=st.sampled_from(seeds()), random=st.randoms(use_true_random=False))
def test_what_the_fuzzer_makes_of_its_seeds(service: Service, seed: bytes, random: Random) -> None:
    for _ in range(random.randrange(1, 5)):
        seed = mutation.mutate(seed, random, lambda body: body[:1] + body[1:][::-1])
    target.run(seed)

    service.post(NAMES[seed[0] % 2], seed[1:])


@bounded
@given(function=st.sampled_from(NAMES), body=VALID, level=st.integers(0, 9))
def test_gzip_is_as_what_it_inflates_to(
    service: Service, function: str, body: bytes, level: int
) -> None:
    plain = service.post(function, body)
    compressed = service.post(function, gzip.compress(body, level), GZIP)

    assert compressed.status_code == plain.status_code
    assert compressed.get_body() == plain.get_body()


@bounded
@given(
    function=st.sampled_from(NAMES),
    body=edited(VALID.map(gzip.compress)) | VALID.map(lambda body: gzip.compress(body) * 2),
)
def test_broken_gzip(service: Service, function: str, body: bytes) -> None:
    service.post(function, body, GZIP)


HEADERS = st.dictionaries(
    st.sampled_from(["Content-Encoding", "Content-Type", "Content-Length", "Authorization"])
    | st.sampled_from(["traceparent", "Transfer-Encoding", "Accept", "Host", ""]),
    st.sampled_from(["", "gzip", "GZip ", "identity", "br", "gzip,gzip", "gzip;q=1", "Bearer x"])
    | st.sampled_from(["0", "-1", "text/plain;charset=utf-16", "00-" + "0" * 32 + "-0-01", "ﬁ"])
    | st.text(st.characters()),
)


@bounded
@given(function=st.sampled_from(NAMES), body=VALID | VALID.map(gzip.compress), headers=HEADERS)
def test_any_headers(service: Service, function: str, body: bytes, headers: dict[str, str]) -> None:
    service.post(function, body, headers)


ISSUER = {"iss": "https://issuer.example.com", "aud": "up2d8"}
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = PyJWK(ECAlgorithm.to_jwk(PRIVATE_KEY.public_key(), as_dict=True), "ES256")
CLAIMS = ISSUER | {"sub": EVENT["user_id"], "exp": 2**33}


@pytest.fixture
def service_with_tokens(
    service: Service,
    use_settings: UseSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> Service:
    """Return the functions, which ask for tokens of an issuer with one key."""

    async def find(*_: object) -> PyJWK:
        return PUBLIC_KEY

    monkeypatch.setattr(SigningKeys, "find", find)
    use_settings(
        **get_settings().model_dump(include={"mongodb_uri", "mongodb_database"}, by_alias=True),
        AUTH_ISSUER=ISSUER["iss"],
        AUTH_AUDIENCE=ISSUER["aud"],
        AUTH_JWKS_URL="https://issuer.example.com/keys",
    )
    return service


def base64_of(value: Any) -> str:
    """Return JSON as the parts of a token are written."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def post_with(service: Service, token: str) -> int:
    """Send a valid event with a token and return the status of the answer."""
    body = json.dumps(EVENT).encode()
    response = service.post("analytics", body, {"Authorization": f"Bearer {token}"})
    status: int = response.status_code
    return status


@bounded
@given(
    claims=st.just(CLAIMS)
    | st.dictionaries(st.sampled_from([*CLAIMS, "nbf", "iat", "jti"]), ANYTHING).map(CLAIMS.__or__)
    | ANYTHING
)
def test_any_claims_of_the_issuer(service_with_tokens: Service, claims: Any) -> None:
    payload = json.dumps(claims).encode()
    token = PyJWS().encode(payload, PRIVATE_KEY, "ES256", {"kid": "k"})

    assert post_with(service_with_tokens, token) in {202, 401, 403}


@bounded
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]), ANYTHING)
    | ANYTHING,
    algorithm=st.sampled_from(["ES256", "RS256", "HS256", "none", "EdDSA"]),
    signature=st.binary(max_size=64),
)
def test_any_token_that_the_issuer_did_not_sign(
    service_with_tokens: Service, header: Any, algorithm: str, signature: bytes
) -> None:
    if isinstance(header, dict):
        header = {"alg": algorithm} | header
    parts = [base64_of(header), base64_of(CLAIMS), base64.urlsafe_b64encode(signature).decode()]

    assert post_with(service_with_tokens, ".".join(parts)) == 401


@pytest.mark.parametrize("seed", seeds())
def test_the_fuzzer_takes_its_seeds(seed: bytes) -> None:
    target.run(seed)


@pytest.mark.parametrize(("model", "seed"), [(Feedback, FEEDBACK), (Event, EVENT)])
def test_the_fuzzer_sends_each_field_of_the_models(model: type[BaseModel], seed: Document) -> None:
    assert model.model_validate(seed).model_fields_set == model.model_fields.keys()


@pytest.mark.parametrize(
    ("function", "sent", "name"),
    [
        *(("feedback", FEEDBACK, name) for name in Feedback.model_fields),
        *(("analytics", EVENT, name) for name in Event.model_fields if name != "event_id"),
    ],
)
def test_the_fuzzer_sees_when_a_field_is_not_stored(
    function: str, sent: Document, name: str
) -> None:
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
def test_the_fuzzer_sees_when_something_else_is_stored(sent: Document, stored: Document) -> None:
    event = {"user_id": "u1", "event_type": "e", "details": sent}
    document = {"_id": 1} | event | {"details": stored, "timestamp": datetime.now(UTC)}

    check_document("analytics", event, document | {"details": sent})
    with pytest.raises(Finding, match="details are others"):
        check_document("analytics", event, document)


def test_the_costliest_input_is_kept_with_its_ratio(
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
    # A later run begins with it.
    assert Costliest(run, path).ratio > 20
