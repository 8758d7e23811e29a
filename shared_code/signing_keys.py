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
            InvalidToken: the issuer has no such key.
            KeysUnavailable: the keys cannot be fetched.
        """
        if not self._is_fresh() or key_id not in self._keys:
            await self._refresh_in_time()
        key = self._keys.get(key_id) if self._is_fresh() else None
        if key is not None:
            return key
        if self._failure:
            raise KeysUnavailable(self._failure)
        raise InvalidToken

    def _is_fresh(self) -> bool:
        return monotonic() - self._fetched < LIFETIME_SECONDS

    async def _refresh_in_time(self) -> None:
        refresh = asyncio.get_running_loop().run_in_executor(self._thread, self._refresh)
        try:
            await asyncio.wait_for(refresh, FETCH_SECONDS + GRACE_SECONDS)
        except TimeoutError:
            raise KeysUnavailable("TimeoutError") from None

    def _refresh(self) -> None:
        pause = UNKNOWN_KEY_SECONDS if self._is_fresh() else FAILURE_SECONDS
        if monotonic() - self._attempted < pause:
            return
        self._attempted = monotonic()
        try:
            self._keys = usable_keys(fetch(self._url))
            self._fetched, self._failure = self._attempted, ""
        except Exception as error:  # noqa: BLE001 (whatever a key server does, no door opens)
            detail = f": {error}" if isinstance(error, OSError) else ""
            self._failure = f"{type(error).__name__}{detail}"


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
        try:
            if jwk["kty"] in ASYMMETRIC and jwk.get("use", "sig") == "sig":
                keys.setdefault(str(jwk["kid"]), PyJWK(jwk))
        except Exception:  # noqa: BLE001, S112 (one odd key must not cost the others)
            continue
    if not keys:
        raise ValueError
    return keys
