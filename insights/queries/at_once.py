"""Queries at the same time, since MongoDB answers independent ones on several cores."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

# More would only queue on a small server.
MOST = 4

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class AtOnce:
    """Runs calls in threads, under the caller's `pymongo.timeout`.

    At the end of its block it cancels calls that have not begun, and waits for none: after an error
    or Ctrl-C, queries end by their own deadline or with the process.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(MOST)

    def start(
        self,
        call: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Future[Result]:
        """Start a call; the result of its future may raise its exception."""
        return self._executor.submit(copy_context().run, partial(call, *arguments, **options))

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel the calls that have not begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)
