"""The functions of a project, loaded from their `function.json` files (v1 model)."""

import importlib
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import azure.functions as func
from starlette.concurrency import run_in_threadpool

from local_project.errors import LocalProjectError
from local_project.files import read_json

# The methods of a trigger without `methods` (Azure Functions documentation, "HTTP trigger").
ALL_METHODS = ["get", "post", "delete", "head", "patch", "put", "options", "trace"]


@dataclass(frozen=True)
class HttpFunction:
    """An HTTP-triggered function."""

    name: str
    route: str
    methods: list[str]
    main: Callable[..., Any]
    parameter: str
    sample: str | None

    @cached_property
    def is_coroutine(self) -> bool:
        """Whether it runs on the event loop."""
        return inspect.iscoroutinefunction(self.main)

    async def invoke(self, request: func.HttpRequest) -> func.HttpResponse:
        """Call the function as the language worker does: `def` functions run in a thread."""
        arguments = {self.parameter: request}
        if self.is_coroutine:
            return await cast("Awaitable[func.HttpResponse]", self.main(**arguments))
        return await run_in_threadpool(self.main, **arguments)


def load_functions(root: Path) -> list[HttpFunction]:
    """Import every function below `root`.

    Raises:
        LocalProjectError: there is none, or one is not declared as an HTTP function.
    """
    files = sorted(root.glob("*/function.json"))
    if not files:
        raise LocalProjectError(
            f"{root} has no functions: start the server in the project's folder"
        )
    return [load_function(file) for file in files]


def load_function(file: Path) -> HttpFunction:
    """Import the function that a `function.json` declares.

    Raises:
        LocalProjectError: it is not an HTTP function, or lacks a name that the file gives.
    """
    declaration, name = read_json(file), file.parent.name
    try:
        trigger = http_trigger(declaration["bindings"])
        script = Path(declaration.get("scriptFile", "__init__.py")).stem
        module = importlib.import_module(name if script == "__init__" else f"{name}.{script}")
        return HttpFunction(
            name=name,
            route=trigger.get("route", name),
            methods=trigger.get("methods", ALL_METHODS),
            main=getattr(module, declaration.get("entryPoint", "main")),
            parameter=trigger["name"],
            sample=read_sample(file.with_name("sample.dat")),
        )
    except (AttributeError, KeyError, TypeError, ImportError) as error:
        raise LocalProjectError(f"{file} cannot be served: {error!r}") from error


def http_trigger(bindings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the HTTP trigger of a function that has no other binding than its response.

    Raises:
        LocalProjectError: the function has other bindings.
    """
    by_type = {binding["type"]: binding for binding in bindings}
    if set(by_type) != {"httpTrigger", "http"} or by_type["http"]["name"] != "$return":
        raise LocalProjectError("only an httpTrigger with an http $return can be served here")
    return by_type["httpTrigger"]


def read_sample(path: Path) -> str | None:
    """Return a function's sample body, which the portal's test page also shows."""
    return path.read_text(encoding="utf-8").strip() if path.exists() else None
