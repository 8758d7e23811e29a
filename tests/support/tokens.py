"""Bearer tokens of an issuer, and the responses to invalid ones."""

import base64
import json
import time
from typing import Any

import azure.functions as func
import jwt
from pymongo.database import Database

from tests.support.documents import Document
from tests.support.functions import body_of
from tests.support.key_server import (
    RSA_KEY,
)

ISSUER = "https://issuer.example.com/"
AUDIENCE = "up2d8"
USER = "u1"


def claims(**changes: Any) -> Document:
    """Return the claims of a valid token, with changes; None removes one."""
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
    """Return the header with a token."""
    return {"Authorization": f"Bearer {credentials}"}


def encode(part: Any) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def assert_refused(response: func.HttpResponse, database: Database[Document]) -> None:
    """Fail unless the response is the 401 of RFC 6750, and nothing is stored."""
    assert response.status_code == 401
    assert response.mimetype == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert body_of(response)["type"] == "urn:up2d8:problem:invalid-token"
    assert_nothing_is_stored(database)


def assert_keys_unavailable(response: func.HttpResponse, database: Database[Document]) -> None:
    """Fail unless the response is a 503 with `Retry-After`, and nothing is stored."""
    assert response.status_code == 503
    assert body_of(response)["type"] == "urn:up2d8:problem:keys-unavailable"
    assert int(response.headers["Retry-After"]) > 0
    assert_nothing_is_stored(database)


def assert_nothing_is_stored(database: Database[Document]) -> None:
    """Fail if anything is stored."""
    assert database.feedback.count_documents({}) == 0
    assert database.analytics.count_documents({}) == 0
