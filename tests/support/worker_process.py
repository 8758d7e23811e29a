"""Microsoft's language worker, on messages in JSON, one a line, instead of gRPC.

Microsoft publishes the part that handles the messages, and no package of the program around it.
That imports the app's packages before its own once it knows the app's folder, and handles all
messages in one event loop. Arguments: the folder of the app's packages.
"""

import asyncio
import importlib
import logging
import sys
from types import SimpleNamespace
from typing import Any

from google.protobuf.json_format import MessageToJson, Parse

RUNTIME = "azure_functions_runtime_v1"

# The runtime's package brings the messages under this name.
protos: Any = importlib.import_module("tests.protos")

RESPONSES = {
    "worker_init_request": "worker_init_response",
    "function_environment_reload_request": "function_environment_reload_response",
    "functions_metadata_request": "function_metadata_response",
    "function_load_request": "function_load_response",
    "invocation_request": "invocation_response",
}
STARTS = {"worker_init_request", "function_environment_reload_request"}

SECONDS = 30
LONGEST_LINE = 1_000_000


class Sender(logging.Handler):
    """Sends messages to the host, and log records as messages."""

    def send(self, **content: Any) -> None:
        """Send a message."""
        message = MessageToJson(protos.StreamingMessage(**content), indent=None)
        print(message, flush=True)  # noqa: T201

    def emit(self, record: logging.LogRecord) -> None:
        """Send a log record."""
        level = "Information" if record.levelname == "INFO" else record.levelname.title()
        entry = protos.RpcLog(category=record.name, level=level, message=self.format(record))
        self.send(rpc_log=entry)


async def handle(request: Any, packages: str, sender: Sender) -> None:
    """Handle a request of the host."""
    kind = request.WhichOneof("content")
    if kind in STARTS and (folder := getattr(request, kind).function_app_directory):
        prefer(packages, folder)
    runtime = importlib.import_module(RUNTIME)
    given = SimpleNamespace(request=request, properties={"protos": protos, "host": "127.0.0.1"})
    async with asyncio.timeout(SECONDS):
        response = await getattr(runtime, kind)(given)
    sender.send(request_id=request.request_id, **{RESPONSES[kind]: response})


def prefer(packages: str, folder: str) -> None:
    """Import the app's packages before the worker's, which are forgotten, and its modules last."""
    sys.path.insert(0, packages)
    sys.path.append(folder)
    for name in [each for each in sys.modules if each.startswith("azure")]:
        del sys.modules[name]


async def main(packages: str) -> None:
    """Handle the requests of standard input, all at the same time."""
    sender = Sender()
    logging.basicConfig(level=logging.INFO, handlers=[sender])
    logging.captureWarnings(capture=True)
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        async for line in reader:
            request = Parse(line, protos.StreamingMessage())
            tasks.create_task(handle(request, packages, sender))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
