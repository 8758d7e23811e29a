"""A network that a test breaks: a TCP proxy on loopback between the functions and MongoDB.

A client of a replica set goes to the addresses that its members name, and so past any proxy, unless
its connection string says `directConnection=true`.
"""

import asyncio
from contextlib import suppress

from local_project.addresses import Address

CHUNK_BYTES = 64 * 1024
TASK_NAME = "network proxy"


class Connection:
    """One client's way to the server and back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.answer_bytes_left: int | None = None
        self.task: asyncio.Task[None] | None = None

    def cut(self) -> None:
        """End it at once, whatever is on its way."""
        self.writer.transport.abort()
        if self.task:
            self.task.cancel()


class NetworkProxy:
    """What stands between the clients of `address` and the server."""

    def __init__(self, server: Address, address: Address) -> None:
        self.server = server
        self.address = address
        self.uri = f"mongodb://{address}/?directConnection=true"
        # What arrives from now on is late by so many seconds, and arrives even if its sender
        # closes the connection meanwhile, as a network delivers late what it had to repeat.
        self.request_delay = 0.0
        self.answer_delay = 0.0
        # How many chunks of requests wait for their time.
        self.delayed = 0
        self.connections: set[Connection] = set()
        self.listener: asyncio.Server | None = None

    async def listen(self) -> None:
        """Let clients connect."""
        self.listener = await asyncio.start_server(self.accept, self.address.ip, self.address.port)

    def refuse(self) -> None:
        """Refuse new connections until `listen`; those that are open stay."""
        if self.listener:
            self.listener.close()

    def cut(self) -> None:
        """End all connections at once."""
        for connection in set(self.connections):
            connection.cut()

    def cut_after(self, size: int) -> None:
        """End each connection that is open as soon as `size` more bytes of answers came through."""
        for connection in self.connections:
            connection.answer_bytes_left = size

    async def close(self) -> None:
        """End everything."""
        self.refuse()
        tasks = [connection.task for connection in self.connections if connection.task]
        self.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take in a client."""
        connection = Connection(reader, writer)
        connection.task = asyncio.create_task(self.carry(connection), name=TASK_NAME)
        self.connections.add(connection)
        connection.task.add_done_callback(lambda _: self.connections.discard(connection))

    async def carry(self, connection: Connection) -> None:
        """Carry what a client and the server say to each other until one of them closes."""
        try:
            reader, writer = await asyncio.open_connection(self.server.ip, self.server.port)
        except OSError:
            connection.writer.transport.abort()
            return
        try:
            await asyncio.gather(
                *(
                    asyncio.create_task(each, name=TASK_NAME)
                    for each in (
                        self.carry_requests(connection, writer),
                        self.carry_answers(reader, connection),
                    )
                )
            )
        finally:
            writer.transport.abort()

    async def carry_requests(self, connection: Connection, writer: asyncio.StreamWriter) -> None:
        """Carry what a client says to the server."""
        with suppress(OSError):
            while chunk := await connection.reader.read(CHUNK_BYTES):
                self.delayed += 1
                try:
                    await asyncio.sleep(self.request_delay)
                finally:
                    self.delayed -= 1
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def carry_answers(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        """Carry what the server says to a client, as long as the connection may last."""
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await asyncio.sleep(self.answer_delay)
                left = connection.answer_bytes_left
                connection.writer.write(chunk[:left])
                if left is not None:
                    if len(chunk) >= left:
                        break
                    connection.answer_bytes_left = left - len(chunk)
                await connection.writer.drain()
        # Closed, and not aborted: the client is to get the bytes that came through.
        connection.writer.close()
