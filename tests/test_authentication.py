"""Bearer tokens, checked against a key server on loopback."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import azure.functions as func
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pymongo.database import Database

from local_project.addresses import free_address
from shared_code.auth import signing_keys, tokens
from tests.conftest import Document, Post, UseSettings, body_of
from tests.key_server import (
    EC_KEY,
    ED_KEY,
    OTHER_RSA_KEY,
    RSA_KEY,
    SHORT_RSA_KEY,
    KeyServer,
    private_jwk,
    public_jwk,
    serving,
)

ISSUER = "https://issuer.example.com/"
AUDIENCE = "up2d8"
USER = "u1"
BODIES: dict[str, Any] = {
    "feedback": {"message_id": "m1", "user_id": USER, "rating": "up"},
    "analytics": {"user_id": USER, "event_type": "page_view", "details": {}},
}
FUNCTIONS = sorted(BODIES)


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    """Return a running key server."""
    with serving(KeyServer()) as server:
        yield server


@pytest.fixture
def auth_on(
    key_server: KeyServer,
    fresh_database: Database[Document],
    mongodb_uri: str,
    use_settings: UseSettings,
) -> Callable[..., None]:
    """Turn tokens on, and return a function that changes the settings."""

    def use(**others: str) -> None:
        tokens.signing_keys.cache_clear()
        use_settings(
            **{
                "MONGODB_URI": mongodb_uri,
                "MONGODB_DATABASE": fresh_database.name,
                "AUTH_ISSUER": ISSUER,
                "AUTH_AUDIENCE": AUDIENCE,
                "AUTH_JWKS_URL": key_server.url,
            }
            | others
        )

    use()
    return use


def claims(**changes: Any) -> Document:
    """Return the claims of a valid token, with changes; None leaves one out."""
    valid = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": USER,
        "iat": int(time.time()),
        "exp": int(time.time()) + 300,
    }
    return {name: value for name, value in (valid | changes).items() if value is not None}


def token(
    key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "rsa", **changes: Any
) -> str:
    """Return a signed token."""
    headers = {} if kid is None else {"kid": kid}
    headers |= changes.pop("headers", {})
    return jwt.encode(claims(**changes), key, algorithm, headers)


def bearer(credentials: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {credentials}"}


def encode(part: Any) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def assert_refused(response: func.HttpResponse, database: Database[Document]) -> None:
    """Fail unless the answer is the 401 of RFC 6750, and nothing is stored."""
    assert response.status_code == 401
    assert response.mimetype == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert body_of(response)["type"] == "urn:up2d8:problem:invalid-token"
    assert_nothing_is_stored(database)


def assert_keys_unavailable(response: func.HttpResponse, database: Database[Document]) -> None:
    """Fail unless the answer is a 503 with `Retry-After`, and nothing is stored."""
    assert response.status_code == 503
    assert body_of(response)["type"] == "urn:up2d8:problem:keys-unavailable"
    assert int(response.headers["Retry-After"]) > 0
    assert_nothing_is_stored(database)


def assert_nothing_is_stored(database: Database[Document]) -> None:
    """Fail if anything is stored."""
    assert database.feedback.count_documents({}) == 0
    assert database.analytics.count_documents({}) == 0


VALID: dict[str, Callable[[], str]] = {
    "RS256": token,
    "ES256": lambda: token(EC_KEY, "ES256", "ec"),
    "EdDSA": lambda: token(ED_KEY, "EdDSA", "ed"),
    "several audiences": lambda: token(aud=["other", AUDIENCE]),
    "expired within the leeway": lambda: token(exp=int(time.time()) - 50),
    "valid soon within the leeway": lambda: token(nbf=int(time.time()) + 50),
    "issued within the leeway": lambda: token(iat=int(time.time()) + 50),
    "other keys named in the header are ignored": lambda: token(
        headers={"jku": "http://127.0.0.1:1/", "jwk": public_jwk(OTHER_RSA_KEY, "rsa")}
    ),
}


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize("make", VALID.values(), ids=VALID)
@pytest.mark.parametrize("function", FUNCTIONS)
async def test_accepts(
    post: Post, fresh_database: Database[Document], function: str, make: Callable[[], str]
) -> None:
    response = await post(function, BODIES[function], bearer(make()))

    assert response.status_code < 300, response.get_body()
    assert fresh_database[function].count_documents({"user_id": USER}) == 1


def tampered() -> str:
    """Return a token whose payload was changed after it was signed."""
    header, _, signature = token().split(".")
    return f"{header}.{encode(claims(sub='u2'))}.{signature}"


def signed_with_the_public_key() -> str:
    """Return an HS256 token whose secret is the public RSA key, which everybody knows."""
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hmac = jwt.get_algorithm_by_name("HS256")
    signing_input = f"{encode({'alg': 'HS256', 'kid': 'rsa'})}.{encode(claims())}"
    signature = base64.urlsafe_b64encode(hmac.sign(signing_input.encode(), public)).decode()
    return f"{signing_input}.{signature.rstrip('=')}"


INVALID: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=int(time.time()) - 70),
    "not yet valid": lambda: token(nbf=int(time.time()) + 70),
    "issued in the future": lambda: token(iat=int(time.time()) + 70),
    "wrong issuer": lambda: token(iss="https://other.example.com/"),
    "wrong audience": lambda: token(aud="other"),
    "without exp": lambda: token(exp=None),
    "without iss": lambda: token(iss=None),
    "without aud": lambda: token(aud=None),
    "without the user": lambda: token(sub=None),
    "empty user": lambda: token(sub=""),
    "exp of another type": lambda: token(exp="soon"),
    "exp without an end": lambda: token(exp=float("inf")),
    "alg none": lambda: f"{encode({'alg': 'none', 'kid': 'rsa'})}.{encode(claims())}.",
    "HS256 signed with the public key": signed_with_the_public_key,
    "HS256 with a secret": lambda: token("secret" * 10, "HS256"),
    "RS256 with the id of an EC key": lambda: token(kid="ec"),
    "ES256 with the id of an RSA key": lambda: token(EC_KEY, "ES256"),
    "another algorithm than the key's": lambda: token(algorithm="PS256"),
    "tampered payload": tampered,
    "signed with another key": lambda: token(OTHER_RSA_KEY),
    "signed with the key in its header": lambda: token(
        OTHER_RSA_KEY, headers={"jwk": public_jwk(OTHER_RSA_KEY, "rsa")}
    ),
    "unknown kid": lambda: token(kid="unknown"),
    "without kid": lambda: token(kid=None),
    "kid of another type": lambda: f"{encode({'alg': 'RS256', 'kid': 5})}.{encode({})}.eA",
    "critical extension": lambda: token(headers={"crit": ["x"], "x": 1}),
    "1 MB": lambda: token(padding="x" * 2**20),
    "one part": lambda: "token",
    "five parts": lambda: "a.b.c.d.e",
    "empty parts": lambda: "..",
    "no JSON": lambda: "eA.eA.eA",
    "deep JSON": lambda: f"{base64.b64encode(b'[' * 11_001).decode()}.eA.eA",
}


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize("make", INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("function", FUNCTIONS)
async def test_refuses(
    post: Post, fresh_database: Database[Document], function: str, make: Callable[[], str]
) -> None:
    response = await post(function, BODIES[function], bearer(make()))

    assert_refused(response, fresh_database)


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dTE6c2VjcmV0",
        "Token TOKEN",
        "TOKEN",
        "Bearer TOKEN TOKEN",
        # How the host hands two headers over.
        "Bearer TOKEN,Bearer TOKEN",
        "Bearer TOKEN, Bearer TOKEN",
        "Bearer Bearer TOKEN",
        "BearerTOKEN",
        "Bearer TOKEN\n",
        "Bearer TÖKEN",
    ],
)
@pytest.mark.parametrize("function", FUNCTIONS)
async def test_refuses_other_credentials(
    post: Post, fresh_database: Database[Document], function: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    headers = {name: value.replace("TOKEN", token()) for name, value in headers.items()}

    assert_refused(await post(function, BODIES[function], headers), fresh_database)


@pytest.mark.usefixtures("auth_on")
async def test_takes_the_scheme_in_any_case(post: Post) -> None:
    response = await post("feedback", BODIES["feedback"], {"authorization": f"bEaReR  {token()}"})

    assert response.status_code == 201


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize("function", FUNCTIONS)
async def test_checks_the_token_before_the_body(
    post: Post, fresh_database: Database[Document], function: str
) -> None:
    assert_refused(await post(function, b"no JSON"), fresh_database)
    assert_refused(await post(function, bytes(2**20)), fresh_database)
    assert (await post(function, b"no JSON", bearer(token()))).status_code == 400


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize(
    ("function", "body"),
    [
        ("feedback", BODIES["feedback"] | {"user_id": "u2"}),
        ("analytics", BODIES["analytics"] | {"user_id": "u2"}),
        ("analytics", [BODIES["analytics"], BODIES["analytics"] | {"user_id": "u2"}]),
        ("analytics", [{"user_id": "u2"}, BODIES["analytics"] | {"user_id": "U1"}]),
    ],
)
async def test_refuses_to_write_for_another_user(
    post: Post, fresh_database: Database[Document], function: str, body: Any
) -> None:
    response = await post(function, body, bearer(token()))

    assert response.status_code == 403
    assert response.mimetype == "application/problem+json"
    assert body_of(response)["type"] == "urn:up2d8:problem:other-user"
    assert_nothing_is_stored(fresh_database)


@pytest.mark.usefixtures("auth_on")
async def test_accepts_a_batch_of_the_user(post: Post, fresh_database: Database[Document]) -> None:
    response = await post("analytics", [BODIES["analytics"]] * 3, bearer(token()))

    assert response.status_code == 202
    assert fresh_database.analytics.count_documents({}) == 3


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"oid": USER}, 201), ({"oid": 5}, 401), ({"oid": [USER]}, 401), ({}, 401)],
)
async def test_reads_the_user_from_the_claim_that_is_set(
    post: Post, auth_on: Callable[..., None], changes: Document, status: int
) -> None:
    auth_on(AUTH_USER_CLAIM="oid")
    response = await post("feedback", BODIES["feedback"], bearer(token(sub="another", **changes)))

    assert response.status_code == status


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
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rotated = bearer(token(OTHER_RSA_KEY, kid="rotated"))
    now = time.monotonic()
    monkeypatch.setattr(signing_keys, "monotonic", lambda: now)
    await post("feedback", BODIES["feedback"], bearer(token(sub="u2")))
    key_server.publish(public_jwk(OTHER_RSA_KEY, "rotated"))

    # The keys have just been fetched: whether there is a new one is known at the next fetch.
    for passed, seconds in ((0, 60), (20.5, 40), (39, 1)):
        now += passed
        response = await post("feedback", BODIES["feedback"], rotated)
        assert_keys_unavailable(response, fresh_database)
        assert response.headers["Retry-After"] == str(seconds)
        assert "the key is unknown" in caplog.text
    now += 1
    assert (await post("feedback", BODIES["feedback"], rotated)).status_code == 201
    assert key_server.requests == 2


@pytest.mark.usefixtures("auth_on")
async def test_strangers_have_the_keys_fetched_at_most_once_a_minute(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(signing_keys, "monotonic", lambda: now)
    statuses = []
    for number in range(130):
        stranger = bearer(token(OTHER_RSA_KEY, kid=f"random-{number}"))
        statuses.append((await post("feedback", BODIES["feedback"], stranger)).status_code)
        # Users whose key is known notice nothing.
        response = await post("analytics", BODIES["analytics"], bearer(token()))
        assert response.status_code == 202
        now += 1

    # The one whose token has the keys fetched learns that there is no such key.
    assert [at for at, status in enumerate(statuses) if status == 401] == [0, 60, 120]
    assert set(statuses) == {401, 503}
    assert key_server.requests == 3
    assert fresh_database.feedback.count_documents({}) == 0


@pytest.mark.usefixtures("auth_on")
async def test_a_withdrawn_key_is_refused_after_the_next_fetch(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(signing_keys, "monotonic", lambda: now)
    await post("feedback", BODIES["feedback"], bearer(token(sub="u2")))
    key_server.publish(public_jwk(OTHER_RSA_KEY, "rotated"))
    now += 601

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
async def test_a_token_that_no_key_makes_valid_needs_no_fetch(
    post: Post, fresh_database: Database[Document], key_server: KeyServer, changes: Document
) -> None:
    credentials = token(**({"kid": "unknown"} | changes))

    assert_refused(await post("feedback", BODIES["feedback"], bearer(credentials)), fresh_database)
    assert key_server.requests == 0


@pytest.mark.usefixtures("auth_on")
async def test_forgets_keys_that_it_cannot_fetch_again(
    post: Post,
    fresh_database: Database[Document],
    key_server: KeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(signing_keys, "monotonic", lambda: now)
    assert (await post("feedback", BODIES["feedback"], bearer(token()))).status_code == 201
    fresh_database.feedback.delete_many({})
    key_server.status = 500

    now += 599
    assert (await post("feedback", BODIES["feedback"], bearer(token()))).status_code == 201
    fresh_database.feedback.delete_many({})
    # It may be a new key, or none: without the key server nobody knows.
    unknown = await post("feedback", BODIES["feedback"], bearer(token(kid="unknown")))
    assert_keys_unavailable(unknown, fresh_database)

    now += 2
    response = await post("feedback", BODIES["feedback"], bearer(token()))
    assert_keys_unavailable(response, fresh_database)
    key_server.status = 200
    now += 6
    assert (await post("feedback", BODIES["feedback"], bearer(token()))).status_code == 201
    now += 60
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
@pytest.mark.parametrize("function", FUNCTIONS)
async def test_a_key_server_without_keys_opens_no_door(
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
    # Nor is it asked again at once.
    response = await post(function, BODIES[function], bearer(token()))
    assert_keys_unavailable(response, fresh_database)
    assert key_server.requests == 1


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize(
    "odd",
    [
        5,
        {},
        {"kty": "oct", "kid": "q"},
        {"kty": "RSA", "kid": "q"},
        {"kty": ["RSA"], "kid": "q"},
        public_jwk(RSA_KEY, "q") | {"kid": ["q"]},
        public_jwk(RSA_KEY, "q") | {"alg": {}},
        public_jwk(RSA_KEY, "q") | {"alg": "none"},
        public_jwk(OTHER_RSA_KEY, "rsa") | {"use": "enc"},
        public_jwk(OTHER_RSA_KEY, "rsa") | {"n": "AQAB"},
        public_jwk(OTHER_RSA_KEY, "rsa") | {"e": "AA"},
        public_jwk(OTHER_RSA_KEY, "rsa") | {"n": 5},
        public_jwk(OTHER_RSA_KEY, "rsa") | {"alg": "ES256"},
        public_jwk(EC_KEY, "rsa") | {"y": "AA"},
        public_jwk(EC_KEY, "rsa") | {"crv": "P-1"},
        public_jwk(ED_KEY, "rsa") | {"x": ""},
        {"ciphertext": "eA", "protected": "e30", "kid": "rsa"},
        private_jwk(OTHER_RSA_KEY, "rsa"),
        private_jwk(EC_KEY, "rsa"),
        private_jwk(ED_KEY, "rsa"),
        {"kty": "RSA", "kid": "rsa", "d": "AQAB"},
        public_jwk(SHORT_RSA_KEY, "rsa"),
    ],
)
async def test_an_odd_key_does_not_cost_the_others(
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

    # Alone, they are as good as none.
    tokens.signing_keys.cache_clear()
    key_server.publish(jwk)
    response = await post("feedback", BODIES["feedback"], credentials)
    assert_keys_unavailable(response, fresh_database)


@pytest.mark.timed
@pytest.mark.usefixtures("auth_on")
async def test_a_key_server_that_drips_is_given_up_and_asked_again(
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
async def test_asks_no_token_of_those_who_ask_not_to_be_tracked(
    post: Post, key_server: KeyServer
) -> None:
    assert (await post("analytics", BODIES["analytics"], {"DNT": "1"})).status_code == 202
    assert key_server.requests == 0


async def test_a_key_server_that_is_down_opens_no_door(
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
async def test_a_slow_key_server_holds_up_no_other_request(
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


@pytest.mark.parametrize("missing", ["AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS_URL"])
@pytest.mark.parametrize("function", FUNCTIONS)
async def test_a_check_that_is_half_on_opens_no_door(
    post: Post,
    fresh_database: Database[Document],
    auth_on: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    function: str,
    missing: str,
) -> None:
    auth_on(**{missing: ""})
    response = await post(function, BODIES[function], bearer(token()))

    assert response.status_code == 503
    assert f"missing or wrong setting: {missing}" in caplog.text
    assert_nothing_is_stored(fresh_database)


async def test_a_claim_of_the_user_alone_opens_no_door(
    post: Post,
    fresh_database: Database[Document],
    auth_on: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    auth_on(AUTH_ISSUER="", AUTH_AUDIENCE="", AUTH_JWKS_URL="", AUTH_USER_CLAIM="oid")
    response = await post("feedback", BODIES["feedback"], bearer(token()))

    assert response.status_code == 503
    assert "wrong setting: AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL" in caplog.text
    assert_nothing_is_stored(fresh_database)


async def test_asks_for_no_token_while_it_is_off(
    post: Post, fresh_database: Database[Document]
) -> None:
    response = await post("feedback", BODIES["feedback"], {"Authorization": "Basic nonsense"})

    assert response.status_code == 201
    assert fresh_database.feedback.count_documents({}) == 1
