"""Property tests: no input causes a defect, errors are problems, and the rest is stored as sent.

`python -m fuzz` searches longer, guided by coverage.
"""

import asyncio
import base64
import gzip
import json
import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt import PyJWK, PyJWS
from jwt.algorithms import ECAlgorithm
from pymongo.database import Database

from fuzz import mutation, target
from fuzz.seeds import EVENT, FEEDBACK, seeds
from shared_code.auth.signing_keys import SigningKeys
from shared_code.mongodb import connection
from shared_code.settings import get_settings
from tests.support.documents import Document
from tests.support.functions import GZIP, NAMES, UseSettings
from tests.support.service import Service
from tests.support.strategies import ANYTHING, EVENTS, FEEDBACKS, HEADERS, VALID, edited, encoded

# The same examples in every run, independent of earlier findings.
bounded = settings(
    max_examples=120,
    derandomize=True,
    database=None,
    deadline=None,
    # The fixture serves all examples; `Service` empties its database after each.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def service(
    empty_database: Database[Document],
    mongodb_uri: str,
    use_settings: UseSettings,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Service]:
    """Return the functions, on an empty database."""
    # Pytest would keep every line.
    caplog.set_level(logging.CRITICAL, "up2d8")
    use_settings(MONGODB_URI=mongodb_uri, MONGODB_DATABASE=empty_database.name)
    with asyncio.Runner() as runner:
        yield Service(runner, empty_database)
        runner.run(connection.close())


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
def test_possibly_unstorable_details(service: Service, details: Document, *, batch: bool) -> None:
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
def test_a_batch_of_valid_and_invalid_events(service: Service, events: list[Any]) -> None:
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
def test_mutations_of_the_fuzzer(service: Service, seed: bytes, random: Random) -> None:
    for _ in range(random.randrange(1, 5)):
        seed = mutation.mutate(seed, random, lambda body: body[:1] + body[1:][::-1])
    target.run(seed)

    service.post(NAMES[seed[0] % 2], seed[1:])


@bounded
@given(function=st.sampled_from(NAMES), body=VALID, level=st.integers(0, 9))
def test_gzip_is_equivalent_to_the_inflated_body(
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
    """Return the functions, requiring tokens of an issuer with one key."""

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
    """Return JSON in the encoding of a token's parts."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def post_with(service: Service, token: str) -> int:
    """Send a valid event with a token and return the response's status."""
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
def test_any_token_not_signed_by_the_issuer(
    service_with_tokens: Service, header: Any, algorithm: str, signature: bytes
) -> None:
    if isinstance(header, dict):
        header = {"alg": algorithm} | header
    parts = [base64_of(header), base64_of(CLAIMS), base64.urlsafe_b64encode(signature).decode()]

    assert post_with(service_with_tokens, ".".join(parts)) == 401
