"""A key server on loopback, and its keys."""

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.support.documents import Document
from tests.support.http_servers import serving as serving_http

RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_RSA_KEY = rsa.generate_private_key(65537, 2040)  # noqa: S505 (must be refused)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def public_jwk(key: Key, kid: str) -> Document:
    """Return a key as key servers publish it."""
    return jwk(key.public_key()) | {"kid": kid, "use": "sig"}


def private_jwk(key: Key, kid: str) -> Document:
    """Return a key as no key server should publish it."""
    return jwk(key) | {"kid": kid, "use": "sig"}


def jwk(key: Any) -> Document:
    """Return a key as a JWK."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return RSAAlgorithm.to_jwk(key, as_dict=True)
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return ECAlgorithm.to_jwk(key, as_dict=True)
    return OKPAlgorithm.to_jwk(key, as_dict=True)


class KeyServer:
    """A key server with configurable responses that counts its requests."""

    def __init__(self) -> None:
        self.requests = 0
        self.delay = 0.0
        self.drip = False
        self.status = 200
        self.body = b""
        self.url = ""
        self.publish(public_jwk(RSA_KEY, "rsa"), public_jwk(EC_KEY, "ec"), public_jwk(ED_KEY, "ed"))

    def publish(self, *keys: Document) -> None:
        """Respond with this set of keys from now on."""
        self.body = json.dumps({"keys": keys}).encode()


@contextmanager
def serving(server: KeyServer) -> Iterator[KeyServer]:
    """Serve HTTP on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests += 1
            time.sleep(server.delay)
            self.send_response(server.status)
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(30 * server.drip):
                    self.wfile.write(b" ")
                    time.sleep(0.2)
                self.wfile.write(server.body)

    with serving_http(Handler) as port:
        server.url = f"http://127.0.0.1:{port}/jwks"
        yield server
