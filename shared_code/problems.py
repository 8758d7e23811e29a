"""Every way a request can fail: an exception with a status and a problem type (RFC 9457) each."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import ClassVar, NamedTuple
from urllib.parse import quote

# Keys may be as long as the body, so pointers are truncated to this many characters.
MAXIMUM_POINTER = 200

# The default of `Retry-After`.
RETRY_SECONDS = 5

# The characters of a URI fragment that need no escape (RFC 3986, section 3.5), without "/" and "?".
FRAGMENT_CHARACTERS = "!$&'()*+,;=:@"


class FieldError(NamedTuple):
    """A wrong field: its path from the body's root, and the error."""

    path: tuple[str | int, ...]
    detail: str

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer in URI-fragment form, such as ``#/rating`` (RFC 6901, 6).

        Truncated to whole tokens of at most 200 characters in all.
        """
        pointer = "#"
        for token in self.path:
            longer = f"{pointer}/{escape(str(token))}"
            if len(longer) > MAXIMUM_POINTER:
                break
            pointer = longer
        return pointer

    def under(self, index: int) -> "FieldError":
        """Return this error of one object as an error of the array that holds it at `index`."""
        return FieldError((index, *self.path), self.detail)


def escape(token: str) -> str:
    """Return a part of a JSON Pointer in its URI-fragment form."""
    if token.isalnum() and token.isascii():
        return token
    escaped = token[:MAXIMUM_POINTER].replace("~", "~0").replace("/", "~1")
    return quote(escaped, safe=FRAGMENT_CHARACTERS)


class Problem(Exception):
    """A failure that the client sees, as a problem document."""

    status: ClassVar[int]
    name: ClassVar[str]
    title: ClassVar[str]

    seconds_taken: float = 0
    """The time for finding the problem, unless that was in a turn."""

    def __init__(
        self,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers


class MalformedBody(Problem):
    """The body is neither JSON nor JSON in gzip."""

    status, name, title = 400, "malformed-body", "The body cannot be read"


class InvalidToken(Problem):
    """The request has no valid bearer token (RFC 6750, section 3.1)."""

    status, name, title = 401, "invalid-token", "A valid token is required"

    def __init__(self) -> None:
        super().__init__(
            "Send Authorization: Bearer with a valid token of this service's issuer.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )


class OtherUser(Problem):
    """The token's user is not the body's."""

    status, name, title = 403, "other-user", "The token is of another user"

    def __init__(self) -> None:
        super().__init__("Nothing was stored. Each user_id must be the token's user.")


class BodyTooLarge(Problem):
    """The body is larger than `limit` bytes, as sent or inflated."""

    status, name, title = 413, "body-too-large", "The body is too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"At most {limit} bytes are accepted here.")


class UnsupportedEncoding(Problem):
    """The body has a content coding other than gzip (RFC 9110, section 15.5.16)."""

    status, name, title = 415, "unsupported-encoding", "The content encoding is not supported"

    def __init__(self) -> None:
        super().__init__(
            "Send the body as it is, or with Content-Encoding: gzip.",
            headers={"Accept-Encoding": "gzip"},
        )


class InvalidFields(Problem):
    """Fields are missing, unknown or wrong, or MongoDB cannot hold them."""

    status, name, title = 422, "invalid-fields", "Some fields are not valid"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("Nothing was stored. What is wrong is listed in errors.", errors)


class Unavailable(Problem):
    """A dependency failed. `cause` and MongoDB's `code` are for the log.

    `Retry-After` is `seconds`, rounded up. Browsers hide it from pages of other origins unless it
    is exposed.
    """

    status = 503

    def __init__(self, cause: str, code: int | None = None, seconds: float = RETRY_SECONDS) -> None:
        super().__init__(
            "The write was not confirmed. Send the same request again later.",
            headers={
                "Retry-After": str(max(1, ceil(seconds))),
                "Access-Control-Expose-Headers": "Retry-After",
            },
        )
        self.cause = cause
        self.code = code


class StoreUnavailable(Unavailable):
    """MongoDB could not acknowledge the write in time."""

    name, title = "store-unavailable", "The store is unavailable"


class KeysUnavailable(Unavailable):
    """The issuer's keys cannot be fetched, or not again so soon for an unknown key."""

    name, title = "keys-unavailable", "Tokens cannot be checked"


class InternalError(Problem):
    """A bug in this service."""

    status, name, title = 500, "internal-error", "Internal error"

    def __init__(self) -> None:
        super().__init__("The request could not be handled. The failure has been logged.")
