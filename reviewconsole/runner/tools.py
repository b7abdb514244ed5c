"""Tool calls of agents, wrapped: each asks the console first, whatever graph or node makes it.

What is asked, and what comes of it, is in `calls`.

`install` wraps `run` and `arun` of LangChain's `BaseTool`, and whatever its subclasses put in the
place of these or of `invoke` and `ainvoke`. Before a process has begun a run nothing changes; after
its last one nothing is called.

Uses what LangChain keeps private; `tests/runner/test_langchain_guards.py` fails when that moves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple

from langchain_core.tools import BaseTool

from reviewconsole.runner import calls, places, tool_arguments
from reviewconsole.runner.exceptions import NotInForce
from reviewconsole.runner.gate import Call, gates, has_begun
from reviewconsole.runner.waiting import Awaiting, AwaitingThread, Blocking, blocking


class CurrentCall(NamedTuple):
    """The tool call that this code runs in."""

    tool: str
    call_id: str | None


def current_call() -> CurrentCall | None:
    """The innermost tool call around this code; None outside of any."""
    return _current.get()


# Putting it in force -----------------------------------------------------------------------------


def install() -> None:
    """Wrap the tools' methods, of all classes there are and will be. Idempotent.

    Does nothing where `cannot_gate` will say why not: LangChain is not one that is known here.
    """
    places.install()
    if _unknown() or _is_gated(BaseTool.run):
        return
    _wrap_class(BaseTool)
    stock: Any = BaseTool.__dict__["__init_subclass__"].__func__

    def init_subclass(cls: type[Any], **options: Any) -> None:
        stock(cls, **options)
        _wrap_class(cls)

    BaseTool.__init_subclass__ = classmethod(init_subclass)  # type: ignore[assignment, arg-type]
    for subclass in _subclasses(BaseTool):
        _wrap_class(subclass)


def cannot_gate() -> str | None:
    """Why tool calls of this process cannot be held or refused; None if they can be."""
    if reason := _unknown():
        return reason
    bare = [name for name in ("run", "arun") if not _is_gated(getattr(BaseTool, name))]
    if bare:
        return f"BaseTool.{bare[0]} of langchain-core is not the runner's: something replaced it"
    return None


def require_in_force() -> None:
    """Check that nothing took the wrapping away after it was installed.

    Raises:
        NotInForce: something did, so calls that were rejected could run.
    """
    if _unknown() is None and (reason := cannot_gate()) is not None:
        raise NotInForce(f"{reason}, so a rejected call could run")


def _unknown() -> str | None:
    """Why this LangChain cannot be wrapped."""
    for name in ("run", "arun"):
        parameters = inspect.signature(getattr(BaseTool, name)).parameters
        if list(parameters)[:2] != ["self", "tool_input"] or "tool_call_id" not in parameters:
            return f"BaseTool.{name} of this langchain-core takes other arguments than is known"
    if not hasattr(BaseTool, "_filter_injected_args"):
        return "BaseTool of this langchain-core does not tell which arguments are injected"
    return None


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _wrap_class(cls: type[Any]) -> None:
    names = ["run", "arun"]
    if not cls.__module__.startswith("langchain_core."):  # whose `invoke`s lead to `run`
        names += ["invoke", "ainvoke"]
    for name in names:
        stock = cls.__dict__.get(name)
        if inspect.isfunction(stock) and not _is_gated(stock):
            wrap = _asynchronous if inspect.iscoroutinefunction(stock) else _synchronous
            gated = wrap(_Method(stock, is_last=cls is BaseTool, is_invoke=name.endswith("invoke")))
            gated.__dict__[_MARK] = True
            setattr(cls, name, gated)


def _is_gated(method: Any) -> bool:
    """Whether the gate is in a method, or in what another wrapper around it calls."""
    while method is not None:
        if getattr(method, "__dict__", {}).get(_MARK):
            return True
        method = getattr(method, "__wrapped__", None)
    return False


# At each call ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Method:
    """A method by which a tool is called."""

    stock: Callable[..., Any]
    is_last: bool  # of the chain: it calls the tool's body
    is_invoke: bool  # it takes a whole tool call too

    def split(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, tuple[Any, ...]]:
        """The input, however it was passed, and the other positional arguments."""
        if args:
            return args[0], args[1:]
        return options.pop("input" if self.is_invoke else "tool_input"), ()

    def call(self, tool: BaseTool, given: Any, options: dict[str, Any]) -> Call:
        """The tool call that this input makes."""
        call_id = options.get("tool_call_id")
        if self.is_invoke and _is_tool_call(given):
            given, call_id = given["args"], given["id"]
        public = tool_arguments.public(tool, given)
        return Call(tool, call_id, public, tool_arguments.injected(tool, given, public))

    def input(self, given: Any, call: Call, final: Call) -> Any:
        """The input that makes the `final` call: what was injected into it stays."""
        if final is call:
            return given
        if self.is_invoke and _is_tool_call(given):
            changed = tool_arguments.replaced(given["args"], call.shown, final.shown)
            return {**given, "args": changed}
        return tool_arguments.replaced(given, call.shown, final.shown)


def _synchronous(method: _Method) -> Callable[..., Any]:
    @wraps(method.stock)
    def call_tool(tool: BaseTool, /, *args: Any, **options: Any) -> Any:
        given, args = method.split(args, options)
        asked = gates()
        if _entered.get() is tool or not (asked or has_begun()):
            with _inside(tool, method):
                return method.stock(tool, given, *args, **options)
        call = method.call(tool, given, options)

        async def body(final: Call) -> Any:
            with _inside(tool, method, final):
                return method.stock(tool, method.input(given, call, final), *args, **options)

        return blocking(calls.make(call, asked, body, Blocking()))

    return call_tool


def _asynchronous(method: _Method) -> Callable[..., Any]:
    @wraps(method.stock)
    async def call_tool(tool: BaseTool, /, *args: Any, **options: Any) -> Any:
        given, args = method.split(args, options)
        asked = gates()
        if _entered.get() is tool or not (asked or has_begun()):
            with _inside(tool, method):
                return await method.stock(tool, given, *args, **options)
        call = method.call(tool, given, options)

        async def body(final: Call) -> Any:
            with _inside(tool, method, final):
                return await method.stock(tool, method.input(given, call, final), *args, **options)

        waiting = AwaitingThread() if _runs_in_thread(tool) else Awaiting()
        return await calls.make(call, asked, body, waiting)

    return call_tool


def _runs_in_thread(tool: BaseTool) -> bool:
    """Whether a tool is a function that LangChain runs in a thread where it is awaited."""
    return type(tool)._arun is BaseTool._arun or getattr(tool, "coroutine", tool) is None


@contextmanager
def _inside(tool: BaseTool, method: _Method, call: Call | None = None) -> Iterator[None]:
    """Run a method of a tool that was admitted, or that asks nobody.

    Methods of one tool call each other (`invoke`, `run`, `super().run`): the outermost asks. What
    the tool's own body calls asks again, the same tool too.
    """
    entered = _entered.set(None if method.is_last else tool)
    current = _current.set(CurrentCall(tool.name, call.id)) if call else None
    try:
        yield
    finally:
        _entered.reset(entered)
        if current is not None:
            _current.reset(current)


def _is_tool_call(given: Any) -> bool:
    return isinstance(given, dict) and given.get("type") == "tool_call"


_MARK = "_reviewconsole_gate"
_entered: ContextVar[BaseTool | None] = ContextVar("reviewconsole_entered_tool", default=None)
_current: ContextVar[CurrentCall | None] = ContextVar("reviewconsole_tool_call", default=None)
