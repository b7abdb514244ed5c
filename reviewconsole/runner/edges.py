"""Conditional edges: whether running code belongs to one.

A question that an edge asks shows on the node before it, which has acted by then and acts again at
the resume. LangGraph does not tell the two apart, so the function that calls edges is wrapped.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langgraph.graph._branch import BranchSpec

_edge: ContextVar[bool] = ContextVar("reviewconsole_edge", default=False)

route: Callable[..., Any] = BranchSpec._route
aroute: Callable[..., Awaitable[Any]] = BranchSpec._aroute


def in_edge() -> bool:
    """Whether this code was called by a conditional edge, in whatever thread."""
    return _edge.get()


def install() -> None:
    """Have every graph that is compiled from now on mark its conditional edges. Idempotent."""
    BranchSpec._route = _route  # type: ignore[method-assign]
    BranchSpec._aroute = _aroute  # type: ignore[method-assign]


@functools.wraps(route)
def _route(*args: Any, **kwargs: Any) -> Any:
    with _marked():
        return route(*args, **kwargs)


@functools.wraps(aroute)
async def _aroute(*args: Any, **kwargs: Any) -> Any:
    with _marked():
        return await aroute(*args, **kwargs)


@contextmanager
def _marked() -> Iterator[None]:
    token = _edge.set(True)
    try:
        yield
    finally:
        _edge.reset(token)
