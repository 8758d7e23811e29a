"""A proxy in front of a real `mongod` that imitates another server.

It decodes each message, refuses commands that its dialect lacks, and rewrites replies in that
server's words. It runs in its own thread, for synchronous and asynchronous tests alike.
Unacknowledged writes pass unchanged.
"""

import asyncio
import itertools
import struct
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from local_project.addresses import Address, free_address
from tests.support.dialects import (
    LOSSLESS,
    STATEMENTS,
    TRAITS,
    Command,
    Dialect,
    Failure,
    Refusal,
    refusals,
    throttled,
    with_trimmed_as_null,
    without_keys,
)
from tests.support.documents import Document

# The wire protocol: a header of four integers, and the opcodes.
HEADER = struct.Struct("<iiii")
INT = struct.Struct("<i")
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MORE_TO_COME = 1 << 1
# The bytes before the document in a reply: the header and flags (in OP_REPLY also a cursor).
PREFIX = {OP_REPLY: 36, OP_MSG: 21}

HELLO = {"hello", "isMaster", "ismaster"}
READS = frozenset({"find", "aggregate", "count", "distinct", "getMore"})
WRITES = frozenset({*STATEMENTS, "findAndModify"})

RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS
)

STOP_SECONDS = 10


@dataclass
class Throttle:
    """Refuses every n-th command, or every n-th statement of writes, for lack of request units."""

    every: int
    part: Literal["command", "writes"]
    retry_after_ms: int | None = 8
    # The commands that count towards n; statements always do.
    commands: frozenset[str] = READS | WRITES
    counter: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def is_due(self) -> bool:
        """Count one, and say whether it is refused."""
        return next(self.counter) % self.every == 0


class Peer(asyncio.Protocol):
    """One end of a connection, as a stream of messages."""

    transport: asyncio.Transport

    def __init__(self, on_end: Callable[[], object]) -> None:
        self.on_end = on_end
        self.received = bytearray()
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Split the received bytes into messages."""
        self.received += data
        while len(self.received) >= HEADER.size:
            [length] = INT.unpack_from(self.received)
            if len(self.received) < length:
                break
            self.messages.put_nowait(bytes(self.received[:length]))
            del self.received[:length]

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end of the connection."""
        del exc
        self.on_end()

    def abort(self) -> None:
        """Close the connection immediately."""
        if hasattr(self, "transport"):
            self.transport.abort()


@dataclass
class Request:
    """A client's message."""

    number: int
    kind: int
    is_acknowledged: bool
    command: Command
    message: bytes


def parse(message: bytes) -> Request:
    """Return the request in a message."""
    _, number, _, kind = HEADER.unpack_from(message)
    [flags] = INT.unpack_from(message, HEADER.size)
    if kind == OP_MSG:
        return Request(number, kind, not flags & MORE_TO_COME, parse_command(message), message)
    # Only the first `hello` is an OP_QUERY: flags, a namespace, two integers, the document.
    start = message.index(b"\0", HEADER.size + INT.size) + 1 + 2 * INT.size
    command = Command(bson.decode(message[start:], LOSSLESS))
    return Request(number, kind, is_acknowledged=True, command=command, message=message)


def parse_command(message: bytes) -> Command:
    """Return the command of an OP_MSG, with its statements from any section."""
    sections = list(cut_sections(message))
    [body] = [bson.decode(section, LOSSLESS) for kind, section in sections if kind == 0]
    statements = [each for kind, section in sections if kind == 1 for each in cut_sequence(section)]
    command = Command(body, statements)
    inline = body.pop(STATEMENTS.get(command.name, ""), [])
    command.statements += [bson.encode(each, codec_options=LOSSLESS) for each in inline]
    return command


