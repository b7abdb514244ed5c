"""Graph factories: how a function that makes a graph wants to be called, and what it returns.

The four signatures are those of LangGraph's server: nothing, the run's config, the server's runtime
(known by its annotation), or both in either order.
"""

import inspect
import typing
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph_sdk.runtime import AccessContext, ServerRuntime, _ExecutionRuntime, _ReadRuntime

Runtime = _ExecutionRuntime[Any] | _ReadRuntime[Any]
Factory = Callable[[RunnableConfig, Runtime], object]


def factory(function: Callable[..., object]) -> Factory:
    """`function`, called with the arguments that its signature asks for.

    Raises: `TypeError` or `ValueError` if its signature is none of the four, or cannot be read.
    """
    parameters = inspect.signature(function).parameters
    hints = _hints(function)
    runtimes = [name for name in parameters if _is_runtime(hints.get(name))]
    configs = [name for name in parameters if name not in runtimes]
    if len(runtimes) > 1 or len(configs) > 1:
        raise TypeError(
            f"it takes ({', '.join(parameters)}): take nothing, a RunnableConfig, "
            "a parameter annotated ServerRuntime, or these two"
        )

    def call(config: RunnableConfig, runtime: Runtime) -> object:
        return function(**dict.fromkeys(configs, config), **dict.fromkeys(runtimes, runtime))

    return call


def runtime(access: AccessContext, context: object) -> Runtime:
    """What a factory may know about its server: here there is no user and no store."""
    if access == "threads.create_run":
        return _ExecutionRuntime(access_context=access, store=None, context=context)  # type: ignore[arg-type]
    return _ReadRuntime(access_context=access, store=None)  # type: ignore[arg-type]


async def entered(stack: AsyncExitStack, made: Any) -> object:
    """What a factory returned, awaited or entered if it is of that kind.

    A context manager is closed with `stack`.
    """
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(made)
    if isinstance(made, AbstractContextManager):
        return stack.enter_context(made)
    return await made if inspect.isawaitable(made) else made


def _hints(function: Callable[..., object]) -> dict[str, Any]:
    """The annotations of a function; none if they name what only a type checker imports."""
    names = {"ServerRuntime": ServerRuntime, "RunnableConfig": RunnableConfig}
    try:
        return typing.get_type_hints(function, localns=names)
    except Exception:
        return {}


def _is_runtime(annotation: object) -> bool:
    """Whether an annotation is `ServerRuntime` or `ServerRuntime[Context]`."""
    return ServerRuntime in (annotation, typing.get_origin(annotation))
