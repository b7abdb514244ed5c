"""Where a task stands, under a name that is the same each time the task runs.

That is LangGraph's checkpoint namespace, with two exceptions:

- A graph that keeps no checkpoints (`checkpointer=False`) runs again from its start when the task
  around it does, and its tasks get new ids. They are named by node, step and position instead.
- The graphs that one task runs are told apart by the order in which they begin. A tool call that
  is answered from the journal begins none, so the next call's graph would take the place, and the
  memory, of the first one's. So the graphs of a tool are told apart by the call that runs them.

Uses what LangGraph keeps private; `tests/runner/test_langgraph_guards.py` fails when that moves.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from typing import Any, NamedTuple

from langgraph._internal._config import patch_configurable
from langgraph._internal._constants import (
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_SCRATCHPAD,
    NS_END,
    NS_SEP,
)
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.config import get_config
from langgraph.pregel._loop import PregelLoop

_PLACE = "__reviewconsole_place"  # in a config: the innermost graph whose tasks get new ids


class Place(NamedTuple):
    """A task: its name, and what LangGraph makes anew for each execution of it."""

    ns: str
    execution: Callable[[], int]


class _Graph(NamedTuple):
    """A graph whose tasks get new ids: its namespace, and the name that stands for it."""

    ns: str
    name: str


def here() -> Place | None:
    """The task that this code runs in; None outside of any."""
    try:
        config = get_config()
    except RuntimeError:
        return None
    configurable = config.get("configurable", {})
    scratchpad = configurable.get(CONFIG_KEY_SCRATCHPAD)
    if not isinstance(scratchpad, PregelScratchpad):
        return None
    return Place(_name(config), scratchpad.interrupt_counter)


@contextmanager
def of_call(number: int) -> Iterator[None]:
    """Tell the graphs that begin inside, in this task, apart by this number of a tool call."""
    try:
        scratchpad = get_config()["configurable"].get(CONFIG_KEY_SCRATCHPAD)
    except RuntimeError:
        scratchpad = None
    numbers = itertools.count(number)
    token = _numbers.set((scratchpad, numbers.__next__))
    try:
        yield
    finally:
        _numbers.reset(token)


def install() -> None:
    """Name places so in every graph that begins from now on. Idempotent."""
    stock: Any = PregelLoop.__init__
    if hasattr(stock, "__wrapped__"):
        return

    @wraps(stock)
    def begin(self: Any, *args: Any, config: Any, **options: Any) -> None:
        stock(self, *args, config=_numbered(config), **options)
        configurable = self.config["configurable"]
        ns = configurable.get(CONFIG_KEY_CHECKPOINT_NS) or ""
        is_inside_one = bool(configurable.get(_PLACE)) and NS_END in ns
        if self.is_nested and (self.checkpointer is None or is_inside_one):
            self.config = _patched(self.config, _PLACE, _Graph(ns, _name(self.config)))
        elif _PLACE in configurable:
            self.config = _patched(self.config, _PLACE, None)

    PregelLoop.__init__ = begin  # type: ignore[method-assign]


def _numbered(config: Any) -> Any:
    """The config of a graph that begins, which takes its number from the tool call around it."""
    scratchpad, number = _numbers.get()
    configurable = config["configurable"]
    if scratchpad is None or configurable.get(CONFIG_KEY_SCRATCHPAD) is not scratchpad:
        return config
    if NS_END not in configurable.get(CONFIG_KEY_CHECKPOINT_NS, ""):
        return config  # `checkpointer=True`: one memory a thread, whichever call it is
    return _patched(config, CONFIG_KEY_SCRATCHPAD, replace(scratchpad, subgraph_counter=number))


def _name(config: Any) -> str:
    configurable = config["configurable"]
    ns = configurable.get(CONFIG_KEY_CHECKPOINT_NS) or ""
    graph: _Graph | None = configurable.get(_PLACE)
    if graph is None or not ns.startswith(f"{graph.ns}{NS_SEP}"):
        return str(ns)
    task, *numbers = ns.removeprefix(f"{graph.ns}{NS_SEP}").split(NS_SEP)
    position = _position(config.get("metadata", {}).get("langgraph_path", ()))
    step = configurable[CONFIG_KEY_SCRATCHPAD].step
    node = f"{task.split(NS_END)[0]}{NS_END}{step}{position}"
    return NS_SEP.join((graph.name, node, *numbers))


def _position(path: Any) -> str:
    """Which one of the tasks that a step was sent; "" for the only task of a node."""
    match path:
        case (_, int(index), *_):
            return f".{index}"
        case (_, (_, *_) as parent, int(index), *_):
            return f"{_position(parent)}.{index}"
    return ""


def _patched(config: Any, key: str, value: Any) -> Any:
    return patch_configurable(config, {key: value})


_numbers: ContextVar[tuple[PregelScratchpad | None, Callable[[], int]]] = ContextVar(
    "reviewconsole_graph_numbers", default=(None, int)
)