def cut_sections(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the content of each section of an OP_MSG."""
    position = HEADER.size + INT.size
    while position < len(message):
        kind = message[position]
        [length] = INT.unpack_from(message, position + 1)
        yield kind, message[position + 1 : position + 1 + length]
        position += 1 + length


def cut_sequence(section: bytes) -> Iterator[bytes]:
    """Yield the documents of a sequence, which follow its length and name."""
    position = section.index(b"\0", INT.size) + 1
    while position < len(section):
        [length] = INT.unpack_from(section, position)
        yield section[position : position + length]
        position += length


def command_message(number: int, command: Command) -> bytes:
    """Return the OP_MSG of a command.

    No flags: without `exhaustAllowed` each request has exactly one reply.
    """
    body = INT.pack(0) + b"\0" + bson.encode(command.body, codec_options=LOSSLESS)
    if command.statements:
        sequence = STATEMENTS[command.name].encode() + b"\0" + b"".join(command.statements)
        body += b"\1" + INT.pack(INT.size + len(sequence)) + sequence
    return HEADER.pack(HEADER.size + len(body), number, 0, OP_MSG) + body


def reply_message(request: Request, document: Any) -> bytes:
    """Return the reply message for a request."""
    kind = OP_REPLY if request.kind == OP_QUERY else OP_MSG
    # OP_REPLY: flags, a cursor, its start, and the number of documents.
    prefix = struct.pack("<iqii", 8, 0, 0, 1) if kind == OP_REPLY else INT.pack(0) + b"\0"
    body = prefix + bson.encode(document, codec_options=LOSSLESS)
    return HEADER.pack(HEADER.size + len(body), 0, request.number, kind) + body


def document_of(reply: bytes) -> bytes:
    """Return the encoded document of a reply."""
    return reply[PREFIX[HEADER.unpack_from(reply)[3]] :]


class BulkWrites:
    """The bulk writes in flight, each as the keys that it locks, in order."""

    def __init__(self) -> None:
        self.in_flight: dict[str, list[dict[Hashable, int]]] = {}

    @contextmanager
    def entered(self, command: Command) -> Iterator[bool]:
        """Put a write in flight; yield whether it would deadlock with another."""
        others = self.in_flight.setdefault(command.namespace, [])
        keys = keys_of(command)
        if any(contradict(keys, other) for other in others):
            yield True
            return
        others.append(keys)
        try:
            yield False
        finally:
            others[:] = [other for other in others if other is not keys]


def keys_of(command: Command) -> dict[Hashable, int]:
    """Return the `_id`s in a bulk write with their positions."""
    keys: dict[Hashable, int] = {}
    for place, statement in enumerate(command.statements):
        document = RawBSONDocument(statement, RAW)
        key = document.get("_id") if command.name == "insert" else document["q"].get("_id")
        if key is not None:
            keys.setdefault(key.raw if isinstance(key, RawBSONDocument) else key, place)
    return keys


def contradict(one: dict[Hashable, int], other: dict[Hashable, int]) -> bool:
    """Say whether two bulk writes name their common keys in different orders."""
    places = [other[key] for key in one if key in other]
    return places != sorted(places)


class Connection(Peer):
    """A client's connection, and the one to the server for it."""

    def __init__(self, proxy: "DialectProxy") -> None:
        super().__init__(self.end)
        self.proxy = proxy
        self.server = Peer(self.end)
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve the client."""
        super().connection_made(transport)
        self.task = asyncio.create_task(self.serve(), name="dialect proxy")
        self.proxy.add(self, self.task)

    def end(self) -> None:
        """End both connections when either ends."""
        if self.task:
            self.task.cancel()

    async def serve(self) -> None:
        """Serve requests until either side closes or the server is unreachable."""
        address = self.proxy.server
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self.server, address.ip, address.port)
            while True:
                await self.handle(parse(await self.messages.get()))
        except OSError:
            return

    async def handle(self, request: Request) -> None:
        """Handle one request."""
        if request.is_acknowledged:
            self.transport.write(await self.reply_to(request))
        else:
            self.server.transport.write(request.message)

    async def reply_to(self, request: Request) -> bytes:
        """Return the reply to a request, in the dialect's words."""
        command = request.command
        if command.name in HELLO:
            return await self.greet(request)
        if reply := self.proxy.traits.replies.get(command.name):
            return reply_message(request, reply)
        if refusal := await self.refusal(request):
            self.proxy.count(*refusal)
            return reply_message(request, refusal.failure.reply())
        self.rewrite(request)
        if command.name in STATEMENTS:
            return await self.write(request)
        return self.reworded(await self.forward(request), request)

    async def greet(self, request: Request) -> bytes:
        """Return the reply to `hello`: a single server without awaitable `hello`."""
        self.server.transport.write(request.message)
        reply = await self.server.messages.get()
        hello = bson.decode(document_of(reply), LOSSLESS)
        return reply_message(request, self.proxy.introduce(hello))

    async def forward(self, request: Request, command: Command | None = None) -> bytes:
        """Return the server's own reply to a request, or to a command in its place."""
        message = command_message(request.number, command or request.command)
        self.server.transport.write(message)
        return await self.server.messages.get()

    async def refusal(self, request: Request) -> Refusal | None:
        """Return the dialect's refusal of a request, if any."""
        traits, command = self.proxy.traits, request.command
        if throttle := self.proxy.throttle_due(command.name):
            return Refusal("throttle", throttled(throttle.retry_after_ms))
        if traits.new_expiry and await self.is_new_expiry(request):
            return Refusal("expireAfterSeconds", traits.new_expiry)
        expressions = traits.conspicuous.search(request.message) is not None
        for refusal in refusals(traits, command, expressions=expressions):
            if refusal.name != "$changeStream" or not self.proxy.change_streams:
                return refusal
        return None

    async def is_new_expiry(self, request: Request) -> bool:
        """Say whether a command adds an expiry to an index that has none."""
        body = request.command.body
        change = body.get("index", {}) if request.command.name == "collMod" else {}
        if "expireAfterSeconds" not in change:
            return False
        question = Command({"listIndexes": body["collMod"], "$db": body["$db"]})
        reply = bson.decode(document_of(await self.forward(request, question)), LOSSLESS)
        return any(
            "expireAfterSeconds" not in index
            and (index["name"] == change.get("name") or index["key"] == change.get("keyPattern"))
            for index in reply.get("cursor", {}).get("firstBatch", [])
        )

    def rewrite(self, request: Request) -> None:
        """Change a command to the dialect's interpretation of it."""
        traits, command = self.proxy.traits, request.command
        for name in traits.ignored:
            command.body.pop(name, None)
        if traits.ignores_retries and command.is_retryable_write:
            del command.body["txnNumber"]
        if traits.converts_trimmed_to_null and b"$convert\0" in request.message:
            command.body = with_trimmed_as_null(command.body)

    def reworded(self, reply: bytes, request: Request) -> bytes:
        """Return a reply in the dialect's words."""
        if b"keyPattern\0" in reply:
            reply = reply_message(request, self.without_keys(reply, request.command.namespace))
        if self.proxy.aliases and b"Batch\0" in reply:
            reply = reply_message(request, with_aliases(document_of(reply), self.proxy.aliases))
        return reply

    def without_keys(self, reply: bytes, namespace: str) -> Document:
        """Return a reply with duplicate keys in the dialect's words."""
        traits = self.proxy.traits
        document = without_keys(traits, bson.decode(document_of(reply), LOSSLESS), namespace)
        if "writeErrors" in document:
            document["writeErrors"] = [
                without_keys(traits, error, namespace) for error in document["writeErrors"]
            ]
        return document

    async def write(self, request: Request) -> bytes:
        """Execute statements, some of which may be throttled."""
        throttle = self.proxy.throttle
        if throttle is None or throttle.part != "writes":
            return await self.commit(request, request.command)
        due = [throttle.is_due() for _ in request.command.statements]
        if not any(due):
            return await self.commit(request, request.command)
        return await self.commit_in_part(request, due, throttled(throttle.retry_after_ms))

    async def commit_in_part(self, request: Request, due: list[bool], failure: Failure) -> bytes:
        """Execute the statements that are not throttled; if ordered, up to the first that is."""
        command = request.command
        end = due.index(True) + 1 if command.is_ordered else len(due)
        kept = [place for place in range(end) if not due[place]]
        reply = await self.commit_at(request, kept)
        is_stopped = command.is_ordered and "writeErrors" in reply
        if reply["ok"] and not is_stopped:
            refused = [place for place in range(end) if due[place]]
            for _ in refused:
                self.proxy.count("throttle", failure)
            add_errors(reply, refused, failure)
        return reply_message(request, reply)

    async def commit_at(self, request: Request, places: list[int]) -> Document:
        """Execute the statements at some positions; the reply refers to these positions."""
        command = request.command
        if not places:
            return {"n": 0, **({"nModified": 0} if command.name == "update" else {}), "ok": 1.0}
        kept = [command.statements[place] for place in places]
        reply = await self.commit(request, Command(command.body, kept))
        document = bson.decode(document_of(reply), LOSSLESS)
        for each in [*document.get("writeErrors", []), *document.get("upserted", [])]:
            each["index"] = places[each["index"]]
        return document

    async def commit(self, request: Request, command: Command) -> bytes:
        """Execute statements; a bulk write may fail halfway."""
        proxy = self.proxy
        is_bulk = len(command.statements) > 1 and not command.is_in_transaction
        if is_bulk and proxy.is_partial_due():
            return await self.fail_halfway(request, command, "partial", proxy.traits.partial)
        if is_bulk and proxy.traits.deadlock:
            return await self.lock(request, command, proxy.traits.deadlock)
        return self.reworded(await self.forward(request, command), request)

    async def lock(self, request: Request, command: Command, deadlock: Failure) -> bytes:
        """Execute a bulk write, unless it deadlocks with another in flight."""
        with self.proxy.bulk_writes.entered(command) as is_deadlocked:
            if not is_deadlocked:
                await asyncio.sleep(self.proxy.hold_seconds)
                return self.reworded(await self.forward(request, command), request)
        reply = await self.fail_halfway(request, command, "deadlock", deadlock)
        await asyncio.sleep(self.proxy.deadlock_seconds)
        return reply

    async def fail_halfway(
        self, request: Request, command: Command, name: str, failure: Failure | None
    ) -> bytes:
        """Execute the first half of the statements, and fail.

        Raises:
            ConnectionAbortedError: the failure is a closed connection.
        """
        half = command.statements[: len(command.statements) // 2]
        await self.forward(request, Command(command.body, half))
        self.proxy.count(name, failure)
        if failure is None:
            raise ConnectionAbortedError
        return reply_message(request, failure.reply())


def add_errors(reply: Document, places: list[int], failure: Failure) -> None:
    """Add the same write error at some positions to a reply, in order."""
    errors = [{"index": place, "code": failure.code, "errmsg": failure.text} for place in places]
    errors += reply.get("writeErrors", [])
    reply["writeErrors"] = sorted(errors, key=lambda error: error["index"])


def with_aliases(reply: bytes, aliases: dict[str, str]) -> Document:
    """Return a cursor's reply with renamed fields in its documents."""
    document = dict(RawBSONDocument(reply, RAW))
    cursor = dict(document["cursor"])
    for batch in {"firstBatch", "nextBatch"} & cursor.keys():
        cursor[batch] = [renamed(each, aliases) for each in cursor[batch]]
    return document | {"cursor": cursor}


def renamed(document: RawBSONDocument, aliases: dict[str, str]) -> RawBSONDocument:
    """Return a document with renamed fields; a name may then occur twice."""
    elements = b"".join(
        bson.encode({aliases.get(name, name): value}, codec_options=LOSSLESS)[INT.size : -1]
        for name, value in document.items()
    )
    return RawBSONDocument(INT.pack(INT.size + len(elements) + 1) + elements + b"\0", RAW)


class DialectProxy:
    """A server of another dialect, with its data in a real `mongod`.

    The settings may change at any time, from any thread:

    - `throttle`: requests fail for lack of request units.
    - `partial`: every n-th bulk write commits its first half, and fails.
    - `hold_seconds`: delay of bulk writes that can deadlock, so that they overlap although `mongod`
      is fast; `deadlock_seconds`: the duration of a deadlock.
    - `change_streams`: enabled, on servers that have them off by default.
    - `aliases`: renames of fields in read documents: with `{"_if": "_id"}` a stored `_if` is read
      as a second `_id`.

    Refusals are counted by name in `refusals`, and by error code in `codes`.
    """

    def __init__(self, server: Address, dialect: Dialect, address: Address | None = None) -> None:
        self.server = server
        self.dialect = dialect
        self.traits = TRAITS[dialect]
        self.address = address or free_address()
        self.uri = f"mongodb://{self.address}"

        self.throttle: Throttle | None = None
        self.hold_seconds = 0.002
        self.deadlock_seconds = 0.05
        self.change_streams = False
        self.aliases: dict[str, str] = {}
        self.partial = None

        self.refusals: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        self.peak_connections = 0

        self.bulk_writes = BulkWrites()
        self.open: dict[Connection, asyncio.Task[None]] = {}
        self.errors: list[BaseException] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self.stopped: asyncio.Event | None = None
        self.thread: threading.Thread | None = None

    @property
    def connections(self) -> int:
        """Return the number of open client connections, including monitoring ones."""
        return len(self.open)

    @property
    def partial(self) -> int | None:
        """Return n if every n-th bulk write fails halfway, counted since this was set."""
        return self._partial

    @partial.setter
    def partial(self, every: int | None) -> None:
        self._partial = every
        self._bulk_writes = itertools.count(1)

    def is_partial_due(self) -> bool:
        """Count a bulk write, and say whether it fails halfway."""
        every = self._partial
        return every is not None and next(self._bulk_writes) % every == 0

    def start(self) -> None:
        """Accept clients.

        Raises:
            OSError: something else listens at the address.
        """
        started: Future[None] = Future()
        self.thread = threading.Thread(
            target=lambda: asyncio.run(self.run(started)), name="dialect proxy", daemon=True
        )
        self.thread.start()
        started.result(STOP_SECONDS)

    def close(self) -> None:
        """Close all connections, and raise the first error of any."""
        if self.thread and self.loop and self.stopped:
            self.loop.call_soon_threadsafe(self.stopped.set)
            self.thread.join(STOP_SECONDS)
        if self.errors:
            raise self.errors[0]

    async def run(self, started: Future[None]) -> None:
        """Listen until `stopped` is set."""
        self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
        try:
            listener = await self.loop.create_server(
                lambda: Connection(self), self.address.ip, self.address.port
            )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(None)
        async with listener:
            await self.stopped.wait()
            for each in listener.sockets:
                self.loop.remove_reader(each.fileno())
            await self.end_connections()

    async def end_connections(self) -> None:
        """End all connections.

        asyncio's own tasks accept clients. Cancelling them, or closing the listener before they
        end, leaks sockets.
        """
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in self.open.values():
                task.cancel()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)

    def add(self, connection: Connection, task: asyncio.Task[None]) -> None:
        """Track a connection while it is served."""
        self.open[connection] = task
        self.peak_connections = max(self.peak_connections, len(self.open))

        # A task that is cancelled before it starts cannot clean up.
        def remove(_: object) -> None:
            del self.open[connection]
            connection.abort()
            connection.server.abort()
            if not task.cancelled() and (error := task.exception()):
                self.errors.append(error)

        task.add_done_callback(remove)

    def throttle_due(self, name: str) -> Throttle | None:
        """Return the command throttle if this command is due."""
        throttle = self.throttle
        if throttle is None or throttle.part != "command" or name not in throttle.commands:
            return None
        return throttle if throttle.is_due() else None

    def count(self, name: str, failure: Failure | None) -> None:
        """Count a refusal by name, and by code unless it closes the connection."""
        self.refusals[name] += 1
        if failure:
            self.codes[failure.code] += 1

    def introduce(self, hello: Document) -> Document:
        """Return a reply to `hello` as from the dialect's server, at the proxy's address.

        Without `topologyVersion` PyMongo polls. Without `compression` it sends plain messages.
        """
        for name in ("topologyVersion", "compression", "setName", "hosts", "me", "primary"):
            hello.pop(name, None)
        if self.traits.replica_set is None:
            for name in ("setVersion", "electionId", "secondary", "lastWrite"):
                hello.pop(name, None)
            return hello | self.traits.hello
        me = str(self.address)
        primary = {"primary": me} if hello.get("isWritablePrimary", hello.get("ismaster")) else {}
        member = {"setName": self.traits.replica_set, "hosts": [me], "me": me, **primary}
        return hello | member | self.traits.hello


@contextmanager
def running_proxy(
    server: Address, dialect: Dialect, address: Address | None = None
) -> Iterator[DialectProxy]:
    """Run a proxy in front of a `mongod`."""
    proxy = DialectProxy(server, dialect, address)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


class Opened(NamedTuple):
    """A proxy, and a collection behind it."""

    proxy: DialectProxy
    collection: Collection[Document]


# The fixture `through`.
Open = Callable[..., Opened]
