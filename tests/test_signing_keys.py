"""Signing keys: when they are fetched, and which of them are valid."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo.database import Database

from local_project.addresses import free_address
from shared_code.auth import signing_keys, tokens
from tests.support.documents import Document
from tests.support.functions import BODIES, NAMES, Post
from tests.support.key_server import (
    EC_KEY,
    ED_KEY,
    OTHER_RSA_KEY,
    RSA_KEY,
    SHORT_RSA_KEY,
    KeyServer,
    private_jwk,
    public_jwk,
)
from tests.support.tokens import assert_keys_unavailable, assert_refused, bearer, token


@dataclass
class Clock:
    """The functions' clock, in seconds."""

    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that key lifetimes use."""
    clock = Clock()
    monkeypatch.setattr(signing_keys, "monotonic", lambda: clock.now)
    return clock


@pytest.mark.usefixtures("auth_on")
async def test_fetches_the_keys_once(post: Post, key_server: KeyServer) -> None:
    credentials = bearer(token())
    responses = await asyncio.gather(
        *(post("analytics", BODIES["analytics"], credentials) for _ in range(100))
    )

    assert {response.status_code for response in responses} == {202}
    assert key_server.requests == 1


@pytest.mark.usefixtures("auth_on")
async def test_fetches_a_rotated_key_at_most_once_a_minute(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rotated = bearer(token(OTHER_RSA_KEY, kid="rotated"))
    await post("feedback", BODIES["feedback"], bearer(token(sub="u2")))
    key_server.publish(public_jwk(OTHER_RSA_KEY, "rotated"))

    # Right after a fetch, an unknown key waits for the next one.
    for passed, seconds in ((0, 60), (20.5, 40), (39, 1)):
        clock.now += passed
        response = await post("feedback", BODIES["feedback"], rotated)
        assert_keys_unavailable(response, fresh_database)
        assert response.headers["Retry-After"] == str(seconds)
        assert "the key is unknown" in caplog.text
    clock.now += 1
    assert (await post("feedback", BODIES["feedback"], rotated)).status_code == 201
    assert key_server.requests == 2


@pytest.mark.usefixtures("auth_on")
async def test_unknown_keys_cause_at_most_one_fetch_a_minute(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    clock: Clock,
) -> None:
    statuses = []
    for number in range(130):
        stranger = bearer(token(OTHER_RSA_KEY, kid=f"random-{number}"))
        statuses.append((await post("feedback", BODIES["feedback"], stranger)).status_code)
        # Users with a known key are unaffected.
        response = await post("analytics", BODIES["analytics"], bearer(token()))
        assert response.status_code == 202
        clock.now += 1

    # The request that triggers a fetch learns that the key does not exist.
    assert [at for at, status in enumerate(statuses) if status == 401] == [0, 60, 120]
    assert set(statuses) == {401, 503}
    assert key_server.requests == 3
    assert fresh_database.feedback.count_documents({}) == 0


@pytest.mark.usefixtures("auth_on")
async def test_a_withdrawn_key_is_refused_after_the_next_fetch(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    clock: Clock,
) -> None:
    await post("feedback", BODIES["feedback"], bearer(token(sub="u2")))
    key_server.publish(public_jwk(OTHER_RSA_KEY, "rotated"))
    clock.now += 601

    assert_refused(await post("feedback", BODIES["feedback"], bearer(token())), fresh_database)
    for _ in range(20):
        response = await post("feedback", BODIES["feedback"], bearer(token()))
        assert_keys_unavailable(response, fresh_database)
    assert key_server.requests == 2


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"iss": "https://other.example.com/"},
        {"aud": "other"},
        {"nbf": 9_999_999_999},
        {"exp": None},
        {"kid": None},
        {"kid": ""},
        {"key": "secret" * 10, "algorithm": "HS256"},
    ],
)
async def test_a_token_that_no_key_can_make_valid_needs_no_fetch(
    post: Post, fresh_database: Database[Document], key_server: KeyServer, changes: Document
) -> None:
    credentials = token(**({"kid": "unknown"} | changes))

    assert_refused(await post("feedback", BODIES["feedback"], bearer(credentials)), fresh_database)
    assert key_server.requests == 0


@pytest.mark.usefixtures("auth_on")
async def test_forgets_keys_that_it_cannot_refresh(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    clock: Clock,
) -> None:
    assert (await post("feedback", BODIES["feedback"], bearer(token()))).status_code == 201
    fresh_database.feedback.delete_many({})
    key_server.status = 500

    clock.now += 599
    assert (await post("feedback", BODIES["feedback"], bearer(token()))).status_code == 201
    fresh_database.feedback.delete_many({})
    # Without the key server, a new key and an unknown one look the same.
    unknown = await post("feedback", BODIES["feedback"], bearer(token(kid="unknown")))
    assert_keys_unavailable(unknown, fresh_database)

    clock.now += 2
    response = await post("feedback", BODIES["feedback"], bearer(token()))
    assert_keys_unavailable(response, fresh_database)
    key_server.status = 200
    clock.now += 6
    assert (await post("feedback", BODIES["feedback"], bearer(token()))).status_code == 201
    clock.now += 60
    unknown = await post("feedback", BODIES["feedback"], bearer(token(kid="unknown")))
    assert unknown.status_code == 401


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Sign in</html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": {}}'),
        (200, b'{"keys": [5]}'),
        (200, b"[" * 100_000),
        (200, b"\xff\xfe"),
        (404, b"{}"),
        (500, b"{}"),
        (302, b""),
        (200, json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"}]}).encode()),
        (200, json.dumps({"keys": [public_jwk(RSA_KEY, "rsa") | {"use": "enc"}]}).encode()),
        (200, b" " * 2**20),
    ],
)
@pytest.mark.parametrize("function", NAMES)
async def test_a_key_server_without_keys_accepts_no_token(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    function: str,
    status: int,
    body: bytes,
) -> None:
    key_server.status, key_server.body = status, body

    response = await post(function, BODIES[function], bearer(token()))
    assert_keys_unavailable(response, fresh_database)
    # The failure is cached.
    response = await post(function, BODIES[function], bearer(token()))
    assert_keys_unavailable(response, fresh_database)
    assert key_server.requests == 1


ODD: dict[str, Any] = {
    "a number": 5,
    "an empty object": {},
    "a secret": {"kty": "oct", "kid": "q"},
    "RSA without numbers": {"kty": "RSA", "kid": "q"},
    "kty of another type": {"kty": ["RSA"], "kid": "q"},
    "kid of another type": public_jwk(RSA_KEY, "q") | {"kid": ["q"]},
    "alg of another type": public_jwk(RSA_KEY, "q") | {"alg": {}},
    "alg none": public_jwk(RSA_KEY, "q") | {"alg": "none"},
    "RSA to encrypt": public_jwk(OTHER_RSA_KEY, "rsa") | {"use": "enc"},
    "RSA with a small n": public_jwk(OTHER_RSA_KEY, "rsa") | {"n": "AQAB"},
    "RSA with e of 0": public_jwk(OTHER_RSA_KEY, "rsa") | {"e": "AA"},
    "RSA with n of another type": public_jwk(OTHER_RSA_KEY, "rsa") | {"n": 5},
    "RSA for ES256": public_jwk(OTHER_RSA_KEY, "rsa") | {"alg": "ES256"},
    "EC off the curve": public_jwk(EC_KEY, "rsa") | {"y": "AA"},
    "EC on an unknown curve": public_jwk(EC_KEY, "rsa") | {"crv": "P-1"},
    "OKP without x": public_jwk(ED_KEY, "rsa") | {"x": ""},
    "an encrypted key": {"ciphertext": "eA", "protected": "e30", "kid": "rsa"},
    "private RSA": private_jwk(OTHER_RSA_KEY, "rsa"),
    "private EC": private_jwk(EC_KEY, "rsa"),
    "private OKP": private_jwk(ED_KEY, "rsa"),
    "private RSA of d alone": {"kty": "RSA", "kid": "rsa", "d": "AQAB"},
    "short RSA": public_jwk(SHORT_RSA_KEY, "rsa"),
}


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_an_odd_key_does_not_affect_the_others(
    post: Post, key_server: KeyServer, odd: Any
) -> None:
    key_server.publish(odd, public_jwk(RSA_KEY, "rsa"))

    assert (await post("feedback", BODIES["feedback"], bearer(token()))).status_code == 201


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize(
    ("jwk", "key", "algorithm"),
    [
        (public_jwk(SHORT_RSA_KEY, "odd"), SHORT_RSA_KEY, "RS256"),
        (public_jwk(SHORT_RSA_KEY, "odd") | {"alg": "PS256"}, SHORT_RSA_KEY, "PS256"),
        (private_jwk(OTHER_RSA_KEY, "odd"), OTHER_RSA_KEY, "RS256"),
        (private_jwk(EC_KEY, "odd"), EC_KEY, "ES256"),
        (private_jwk(ED_KEY, "odd"), ED_KEY, "EdDSA"),
    ],
    ids=["short RSA", "short PS256", "private RSA", "private EC", "private OKP"],
)
@pytest.mark.filterwarnings("ignore:The RSA key")
async def test_refuses_tokens_of_short_and_private_keys(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    jwk: Document,
    key: Any,
    algorithm: str,
) -> None:
    credentials = bearer(token(key, algorithm, "odd"))
    key_server.publish(jwk, public_jwk(RSA_KEY, "rsa"))
    assert_refused(await post("feedback", BODIES["feedback"], credentials), fresh_database)

    # Alone, they count as no keys.
    tokens.signing_keys.cache_clear()
    key_server.publish(jwk)
    response = await post("feedback", BODIES["feedback"], credentials)
    assert_keys_unavailable(response, fresh_database)


@pytest.mark.timed
@pytest.mark.usefixtures("auth_on")
async def test_a_dripping_key_server_times_out_and_is_retried(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key_server.drip = True
    started = time.monotonic()
    response = await post("feedback", BODIES["feedback"], bearer(token()))
    assert_keys_unavailable(response, fresh_database)
    assert time.monotonic() - started < 3

    key_server.drip = False
    monkeypatch.setattr(signing_keys, "FAILURE_SECONDS", 0)
    assert (await post("feedback", BODIES["feedback"], bearer(token()))).status_code == 201


@pytest.mark.usefixtures("auth_on")
async def test_a_privacy_signal_needs_no_token(post: Post, key_server: KeyServer) -> None:
    assert (await post("analytics", BODIES["analytics"], {"DNT": "1"})).status_code == 202
    assert key_server.requests == 0


async def test_a_key_server_that_is_down_accepts_no_token(
    post: Post,
    fresh_database: Database[Document],
    auth_on: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    auth_on(AUTH_JWKS_URL=f"http://{free_address()}/jwks")
    credentials = token()
    response = await post("feedback", BODIES["feedback"], bearer(credentials))

    assert_keys_unavailable(response, fresh_database)
    assert '"cause": "ConnectionRefusedError' in caplog.text
    assert credentials not in caplog.text


@pytest.mark.timed
@pytest.mark.usefixtures("auth_on")
async def test_a_slow_key_server_delays_no_other_request(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
) -> None:
    key_server.delay = 4
    started = time.monotonic()
    waiting = [
        asyncio.ensure_future(post("feedback", BODIES["feedback"], bearer(token())))
        for _ in range(50)
    ]
    await asyncio.sleep(0.1)

    assert_refused(await post("feedback", BODIES["feedback"]), fresh_database)
    assert time.monotonic() - started < 1
    for response in await asyncio.gather(*waiting):
        assert_keys_unavailable(response, fresh_database)
    assert time.monotonic() - started < 3
