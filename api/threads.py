"""Where what blocks is run: in a thread, so that it holds nobody up; or, where requests come one by one, at once."""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import update_wrapper
from typing import Any, ParamSpec, TypeVar, cast

from starlette.concurrency import run_in_threadpool

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
# Set for each request, by what is around all of them.
one_by_one: ContextVar[bool] = ContextVar("one_by_one", default=False)


def offloaded(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A function of a route that may block, as the framework is to call it; one that is awaited stays as it is.

    Where requests come one by one, as in a Lambda, a thread would only cost the time that it takes to change to it.
    """
    if inspect.iscoroutinefunction(function):
        return cast("Callable[Parameters, Result]", function)

    async def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
        if one_by_one.get():
            return function(*arguments, **named)
        return await run_in_threadpool(function, *arguments, **named)

    update_wrapper(call, function)
    # The framework looks through wrappers to see whether to await; it is to see this one, with its signature.
    del call.__wrapped__  # type: ignore[attr-defined]
    call.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return cast("Callable[Parameters, Result]", call)
