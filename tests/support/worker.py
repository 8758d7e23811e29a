"""Microsoft's language worker, driven as the Functions host does."""

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.project import ROOT

Message = dict[str, Any]

SCRIPT = ROOT / "tests" / "support" / "worker_process.py"


@dataclass(frozen=True)
class App:
    """The Python of the worker, a deployed folder, and the folder of its packages."""

    python: Path
    folder: Path
    packages: Path


@dataclass(frozen=True)
class Answer:
    """A function's response."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass
class Worker:
    """A running worker, and what it logged of warnings and errors."""

    process: subprocess.Popen[str]
    problems: list[Message] = field(default_factory=list)

    def call(self, *requests: Message) -> list[Message]:
        """Send requests at once, and return the contents of their responses in the same order."""
        assert self.process.stdin
        for number, request in enumerate(requests):
            self.process.stdin.write(json.dumps({"requestId": str(number)} | request) + "\n")
        self.process.stdin.flush()
        responses: Message = {}
        while len(responses) < len(requests):
            message = self.receive()
            number = message.pop("requestId")
            [responses[number]] = message.values()
        return [successful(responses[str(number)]) for number in range(len(requests))]

    def receive(self) -> Message:
        """Return the next response, and keep the log up to it."""
        assert self.process.stdout
        for line in self.process.stdout:
            message: Message = json.loads(line)
            if "rpcLog" not in message:
                return message
            if message["rpcLog"]["level"] in {"Warning", "Error", "Critical"}:
                self.problems.append(message["rpcLog"])
        raise AssertionError("the worker ended")

    def load(self, folder: Path) -> None:
        """Load the functions of a folder by their `function.json`."""
        [metadata] = self.call({"functionsMetadataRequest": {"functionAppDirectory": str(folder)}})
        assert metadata["useDefaultMetadataIndexing"]
        found = sorted(folder.glob("*/function.json"))
        self.call(*(load_request(file) for file in found))

    def post(self, *requests: tuple[str, Any], **headers: str) -> list[Answer]:
        """Send bodies to functions at once, and return their responses in the same order."""
        responses = self.call(*(invocation(name, body, headers) for name, body in requests))
        return [answer(each["returnValue"]["http"]) for each in responses]

    def logged(self) -> set[str]:
        """Return the names of the loggers with warnings and errors, and forget them."""
        names = {each["category"] for each in self.problems}
        self.problems.clear()
        return names


def successful(response: Message) -> Message:
    """Return a response; fail if it reports a failure."""
    assert response["result"].get("status") == "Success", response["result"]
    return response


def load_request(file: Path) -> Message:
    """Return the request to load the function of a `function.json`."""
    given = json.loads(file.read_text())
    metadata = {
        "name": file.parent.name,
        "directory": str(file.parent),
        "scriptFile": str(file.parent / given["scriptFile"]),
        "entryPoint": given.get("entryPoint", ""),
        "bindings": {
            each["name"]: {"type": each["type"], "direction": each["direction"]}
            for each in given["bindings"]
        },
    }
    return {"functionLoadRequest": {"functionId": file.parent.name, "metadata": metadata}}


def invocation(name: str, body: Any, headers: Mapping[str, str]) -> Message:
    """Return the request to invoke a function with a body, given as JSON or as bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    http = {
        "method": "POST",
        "url": f"https://app.example.com/api/{name}",
        "headers": {"content-type": "application/json", **headers},
        "body": {"bytes": base64.b64encode(raw).decode()},
    }
    given = [{"name": "req", "data": {"http": http}}]
    identity = {"invocationId": f"{name}-{id(body)}", "functionId": f"{name}_function"}
    return {"invocationRequest": {**identity, "inputData": given}}


def answer(http: Message) -> Answer:
    """Return a function's response from its message."""
    body = base64.b64decode(http["body"]["bytes"])
    return Answer(int(http["statusCode"]), json.loads(body), http.get("headers", {}))


@contextmanager
def running_worker(app: App, environment: Mapping[str, str], log: Path) -> Iterator[Worker]:
    """Run a worker with exactly these environment variables, and end it."""
    command: Sequence[Any] = [app.python, "-P", "-W", "default", SCRIPT, app.packages]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield Worker(process)
        finally:
            process.kill()
            process.wait()
            assert log.read_text() == ""


@contextmanager
def started(app: App, settings: Mapping[str, str], log: Path) -> Iterator[Worker]:
    """Run the app in a worker that starts with its settings."""
    with running_worker(app, settings, log) as worker:
        worker.call({"workerInitRequest": {"functionAppDirectory": str(app.folder)}})
        worker.load(app.folder)
        yield worker


@contextmanager
def specialised(app: App, settings: Mapping[str, str], log: Path) -> Iterator[Worker]:
    """Run the app in a worker that started before it had an app: the host keeps such workers."""
    with running_worker(app, {}, log) as worker:
        worker.call({"workerInitRequest": {}})
        reload = {"functionAppDirectory": str(app.folder), "environmentVariables": dict(settings)}
        worker.call({"functionEnvironmentReloadRequest": reload})
        worker.load(app.folder)
        yield worker
