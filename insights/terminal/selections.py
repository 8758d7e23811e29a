"""The filter options, which most commands share."""

import inspect
from collections.abc import Callable
from functools import wraps
from inspect import Parameter
from typing import Any

from insights.queries.filters import Selection
from insights.terminal.options import (
    EventType,
    IncludeSystem,
    Message,
    NotUser,
    Rating,
    Since,
    Until,
    User,
    Where,
)

Command = Callable[..., None]

# By the fields of `Selection`, in the order of `--help`.
OPTIONS = {
    "user": User,
    "not_user": NotUser,
    "message": Message,
    "rating": Rating,
    "event_type": EventType,
    "since": Since,
    "until": Until,
    "where": Where,
    "include_system": IncludeSystem,
}


def selects(*, but: tuple[str, ...] = (), **defaults: str) -> Callable[[Command], Command]:
    """Give a command the filter options, `but` some, in place of its parameter `selection`.

    Options are off without a default.
    """
    names = [name for name in OPTIONS if name not in but]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(**values: Any) -> None:  # noqa: ANN401 (as the options say)
            given = {name: values.pop(name) for name in names}
            used = {name: value for name, value in given.items() if value is not None}
            command(selection=Selection(**used), **values)

        parameters = with_options(inspect.signature(command), names, defaults)
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        # Typer reads the types from here.
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def with_options(
    signature: inspect.Signature, names: list[str], defaults: dict[str, str]
) -> list[Parameter]:
    """Return the parameters, with an option for each name in place of `selection`."""
    parameters: list[Parameter] = []
    for each in signature.parameters.values():
        if each.name == "selection":
            parameters += [option(name, defaults.get(name)) for name in names]
        else:
            parameters.append(each.replace(kind=Parameter.KEYWORD_ONLY))
    return parameters


def option(name: str, default: str | None) -> Parameter:
    """Return the parameter for one option."""
    value = False if name == "include_system" else default
    return Parameter(name, Parameter.KEYWORD_ONLY, default=value, annotation=OPTIONS[name])
