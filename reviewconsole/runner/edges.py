"""Conditional edges: known as such when they ask, and safe to run again when they fail.

A question that an edge asks shows on the node before it, which has acted by then and acts again at
the resume. LangGraph does not tell the two apart. And where an edge fails, LangGraph stores what
the node has written, takes the node for finished, and the next run goes on as if its edges led
nowhere. So the function that calls edges is wrapped.

Uses what LangGraph keeps private; `tests/runner/test_langgraph_guards.py` fails when that moves.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import CONFIG_KEY_SEND
from langgraph.graph._branch import BranchSpec
from langgraph.pregel._task_status import CONTROL_WRITES

_edge: ContextVar[bool] = ContextVar("reviewconsole_edge", default=False)

langgraph_route = BranchSpec._route
langgraph_aroute = BranchSpec._aroute


def in_edge() -> bool:
    """Whether this code was called by a conditional edge, in whatever thread."""
    return _edge.get()


def install() -> None:
    """Wrap the conditional edges of every graph that is compiled from now on. Idempotent."""
    BranchSpec._route = _route  # type: ignore[method-assign, assignment]
    BranchSpec._aroute = _aroute  # type: ignore[method-assign, assignment]


@functools.wraps(langgraph_route)
def _route(branch: BranchSpec, input: Any, config: RunnableConfig, **options: Any) -> Any:
    with _marked(config):
        return langgraph_route(branch, input, config, **options)


@functools.wraps(langgraph_aroute)
async def _aroute(branch: BranchSpec, input: Any, config: RunnableConfig, **options: Any) -> Any:
    with _marked(config):
        return await langgraph_aroute(branch, input, config, **options)


@contextmanager
def _marked(config: RunnableConfig) -> Iterator[None]:
    token = _edge.set(True)
    try:
        yield
    except BaseException:
        writes = config["configurable"][CONFIG_KEY_SEND].__self__  # of the task, so far
        kept = [write for write in writes if write[0] in CONTROL_WRITES]
        writes.clear()
        writes.extend(kept)
        raise
    finally:
        _edge.reset(token)
