"""A TCP proxy on loopback that breaks the network between the functions and MongoDB.

A client of a replica set connects to the addresses of its members, bypassing any proxy, unless its
connection string says `directConnection=true`.
"""

import asyncio
from contextlib import suppress

from local_project.addresses import Address

CHUNK_BYTES = 64 * 1024
TASK_NAME = "network proxy"


class Connection:
    """A client's connection, and the one to the server for it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.reply_bytes_left: int | None = None
        self.task: asyncio.Task[None] | None = None

    def cut(self) -> None:
        """Abort both, dropping data in transit."""
        self.writer.transport.abort()
        if self.task:
            self.task.cancel()


class NetworkProxy:
    """A proxy that listens at `address` and forwards to `server`."""

    def __init__(self, server: Address, address: Address) -> None:
        self.server = server
        self.address = address
        self.uri = f"mongodb://{address}/?directConnection=true"
        # Delays data that arrives from now on. It is delivered even if its sender closes the
        # connection meanwhile, like a late retransmission.
        self.request_delay = 0.0
        self.reply_delay = 0.0
        # Number of delayed chunks of requests.
        self.delayed = 0
        self.connections: set[Connection] = set()
        self.listener: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept connections."""
        self.listener = await asyncio.start_server(self.accept, self.address.ip, self.address.port)

    def refuse(self) -> None:
        """Refuse new connections until `listen`; open ones stay."""
        if self.listener:
            self.listener.close()

    def cut(self) -> None:
        """Abort all connections."""
        for connection in set(self.connections):
            connection.cut()

    def cut_after(self, size: int) -> None:
        """Abort each open connection after `size` more bytes of replies."""
        for connection in self.connections:
            connection.reply_bytes_left = size

    async def close(self) -> None:
        """Close everything."""
        self.refuse()
        tasks = [connection.task for connection in self.connections if connection.task]
        self.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept a client."""
        connection = Connection(reader, writer)
        connection.task = asyncio.create_task(self.carry(connection), name=TASK_NAME)
        self.connections.add(connection)
        connection.task.add_done_callback(lambda _: self.connections.discard(connection))

    async def carry(self, connection: Connection) -> None:
        """Forward in both directions until one side closes."""
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
                        self.carry_replies(reader, connection),
                    )
                )
            )
        finally:
            writer.transport.abort()

    async def carry_requests(self, connection: Connection, writer: asyncio.StreamWriter) -> None:
        """Forward a client's data to the server."""
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

    async def carry_replies(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        """Forward the server's data to a client, as long as the connection may last."""
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await asyncio.sleep(self.reply_delay)
                left = connection.reply_bytes_left
                connection.writer.write(chunk[:left])
                if left is not None:
                    if len(chunk) >= left:
                        break
                    connection.reply_bytes_left = left - len(chunk)
                await connection.writer.drain()
        # Closed, not aborted, so that the client receives the forwarded bytes.
        connection.writer.close()
