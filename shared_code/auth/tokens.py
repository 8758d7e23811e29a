"""Bearer tokens: signed JWTs (RFC 7519) of the issuer in the settings."""

from functools import cache
from typing import Any

import jwt
from jwt.types import Options

from shared_code.auth.signing_keys import SigningKeys
from shared_code.problems import InvalidToken
from shared_code.settings import get_settings

# Only asymmetric ones: with a symmetric one, whoever can verify a token can also forge one.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
LEEWAY_SECONDS = 60
# Without a signature to verify, PyJWT checks only the claims listed here.
CHECKS: Options = {
    "require": ["exp", "iss", "aud"],
    "verify_exp": True,
    "verify_nbf": True,
    "verify_iat": True,
    "verify_iss": True,
    "verify_aud": True,
}


@cache
def signing_keys(url: str) -> SigningKeys:
    """Return the cached keys that an issuer publishes at `url`."""
    return SigningKeys(url)


async def verified_user(token: str) -> str:
    """Return the user of `token`.

    Raises:
        InvalidToken: it is not valid, or names no user.
        KeysUnavailable: the issuer's keys cannot be fetched, or not again so soon.
    """
    settings = get_settings()
    keys = signing_keys(str(settings.auth_jwks_url))
    try:
        # Not verified yet: only the key's id is read.
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if not key_id or header.get("alg") not in ALGORITHMS:
            raise InvalidToken
        if not keys.has(key_id):
            # No key makes an expired or a foreign token valid, so do not fetch keys for one.
            checked_claims(token)
        claims = checked_claims(token, await keys.find(key_id))
    except jwt.InvalidTokenError:
        raise InvalidToken from None
    user = claims.get(settings.auth_user_claim)
    if not isinstance(user, str) or not user:
        raise InvalidToken
    return user


def checked_claims(token: str, key: jwt.PyJWK | None = None) -> dict[str, Any]:
    """Return the claims of a token that is valid now, and signed by `key` if that is given.

    Raises:
        jwt.InvalidTokenError: it is not.
    """
    settings = get_settings()
    return jwt.decode(
        token,
        key or "",
        algorithms=ALGORITHMS,
        issuer=settings.auth_issuer,
        audience=settings.auth_audience,
        leeway=LEEWAY_SECONDS,
        options={"verify_signature": key is not None, **CHECKS},
    )
