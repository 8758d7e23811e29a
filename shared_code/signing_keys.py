"""The keys with which an issuer signs its tokens: fetched, cached, fetched again."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from jwt import PyJWK, PyJWKClient, PyJWTError

from shared_code.problems import InvalidToken, KeysUnavailable

FETCH_SECONDS = 2
GRACE_SECONDS = 0.5
# A key that the issuer withdrew is not accepted for longer.
LIFETIME_SECONDS = 600
# How soon after a fetch the keys are fetched again: for an unknown key, and after a failure.
UNKNOWN_KEY_SECONDS = 60
FAILURE_SECONDS = 5


class SigningKeys:
    """The keys that are published as a JWK Set (RFC 7517, section 5) at one URL.

    They are fetched in a thread of their own, one fetch at a time, so that neither other requests
    nor other uses of threads wait for a slow key server.
    """

    def __init__(self, url: str) -> None:
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_SECONDS)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="signing-keys")
        self._keys: dict[str | None, PyJWK] = {}
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
        if self._is_fresh() and key_id in self._keys:
            return self._keys[key_id]
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
        pause = FAILURE_SECONDS if self._failure or not self._is_fresh() else UNKNOWN_KEY_SECONDS
        if monotonic() - self._attempted < pause:
            return
        self._attempted = monotonic()
        try:
            self._keys = {key.key_id: key for key in self._client.get_signing_keys()}
            self._fetched, self._failure = self._attempted, ""
        except (PyJWTError, OSError, ValueError, RecursionError) as error:
            self._failure = type(error).__name__
