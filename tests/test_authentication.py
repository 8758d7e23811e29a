"""Bearer tokens: valid and invalid ones, and the users they allow."""

import base64
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pymongo.database import Database

from tests.support.documents import Document
from tests.support.functions import BODIES, NAMES, Post, body_of
from tests.support.key_server import (
    EC_KEY,
    ED_KEY,
    OTHER_RSA_KEY,
    RSA_KEY,
    public_jwk,
)
from tests.support.tokens import (
    AUDIENCE,
    USER,
    assert_nothing_is_stored,
    assert_refused,
    bearer,
    claims,
    encode,
    token,
)

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
@pytest.mark.parametrize("function", NAMES)
async def test_accepts(
    post: Post, fresh_database: Database[Document], function: str, make: Callable[[], str]
) -> None:
    response = await post(function, BODIES[function], bearer(make()))

    assert response.status_code < 300, response.get_body()
    assert fresh_database[function].count_documents({"user_id": USER}) == 1


def tampered() -> str:
    """Return a token with its payload changed after signing."""
    header, _, signature = token().split(".")
    return f"{header}.{encode(claims(sub='u2'))}.{signature}"


def signed_with_the_public_key() -> str:
    """Return an HS256 token with the public RSA key as its secret."""
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
@pytest.mark.parametrize("function", NAMES)
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
        # The host joins two headers like this.
        "Bearer TOKEN,Bearer TOKEN",
        "Bearer TOKEN, Bearer TOKEN",
        "Bearer Bearer TOKEN",
        "BearerTOKEN",
        "Bearer TOKEN\n",
        "Bearer TÖKEN",
    ],
)
@pytest.mark.parametrize("function", NAMES)
async def test_refuses_other_credentials(
    post: Post, fresh_database: Database[Document], function: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    headers = {name: value.replace("TOKEN", token()) for name, value in headers.items()}

    assert_refused(await post(function, BODIES[function], headers), fresh_database)


@pytest.mark.usefixtures("auth_on")
async def test_accepts_the_scheme_in_any_case(post: Post) -> None:
    response = await post("feedback", BODIES["feedback"], {"authorization": f"bEaReR  {token()}"})

    assert response.status_code == 201


@pytest.mark.usefixtures("auth_on")
@pytest.mark.parametrize("function", NAMES)
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
async def test_reads_the_user_from_the_configured_claim(
    post: Post, auth_on: Callable[..., None], changes: Document, status: int
) -> None:
    auth_on(AUTH_USER_CLAIM="oid")
    response = await post("feedback", BODIES["feedback"], bearer(token(sub="another", **changes)))

    assert response.status_code == status


@pytest.mark.parametrize("missing", ["AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS_URL"])
@pytest.mark.parametrize("function", NAMES)
async def test_incomplete_settings_refuse_every_request(
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


async def test_the_user_claim_alone_refuses_every_request(
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


async def test_requires_no_token_while_tokens_are_off(
    post: Post, fresh_database: Database[Document]
) -> None:
    response = await post("feedback", BODIES["feedback"], {"Authorization": "Basic nonsense"})

    assert response.status_code == 201
    assert fresh_database.feedback.count_documents({}) == 1
