"""An HTTP/1.1 load generator with keep-alive, light enough that the server is the bottleneck."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter

TIMEOUT_SECONDS = 10
START_SECONDS = 30
STORED = {201, 202}
HEAD_END = b"\r\n\r\n"

Body = Callable[[], bytes]


@dataclass
class Load:
    """The requests of one round: their latencies and their rate."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0

    @property
    def rate(self) -> float:
        """The requests a second."""
        return len(self.latencies) / self.seconds


class Connection(asyncio.Protocol):
    """A connection that sends one request at a time."""

    def __init__(self) -> None:
        self.received = b""
        self.response: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for writing requests."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (for mypy)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand over the status once the whole response has arrived."""
        self.received += data
        head, end, body = self.received.partition(HEAD_END)
        if end and len(body) == content_length(head):
            self.received = b""
            self.response.set_result(int(head.split(None, 2)[1]))

    def connection_lost(self, error: Exception | None) -> None:
        """Fail a pending request."""
        if not self.response.done():
            self.response.set_exception(error or ConnectionError("closed without a response"))

    async def post(self, path: str, body: bytes, header: bytes = b"") -> int:
        """Send a request and return the response's status; `header` is a header line."""
        self.response = asyncio.get_running_loop().create_future()
        self.transport.write(
            b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%b"
            b"Content-Length: %d\r\n\r\n%b" % (path.encode(), header, len(body), body)
        )
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self.response


def content_length(head: bytes) -> int:
    """Return the length of the response's body."""
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])


async def connect(port: int) -> Connection:
    """Open a connection to a server on this machine."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


async def first_response(port: int, path: str, body: bytes) -> None:
    """Wait until a starting server confirms that it stored something.

    Raises:
        TimeoutError: it takes too long.
    """
    async with asyncio.timeout(START_SECONDS):
        while True:
            with suppress(ConnectionError):
                connection = await connect(port)
                status = await connection.post(path, body)
                connection.transport.close()
                if status in STORED:
                    return
            await asyncio.sleep(0.005)


async def send(port: int, path: str, body: Body, connections: int, seconds: float) -> Load:
    """Keep `connections` busy for `seconds`.

    Raises:
        RuntimeError: a request failed.
    """
    load = Load()
    opened = [await connect(port) for _ in range(connections)]
    start = perf_counter()
    await asyncio.gather(*(send_on(each, path, body, load, start + seconds) for each in opened))
    load.seconds = perf_counter() - start
    for each in opened:
        each.transport.close()
    return load


async def send_on(
    connection: Connection, path: str, body: Body, load: Load, deadline: float
) -> None:
    """Send one request after another until the deadline."""
    while (start := perf_counter()) < deadline:
        status = await connection.post(path, body())
        load.latencies.append(perf_counter() - start)
        if status not in STORED:
            raise RuntimeError(f"{path}: status {status}")
