"""Who sends a request: the user of a bearer token (RFC 6750), or anyone while tokens are off."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import azure.functions as func

from shared_code.problems import InvalidToken, OtherUser
from shared_code.settings import get_settings
from shared_code.validation import Document

# The syntax of RFC 6750, section 2.1. No honest token is longer: hosts bound all headers to 32 KiB.
CREDENTIALS = re.compile(r"Bearer +([A-Za-z0-9._~+/-]{1,16384}=*)", flags=re.IGNORECASE)


class Caller(NamedTuple):
    """The sender of a request; `user_id` is None where tokens are not asked for."""

    user_id: str | None

    def check(self, documents: Iterable[Document]) -> None:
        """Let the caller write these documents.

        Raises:
            OtherUser: one is of another user.
        """
        if self.user_id is not None and any(
            document.fields["user_id"] != self.user_id for document in documents
        ):
            raise OtherUser


ANYONE = Caller(None)


async def authenticate(req: func.HttpRequest) -> Caller:
    """Return who sends the request.

    Raises:
        InvalidToken: tokens are asked for, and the request has no valid one.
        KeysUnavailable: the issuer's keys cannot be fetched.
        ConfigurationError: the settings are not complete.
    """
    if get_settings().auth_issuer is None:
        return ANYONE
    # Not even imported while tokens are off: PyJWT and cryptography cost cold start.
    from shared_code.tokens import verified_user  # noqa: PLC0415

    credentials = CREDENTIALS.fullmatch(req.headers.get("Authorization", ""))
    if credentials is None:
        raise InvalidToken
    return Caller(await verified_user(credentials[1]))
