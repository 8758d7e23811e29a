"""A key server on loopback, and the keys that it publishes."""

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.conftest import Document

RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, kid: str) -> Document:
    """Return a key as a key server publishes it."""
    if isinstance(key, rsa.RSAPrivateKey):
        public: Document = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return public | {"kid": kid, "use": "sig"}


class KeyServer:
    """A key server that answers what a test tells it to, and counts its requests."""

    def __init__(self) -> None:
        self.requests = 0
        self.delay = 0.0
        self.drip = False
        self.status = 200
        self.body = b""
        self.url = ""
        self.publish(public_jwk(RSA_KEY, "rsa"), public_jwk(EC_KEY, "ec"))

    def publish(self, *keys: Document) -> None:
        """Answer this set of keys from now on."""
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

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_port}/jwks"
        Thread(target=http.serve_forever, args=[0.01]).start()
        yield server
        http.shutdown()
