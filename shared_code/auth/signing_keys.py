"""The issuer's signing keys, fetched from its JWK Set and cached."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from socket import SHUT_RDWR, socket
from threading import Timer
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from jwt import PyJWK

from shared_code.problems import InvalidToken, KeysUnavailable

FETCH_SECONDS = 2
GRACE_SECONDS = 0.5
MAXIMUM_BYTES = 512 * 1024
# A withdrawn key is accepted for at most this long.
LIFETIME_SECONDS = 600
# The pause before the next fetch: for an unknown key, and after a failure.
UNKNOWN_KEY_SECONDS = 60
FAILURE_SECONDS = 5

ASYMMETRIC = ("RSA", "EC", "OKP")
# Required by RFC 7518, section 3.3.
MINIMUM_RSA_BITS = 2048


class SigningKeys:
    """The keys in the JWK Set (RFC 7517, section 5) at one URL.

    One thread fetches them, so that a slow key server delays nothing else.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="signing-keys")
        self._keys: dict[str, PyJWK] = {}
        self._fetched = self._attempted = -float("inf")
        self._failure = ""

    async def find(self, key_id: str) -> PyJWK:
        """Return the key with this id.

        Raises:
            InvalidToken: the issuer has no such key, as this call's fetch showed.
            KeysUnavailable: the keys cannot be fetched, or not again so soon.
        """
        if self.has(key_id):
            return self._keys[key_id]
        was_fetched = await self._refresh_in_time()
        if self.has(key_id):
            return self._keys[key_id]
        if was_fetched:
            raise InvalidToken
        # It may be a new key. Clients take a 401 as final, so a stranger's token with a random id,
        # which triggers a fetch, would lock out the users of a key that was rotated in just after.
        cause = self._failure or "the key is unknown, and the keys were fetched a moment ago"
        raise KeysUnavailable(cause, seconds=self._seconds_until_refresh())

    def has(self, key_id: str) -> bool:
        """Say whether the key is cached."""
        return key_id in self._keys and self._is_fresh()

    def _is_fresh(self) -> bool:
        return monotonic() - self._fetched < LIFETIME_SECONDS

    def _seconds_until_refresh(self) -> float:
        pause = UNKNOWN_KEY_SECONDS if self._is_fresh() else FAILURE_SECONDS
        return self._attempted + pause - monotonic()

    async def _refresh_in_time(self) -> bool:
        refresh = asyncio.get_running_loop().run_in_executor(self._thread, self._refresh)
        try:
            return await asyncio.wait_for(refresh, FETCH_SECONDS + GRACE_SECONDS)
        except TimeoutError:
            raise KeysUnavailable("TimeoutError") from None

    def _refresh(self) -> bool:
        """Fetch the keys, unless it is too soon; return whether they were fetched."""
        if self._seconds_until_refresh() > 0:
            return False
        self._attempted = monotonic()
        try:
            self._keys = usable_keys(fetch(self._url))
            self._fetched, self._failure = self._attempted, ""
        except Exception as error:  # noqa: BLE001 (any failure must refuse tokens)
            detail = f": {error}" if isinstance(error, OSError) else ""
            self._failure = f"{type(error).__name__}{detail}"
        return not self._failure


def fetch(url: str) -> bytes:
    """Return the body of a JWK Set, within `FETCH_SECONDS` and `MAXIMUM_BYTES`.

    Raises:
        OSError, http.client.HTTPException: no answer, another status than 200, or too many bytes.
    """
    target = urlsplit(url)
    connect = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = connect(target.netloc, timeout=FETCH_SECONDS)
    connection.connect()
    # A connection's timeout restarts with every byte that arrives.
    deadline = Timer(FETCH_SECONDS, interrupt, [connection.sock])
    deadline.start()
    try:
        connection.request("GET", target._replace(scheme="", netloc="", fragment="").geturl())
        response = connection.getresponse()
        body = response.read(MAXIMUM_BYTES + 1)
    finally:
        deadline.cancel()
        connection.close()
    if response.status != HTTPStatus.OK or len(body) > MAXIMUM_BYTES:
        raise OSError(f"status {response.status}, {len(body)} bytes")
    return body


def interrupt(connection: socket) -> None:
    """Wake another thread that waits on `connection`."""
    with suppress(OSError):
        connection.shutdown(SHUT_RDWR)


def usable_keys(body: bytes) -> dict[str, PyJWK]:
    """Return the usable keys of a JWK Set by their ids.

    Raises:
        ValueError: there are none.
    """
    keys: dict[str, PyJWK] = {}
    for jwk in json.loads(body)["keys"]:
        # An unusable key must not cost the others.
        with suppress(Exception):
            if is_for_signatures(jwk) and is_strong(key := PyJWK(jwk)):
                keys.setdefault(str(jwk["kid"]), key)
    if not keys:
        raise ValueError
    return keys


def is_for_signatures(jwk: dict[str, Any]) -> bool:
    """Say whether a key is public and verifies signatures.

    PyJWT cannot verify with a private key (RFC 7518, section 6), and a published one is burnt.
    """
    return jwk["kty"] in ASYMMETRIC and "d" not in jwk and jwk.get("use", "sig") == "sig"


def is_strong(key: PyJWK) -> bool:
    """Say whether a key is long enough. Only RSA has keys that are too short."""
    return key.key_type != "RSA" or key.key.key_size >= MINIMUM_RSA_BITS
