"""docs/openapi.json: an exact description of the functions."""

import gzip
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import azure.functions as func
import openapi_spec_validator
import pytest
import schemathesis
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from pymongo.database import Database

import analytics_function
import feedback_function
from shared_code.problems import (
    InvalidToken,
    KeysUnavailable,
    OtherUser,
    Problem,
    StoreUnavailable,
)
from tests.support.documents import Document
from tests.support.functions import Post, body_of
from tests.support.local_server import running_server
from tests.support.project import ROOT
from tools.openapi import EVENT, FEEDBACK, FILE, render

DESCRIPTION = json.loads(FILE.read_text(encoding="utf-8"))
OPERATIONS = {
    path.removeprefix("/api/"): operations["post"]
    for path, operations in DESCRIPTION["paths"].items()
}
VALID: dict[str, Document] = {"feedback": FEEDBACK, "analytics": EVENT}
MODULES = {"feedback": feedback_function, "analytics": analytics_function}


def test_the_file_is_up_to_date() -> None:
    assert FILE.read_text(encoding="utf-8") == render(), "run: make openapi"


def test_is_valid() -> None:
    assert DESCRIPTION["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(DESCRIPTION)


def test_describes_exactly_the_functions() -> None:
    files = [json.loads(file.read_text()) for file in ROOT.glob("*/function.json")]
    triggers = [file["bindings"][0] for file in files]

    assert {path: list(methods) for path, methods in DESCRIPTION["paths"].items()} == {
        f"/api/{trigger['route']}": trigger["methods"] for trigger in triggers
    }


@pytest.mark.parametrize("function", OPERATIONS)
def test_describes_each_problem(function: str) -> None:
    assert {kind.name for kind in kinds_of(Problem)} == {
        example["value"]["type"].removeprefix("urn:up2d8:problem:")
        for response in OPERATIONS[function]["responses"].values()
        for media_type, media in response.get("content", {}).items()
        for example in media["examples"].values()
        if media_type == "application/problem+json"
    }


def kinds_of(problem: type[Problem]) -> Iterator[type[Problem]]:
    """Yield the kinds of a problem that clients can get."""
    if hasattr(problem, "name"):
        yield problem
    for kind in problem.__subclasses__():
        yield from kinds_of(kind)


def described_media() -> Iterator[tuple[str, Document]]:
    """Yield the description of every body, of requests and of responses."""
    for function, operation in OPERATIONS.items():
        bodies = {"request": operation["requestBody"]} | operation["responses"]
        for name, body in bodies.items():
            for media_type, media in body.get("content", {}).items():
                yield f"{function} {name} {media_type}", media


@pytest.mark.parametrize(
    "media", [pytest.param(media, id=name) for name, media in described_media()]
)
def test_examples_match_their_schemas(media: Document) -> None:
    schema = media["schema"] | {"components": DESCRIPTION["components"]}
    validator = OAS31Validator(schema, format_checker=oas31_format_checker)

    assert media["examples"]
    for example in media["examples"].values():
        validator.validate(example["value"])


def assert_described(function: str, name: str, response: func.HttpResponse) -> None:
    """Fail unless a response is exactly the example of this name."""
    described = OPERATIONS[function]["responses"][str(response.status_code)]
    examples = described["content"][response.mimetype]["examples"]
    assert body_of(response) == examples[name]["value"]
    sent = dict(response.headers)
    assert sent.keys() == described["headers"].keys()
    for header, description in described["headers"].items():
        OAS31Validator(description["schema"]).validate(sent[header])


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
@pytest.mark.parametrize("function", OPERATIONS)
async def test_each_request_example_gets_the_response_of_its_name(
    fresh_database: Database[Document], post: Post, function: str, media_type: str
) -> None:
    media = OPERATIONS[function]["requestBody"]["content"][media_type]
    for name, example in media["examples"].items():
        response = await post(function, example["value"], {"Content-Type": media_type})
        assert_described(function, name, response)
        assert fresh_database[function].count_documents({}) > 0


def without(field: str, function: str) -> Document:
    """Return a valid body without one of its fields."""
    return {name: value for name, value in VALID[function].items() if name != field}


# The responses that no request example gets: function, name of the response, and a request.
REQUESTS: list[tuple[str, str, Any, dict[str, str]]] = [
    *(
        request
        for function, valid in VALID.items()
        for request in [
            (function, "MalformedBody", b"{}", {"Content-Encoding": "gzip"}),
            (function, "BodyTooLarge", json.dumps(valid).encode().ljust(32_769), {}),
            (function, "UnsupportedEncoding", valid, {"Content-Encoding": "br"}),
            (function, "InvalidFields", without("user_id", function), {}),
        ]
    ),
    ("analytics", "InvalidBatch", [without("user_id", "analytics")], {}),
    ("analytics", "BatchPartlyLogged", [EVENT, without("event_type", "analytics")], {}),
    ("analytics", "NotTracked", EVENT, {"Sec-GPC": "1"}),
    ("analytics", "OptedOut", EVENT | {"user_id": "opted-out"}, {}),
]
FAILURES: dict[str, Exception] = {
    "InvalidToken": InvalidToken(),
    "OtherUser": OtherUser(),
    "InternalError": ZeroDivisionError(),
    "StoreUnavailable": StoreUnavailable("no answer in time"),
    "KeysUnavailable": KeysUnavailable("no answer in time"),
}


@pytest.mark.parametrize(("function", "name", "body", "headers"), REQUESTS)
async def test_each_other_response_matches_its_example(
    fresh_database: Database[Document],
    post: Post,
    function: str,
    name: str,
    body: Any,
    headers: dict[str, str],
) -> None:
    fresh_database.opt_outs.insert_one({"_id": "opted-out"})

    assert_described(function, name, await post(function, body, headers))


@pytest.mark.usefixtures("fresh_database")
@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("function", OPERATIONS)
async def test_each_failure_matches_its_example(
    monkeypatch: pytest.MonkeyPatch, post: Post, function: str, name: str
) -> None:
    async def fail(_request: func.HttpRequest) -> None:
        raise FAILURES[name]

    monkeypatch.setattr(MODULES[function], "authenticate", fail)

    assert_described(function, name, await post(function, VALID[function]))


@pytest.mark.parametrize("function", OPERATIONS)
def test_every_described_response_is_tested(function: str) -> None:
    operation = OPERATIONS[function]
    bodies = [operation["requestBody"], *operation["responses"].values()]

    assert {
        name
        for body in bodies
        for media in body.get("content", {}).values()
        for name in media["examples"]
    } == {
        *operation["requestBody"]["content"]["application/json"]["examples"],
        *(name for of_function, name, *_ in REQUESTS if of_function == function),
        *FAILURES,
    }


CONFIGURATION = """
# The Functions host answers other methods with 404 (see test_devserver.py), not with 405.
[phases.coverage]
unexpected-methods = []

# A batch with valid and invalid events gets a 207 that names the invalid ones. Any other success
# fails, and so does a 401, 403, 404 or 5xx.
[checks.negative_data_rejection]
expected-statuses = [207, 400, 413, 415, 422]

[checks.positive_data_acceptance]
expected-statuses = [200, 201, 202]
"""


@schemathesis.serializer("application/json", "text/plain")
def encode(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Return a body in the encoding of its headers: JSON, perhaps compressed."""
    body = value if isinstance(value, bytes) else to_json(with_own_ids(value))
    coding = context.case.headers.get("Content-Encoding")
    return gzip.compress(body) if coding in {"gzip", "x-gzip"} else body


numbers = itertools.count(1)


def with_own_ids(value: Any) -> Any:
    """Return events with unique ids: those of another event would be refused."""
    if isinstance(value, list):
        return [with_own_ids(each) for each in value]
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        if 0 < UUID(value["event_id"]).int < 2**128 - 1:
            return value | {"event_id": str(UUID(int=next(numbers)))}
    return value


def to_json(value: Any) -> bytes:
    """Return `value` as JSON with whole numbers as integers.

    JSON Schema takes 1e30 for an integer, which must fit into 64 bits. To the functions that
    spelling is a float, which they store.
    """
    return json.dumps(json.loads(json.dumps(value), parse_float=to_number)).encode()


def to_number(text: str) -> int | float:
    """Return a number as an integer if it is whole."""
    number = float(text)
    return int(number) if number.is_integer() else number


def test_schemathesis_finds_nothing(
    empty_database: Database[Document], mongodb_uri: str, tmp_path: Path
) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    serving = running_server(
        MONGODB_URI=mongodb_uri,
        MONGODB_DATABASE=empty_database.name,
        # With a signal, the body would not be read, and so not refused.
        HONOR_PRIVACY_SIGNALS="false",
    )
    with ThreadPoolExecutor() as threads, serving as server:
        assert server.process.stdout
        # The server would block on a full pipe.
        threads.submit(server.process.stdout.read)
        run = run_schemathesis(str(server.client.base_url), tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr
    assert empty_database.feedback.count_documents({}) > 0
    assert empty_database.analytics.count_documents({}) > 0


def run_schemathesis(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run all checks, always with the same requests, and write only to `folder`."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--no-color", "run", str(FILE)),
            *("--url", url, "--checks", "all", "--mode", "all", "--max-examples", "100"),
            *("--generation-deterministic", "--continue-on-failure"),
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "0",
            "SCHEMATHESIS_HOOKS": __name__,
        },
        capture_output=True,
        text=True,
        check=False,
    )
