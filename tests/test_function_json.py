"""Each `function.json` matches its `main`, as the language worker checks."""

import importlib.machinery
import importlib.util
import inspect
import json
import subprocess
import sys
import typing
from typing import Any

import azure.functions as func
import pytest

from tests.support.functions import FUNCTIONS
from tests.support.project import ROOT

DECLARATIONS = {
    name: json.loads((ROOT / f"{name}_function" / "function.json").read_text())
    for name in FUNCTIONS
}


LIMITS = ["Outstanding", "Concurrent"]


def bindings(name: str) -> dict[str, dict[str, Any]]:
    """Return the bindings of a function by name."""
    return {binding["name"]: binding for binding in DECLARATIONS[name]["bindings"]}


def test_every_function_is_tested() -> None:
    assert {file.parent.name for file in ROOT.glob("*/function.json")} == {
        f"{name}_function" for name in FUNCTIONS
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_declares_one_post_route_behind_a_function_key(name: str) -> None:
    trigger = bindings(name)["req"]

    assert trigger["type"] == "httpTrigger"
    assert trigger["direction"] == "in"
    assert trigger["methods"] == ["post"]
    assert trigger["authLevel"] == "function"
    assert trigger["route"] == name
    assert bindings(name)["$return"] == {"type": "http", "direction": "out", "name": "$return"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_main_matches_the_declaration(name: str) -> None:
    main = FUNCTIONS[name]
    hints = typing.get_type_hints(main)

    assert DECLARATIONS[name]["scriptFile"] == "__init__.py"
    assert set(inspect.signature(main).parameters) == set(bindings(name)) - {"$return"}
    assert hints == {"req": func.HttpRequest, "return": func.HttpResponse}
    # The worker runs other functions in a thread pool.
    assert inspect.iscoroutinefunction(main)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_can_be_imported_under_the_workers_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = importlib.machinery.ModuleSpec("__app__", None)
    namespace.submodule_search_locations = [str(ROOT)]
    monkeypatch.setitem(sys.modules, "__app__", importlib.util.module_from_spec(namespace))
    try:
        module = importlib.import_module(f"__app__.{name}_function")
        assert inspect.iscoroutinefunction(module.main)
    finally:
        for loaded in [each for each in sys.modules if each.startswith("__app__.")]:
            del sys.modules[loaded]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_imports_only_itself_and_shared_code(name: str) -> None:
    script = f"import sys, {name}_function; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    ours = {folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").exists()}
    assert ours & set(loaded) == {f"{name}_function", "shared_code"}


def test_overload_is_refused_and_every_exception_is_logged() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    sampling = host["logging"]["applicationInsights"]["samplingSettings"]

    assert host["version"] == "2.0"
    assert host["extensions"]["http"]["routePrefix"] == "api"
    # A queued request would be too late when MongoDB hangs.
    limits = [host["extensions"]["http"][f"max{kind}Requests"] for kind in LIMITS]
    assert limits == [200, 200]
    # Rows of requests would cost more than the requests.
    assert sampling == {"isEnabled": True, "excludedTypes": "Exception"}


def test_deploys_only_the_agreed_packages() -> None:
    requirements = (ROOT / "requirements.in").read_text().splitlines()

    assert [line for line in requirements if not line.startswith("#")] == [
        "azure-functions",
        "cachetools",
        "pydantic",
        "pyjwt[crypto]",
        "pymongo",
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_imports_nothing_for_disabled_features(name: str, mongodb_uri: str) -> None:
    body = {
        "feedback": b'{"message_id": "m1", "user_id": "u1", "rating": "up"}',
        "analytics": b'{"user_id": "u1", "event_type": "e", "details": {}}',
    }[name]
    script = f"""
import asyncio, importlib.metadata, sys
importlib.metadata.distributions = lambda: sys.exit("Pydantic looked for plugins")
import azure.functions, {name}_function
request = azure.functions.HttpRequest("POST", "/", body={body!r})
print(asyncio.run({name}_function.main(request)).status_code, *sys.modules)
"""
    status, *loaded = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": "test_imports"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert status in {"200", "201", "202"}
    assert {"jwt", "cryptography", "cachetools"}.isdisjoint(loaded)
