"""An HTTP proxy on loopback that breaks the network between a page and the functions."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto

import h11
import httpx

from local_project.addresses import Address

CHUNK_BYTES = 64 * 1024
# Beyond the patience of any client.
FOREVER = 3600

EXPOSED = {"Access-Control-Expose-Headers": "Retry-After"}
# Of one connection only (RFC 9110, section 7.6.1).
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Fault(Enum):
    """A way to fail."""

    NONE = auto()
    UNAVAILABLE = auto()
    """Each request but a preflight is answered 503 with `Retry-After`."""
    CUT = auto()
    """Each request is served, and the connection aborted before or within the answer."""
    HANG = auto()
    """Requests are read, and nothing follows, not even later."""


class FaultProxy:
    """A proxy at `address` that forwards requests to `server`, or fails them."""

    def __init__(self, client: httpx.AsyncClient, server: str, address: Address) -> None:
        self.client = client
        self.server = server
        self.address = address
        self.url = f"http://{address}"
        self.fault = Fault.NONE
        # Number of requests since the start, preflights included.
        self.requests = 0
        self.listener: asyncio.Server | None = None
        self.writers: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Accept connections."""
        self.listener = await asyncio.start_server(self.accept, self.address.ip, self.address.port)

    def refuse(self) -> None:
        """Refuse connections until `listen`, and abort the open ones."""
        if self.listener:
            self.listener.close()
        for writer in self.writers:
            writer.transport.abort()

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """Refuse connections for the duration of a block."""
        self.refuse()
        yield
        await self.listen()

    @asynccontextmanager
    async def failing(self, fault: Fault) -> AsyncIterator[None]:
        """Fail requests for the duration of a block."""
        self.fault = fault
        yield
        self.fault = Fault.NONE

    async def close(self) -> None:
        """Close everything."""
        self.refuse()
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept a client."""
        task = asyncio.create_task(self.serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.writers.add(writer)
        connection = h11.Connection(h11.SERVER)
        try:
            with suppress(OSError, h11.RemoteProtocolError):
                while request := await read_request(connection, reader):
                    self.requests += 1
                    await self.answer(*request, connection, writer)
                    connection.start_next_cycle()
        finally:
            self.writers.discard(writer)
            writer.transport.abort()

    async def answer(
        self,
        request: h11.Request,
        body: bytes,
        connection: h11.Connection,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Answer one request, or fail it."""
        if self.fault is Fault.HANG:
            await asyncio.sleep(FOREVER)
        is_preflight = request.method == b"OPTIONS"
        if self.fault is Fault.UNAVAILABLE and not is_preflight:
            await send(connection, writer, unavailable(request))
            return
        response = await self.forward(request, body)
        if self.fault is Fault.CUT and not is_preflight:
            # Chromium repeats a request whose answer did not begin on a connection it used before.
            writer.write(random.choice([b"", b"HTTP/1.1 20"]))  # noqa: S311 (not for secrets)
            await writer.drain()
            raise ConnectionAbortedError
        await send(connection, writer, response)

    async def forward(self, request: h11.Request, body: bytes) -> httpx.Response:
        """Return the server's answer."""
        method, url = request.method.decode(), self.server + request.target.decode()
        return await self.client.request(method, url, headers=list(request.headers), content=body)


def unavailable(request: h11.Request) -> httpx.Response:
    """Return a 503 that the page may read."""
    headers = {
        "Access-Control-Allow-Origin": dict(request.headers).get(b"origin", b"*").decode(),
        "Access-Control-Allow-Credentials": "true",
        "Retry-After": "2",
        "Content-Length": "0",
    }
    # Few servers let pages of other origins read `Retry-After`.
    headers |= random.choice([EXPOSED, {}])  # noqa: S311 (not for secrets)
    return httpx.Response(503, headers=headers)


async def read_request(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> tuple[h11.Request, bytes] | None:
    """Return the next whole request and its body, or None at the end."""
    request: h11.Request | None = None
    body = b""
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(await reader.read(CHUNK_BYTES))
            case h11.Request() as event:
                request = event
            case h11.Data(data=data):
                body += data
            case h11.EndOfMessage() if request:
                return request, body
            case _:
                return None


async def send(
    connection: h11.Connection, writer: asyncio.StreamWriter, response: httpx.Response
) -> None:
    """Send an answer to the client."""
    headers = [(name, value) for name, value in response.headers.items() if name not in HOP_BY_HOP]
    events = [
        h11.Response(status_code=response.status_code, headers=headers),
        *([h11.Data(data=response.content)] if response.content else []),
        h11.EndOfMessage(),
    ]
    for event in events:
        writer.write(connection.send(event) or b"")
    await writer.drain()
