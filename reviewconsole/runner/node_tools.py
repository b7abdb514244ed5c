"""The tools that a node calls: those of a `ToolNode`, else what its function can get hold of.

Best effort. A node may find a tool in any way; its calls are asked for all the same (`tools`), only
the console cannot name them beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from types import CodeType, FunctionType, MethodType
from typing import Any

from langchain_core.runnables import RunnableLambda, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.tools import BaseTool
from langgraph._internal._runnable import RunnableCallable, RunnableSeq
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

DEEPEST = 6  # steps from the node to the tool
MOST_ITEMS = 200  # of a collection


def declared(runnable: object) -> list[BaseTool]:
    """The tools of a `ToolNode`; none of another node."""
    while isinstance(runnable, RunnableBindingBase):  # such as ToolNode(…).with_config(…)
        runnable = runnable.bound
    return list(runnable.tools_by_name.values()) if isinstance(runnable, ToolNode) else []


def reachable(runnable: object) -> list[BaseTool]:
    """The tools that code of this node, or a tool of it, can name: each once, nearest first."""
    seen: dict[int, Any] = {}  # objects by id
    level: dict[int, Any] = {id(runnable): runnable}
    for _ in range(DEEPEST):
        seen |= level
        inner = (each for value in level.values() for each in _inside(value))
        level = {id(each): each for each in inner if id(each) not in seen}
    return [value for value in (seen | level).values() if isinstance(value, BaseTool)]


def _inside(value: Any) -> Iterator[Any]:
    """What a value leads to on the way to tools."""
    match value:
        case ToolNode():
            yield from value.tools_by_name.values()
        case Pregel():
            yield from (node.bound for node in value.nodes.values())
        case RunnableCallable():
            yield from (value.func, value.afunc)
        case RunnableBindingBase():
            yield value.bound
        case RunnableLambda():
            yield from vars(value).values()
        case RunnableSequence() | RunnableSeq():
            yield from value.steps
        case BaseTool():
            yield from (getattr(value, "func", None), getattr(value, "coroutine", None))
        case partial():
            yield from (value.func, *value.args, *value.keywords.values())
        case MethodType():
            yield from (value.__func__, *getattr(value.__self__, "__dict__", {}).values())
        case FunctionType():
            yield from _named(value)
        case Mapping():
            yield from islice(value.values(), MOST_ITEMS)
        case list() | tuple() | set() | frozenset():
            yield from islice(value, MOST_ITEMS)
        case _ if isinstance(called := type(value).__dict__.get("__call__"), FunctionType):
            yield from (called, *getattr(value, "__dict__", {}).values())


def _named(function: FunctionType) -> Iterator[Any]:
    """The values of a function's own names: its closure, its defaults and its globals."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    yield from function.__defaults__ or ()
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield function.__globals__[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
