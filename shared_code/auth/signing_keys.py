"""The keys with which an issuer signs its tokens: fetched, cached, fetched again."""

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
# A key that the issuer withdrew is not accepted for longer.
LIFETIME_SECONDS = 600
# How soon after a fetch the keys are fetched again: for an unknown key, and while there are none.
UNKNOWN_KEY_SECONDS = 60
FAILURE_SECONDS = 5

ASYMMETRIC = ("RSA", "EC", "OKP")
# What NIST SP 800-131A still allows, and RFC 7518, section 3.3, demands.
MINIMUM_RSA_BITS = 2048


class SigningKeys:
    """The keys that are published as a JWK Set (RFC 7517, section 5) at one URL.

    They are fetched in a thread of their own, one fetch at a time, so that neither other requests
    nor other uses of threads wait for a slow key server.
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
            InvalidToken: the issuer has no such key, as a fetch for this call showed.
            KeysUnavailable: the keys cannot be fetched, or not again yet.
        """
        if self.has(key_id):
            return self._keys[key_id]
        was_fetched = await self._refresh_in_time()
        if self.has(key_id):
            return self._keys[key_id]
        if was_fetched:
            raise InvalidToken
        # It may be a new key. A 401 would be taken for final, and so a stranger's token with a
        # random id, which has the keys fetched, would lock out the users of the next new key.
        cause = self._failure or "the key is unknown, and the keys were fetched a moment ago"
        raise KeysUnavailable(cause, seconds=self._seconds_until_refresh())

    def has(self, key_id: str) -> bool:
        """Say whether the key is known, without a fetch."""
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
        """Fetch the keys, unless that was done a moment ago; return whether they were fetched."""
        if self._seconds_until_refresh() > 0:
            return False
        self._attempted = monotonic()
        try:
            self._keys = usable_keys(fetch(self._url))
            self._fetched, self._failure = self._attempted, ""
        except Exception as error:  # noqa: BLE001 (whatever a key server does, no door opens)
            detail = f": {error}" if isinstance(error, OSError) else ""
            self._failure = f"{type(error).__name__}{detail}"
        return not self._failure


def fetch(url: str) -> bytes:
    """Return what a key server publishes, within `FETCH_SECONDS` and `MAXIMUM_BYTES`.

    Raises:
        OSError, http.client.HTTPException: it does not answer, or not with a 200, or too much.
    """
    target = urlsplit(url)
    connect = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = connect(target.netloc, timeout=FETCH_SECONDS)
    connection.connect()
    # The time-out of a connection is that of each byte, and a server may send a byte now and then.
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
    """End whatever another thread waits for at `connection`."""
    with suppress(OSError):
        connection.shutdown(SHUT_RDWR)


def usable_keys(body: bytes) -> dict[str, PyJWK]:
    """Return the public signing keys of a JWK Set by their ids, without those that are odd.

    Raises:
        ValueError: there is none.
    """
    keys: dict[str, PyJWK] = {}
    for jwk in json.loads(body)["keys"]:
        # One odd key must not cost the others.
        with suppress(Exception):
            if is_for_signatures(jwk) and is_strong(key := PyJWK(jwk)):
                keys.setdefault(str(jwk["kid"]), key)
    if not keys:
        raise ValueError
    return keys


def is_for_signatures(jwk: dict[str, Any]) -> bool:
    """Say whether a key is public, and verifies signatures.

    A private one (RFC 7518, section 6) cannot verify with PyJWT, and is not private any more.
    """
    return jwk["kty"] in ASYMMETRIC and "d" not in jwk and jwk.get("use", "sig") == "sig"


def is_strong(key: PyJWK) -> bool:
    """Say whether a key is long enough; the other kinds than RSA have no short ones."""
    return key.key_type != "RSA" or key.key.key_size >= MINIMUM_RSA_BITS
