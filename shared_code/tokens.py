"""Verifying bearer tokens: signed JWTs (RFC 7519) of the one issuer that the settings name."""

from functools import cache
from typing import Any

import jwt

from shared_code.problems import InvalidToken
from shared_code.settings import get_settings
from shared_code.signing_keys import SigningKeys

# Asymmetric ones only: with a symmetric one, whoever can check a token can also make one.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
LEEWAY_SECONDS = 60


@cache
def signing_keys(url: str) -> SigningKeys:
    """Return the cached keys of the issuer that publishes them at `url`."""
    return SigningKeys(url)


async def verified_user(token: str) -> str:
    """Return the user that `token` was issued to.

    Raises:
        InvalidToken: it is not valid, here and now, for one user.
        KeysUnavailable: the issuer's keys cannot be fetched.
    """
    settings = get_settings()
    try:
        # Of the header, which is not verified yet, only the key's id counts.
        key_id = jwt.get_unverified_header(token).get("kid", "")
        key = await signing_keys(str(settings.auth_jwks_url)).find(key_id)
        claims = verified_claims(token, key)
    except jwt.InvalidTokenError:
        raise InvalidToken from None
    user = claims.get(settings.auth_user_claim)
    if not isinstance(user, str) or not user:
        raise InvalidToken
    return user


def verified_claims(token: str, key: jwt.PyJWK) -> dict[str, Any]:
    """Return the claims of `token` if `key` signed it and it is valid now.

    Raises:
        jwt.InvalidTokenError: it is not.
    """
    settings = get_settings()
    return jwt.decode(
        token,
        key,
        algorithms=ALGORITHMS,
        issuer=settings.auth_issuer,
        audience=settings.auth_audience,
        leeway=LEEWAY_SECONDS,
        options={"require": ["exp", "iss", "aud"]},
    )
