"""The caller: the user of a bearer token (RFC 6750), or anyone while tokens are off."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import azure.functions as func

from shared_code.problems import InvalidToken, OtherUser
from shared_code.settings import get_settings
from shared_code.validation import Write

# The syntax of RFC 6750, section 2.1. Hosts bound all headers to 32 KiB, so no valid token is
# longer.
CREDENTIALS = re.compile(r"Bearer +([A-Za-z0-9._~+/-]{1,16384}=*)", flags=re.IGNORECASE)


class Caller(NamedTuple):
    """The sender of a request; `user_id` is None while tokens are off."""

    user_id: str | None

    def check(self, writes: Iterable[Write]) -> None:
        """Check that the caller may write these documents.

        Raises:
            OtherUser: one of them names another user.
        """
        if self.user_id is not None and any(
            write.document["user_id"] != self.user_id for write in writes
        ):
            raise OtherUser


ANYONE = Caller(None)


async def authenticate(req: func.HttpRequest) -> Caller:
    """Return the caller.

    Raises:
        InvalidToken: tokens are on, and the request has no valid one.
        KeysUnavailable: the issuer's keys cannot be fetched.
        ConfigurationError: the settings are not complete.
    """
    if get_settings().auth_issuer is None:
        return ANYONE
    # Imported only when tokens are on: PyJWT and cryptography slow a cold start.
    from shared_code.auth.tokens import verified_user  # noqa: PLC0415

    credentials = CREDENTIALS.fullmatch(req.headers.get("Authorization", ""))
    if credentials is None:
        raise InvalidToken
    return Caller(await verified_user(credentials[1]))
