"""Where a task stands, under a name that is the same each time the task runs.

That is LangGraph's checkpoint namespace, with three exceptions:

- A graph that keeps no checkpoints (`checkpointer=False`) runs again from its start when the task
  around it does, and its tasks get new ids. They are named by node, step and position instead.
- The graphs that one task runs are told apart by the order in which they begin. A tool call that
  is answered from the journal begins none, so the next call's graph would take the place, and the
  memory, of the first one's. So the graphs of a tool are told apart by the call that runs them.
- A graph that a task begins with a `thread_id` of its own is a root to LangGraph, which knows
  nothing of the task. It begins anew whenever the task does, so it is named by the task and by the
  order in which these graphs begin there; its own tasks by node, step and position.

Uses what LangGraph keeps private; `tests/runner/test_langgraph_guards.py` fails when that moves.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
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
    CONFIG_KEY_THREAD_ID,
    NS_END,
    NS_SEP,
)
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.config import get_config
from langgraph.pregel._loop import PregelLoop
from langgraph.types import Command

_PLACE = "__reviewconsole_place"  # in a config: the innermost graph whose tasks get new ids
_APART = "__reviewconsole_apart"  # in a config: the graph around has a thread of its own


class Place(NamedTuple):
    """A task: its name, and what LangGraph makes anew for each execution of it."""

    ns: str
    execution: Callable[[], int]
    is_apart: bool  # in a graph with a thread of its own: it cannot pause the run's


class _Graph(NamedTuple):
    """A graph whose tasks get new ids: its namespace, and the name that stands for it."""

    ns: str
    name: str
    first: Callable[[], int] = int  # its step 0, where its own thread has steps before


def task() -> Any:
    """The config of the task that this code runs in; None outside of any.

    A tool that is called with a config of its own runs in the task of its caller.
    """
    try:
        config: Any = get_config()
    except RuntimeError:
        config = None
    return config if _scratchpad(config) is not None else _task.get()


def here() -> Place | None:
    """The task that this code runs in; None outside of any."""
    config = task()
    scratchpad = _scratchpad(config)
    if scratchpad is None:
        return None
    is_apart = bool(config["configurable"].get(_APART))
    return Place(_name(config), scratchpad.interrupt_counter, is_apart)


@contextmanager
def of_run() -> Iterator[None]:
    """Number the graphs with threads of their own that the tasks begin inside."""
    token = _roots.set(_Roots())
    try:
        yield
    finally:
        _roots.reset(token)


@contextmanager
def of_call(number: int) -> Iterator[None]:
    """Tell the graphs that begin inside, in this task, apart by this number of a tool call."""
    config = task()
    numbers = itertools.count(number)
    task_token, call_token = _task.set(config), _call.set(number)
    token = _numbers.set((_scratchpad(config), numbers.__next__))
    try:
        yield
    finally:
        _numbers.reset(token)
        _call.reset(call_token)
        _task.reset(task_token)


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
        if not self.is_nested:
            self.config = _of_root(self)
        elif self.checkpointer is None or is_inside_one:
            self.config = _patched(self.config, _PLACE, _Graph(ns, _name(self.config)))
        elif _PLACE in configurable:
            self.config = _patched(self.config, _PLACE, None)

    PregelLoop.__init__ = begin  # type: ignore[method-assign]


class _Roots:
    """The graphs with threads of their own that the tasks of one run began; safe for threads."""

    def __init__(self) -> None:
        self._begun: Counter[tuple[object, ...]] = Counter()
        self._newest: dict[tuple[object, ...], _Graph] = {}
        self._lock = threading.Lock()

    def graph(self, place: Place, loop: Any) -> _Graph | None:
        """What names the tasks of a graph that begins in a place; None: LangGraph does.

        One that goes on where an earlier one stopped makes the calls of that one again.
        """
        call = _call.get()
        thread = loop.config["configurable"].get(CONFIG_KEY_THREAD_ID)
        goes_on = loop.input is None or isinstance(loop.input, Command)
        with self._lock:
            if not goes_on:
                number = self._begun[place.execution, call]
                self._begun[place.execution, call] += 1
                limit = loop.config["recursion_limit"]
                name = NS_SEP.join((place.ns, f"~{call}.{number}"))
                graph = _Graph("", name, lambda: loop.stop - limit)
                self._newest[place.execution, call, thread] = graph
            return self._newest.get((place.execution, call, thread))


def _of_root(loop: Any) -> Any:
    """The config of a graph that is none of a task to LangGraph, and may yet run in one."""
    if (place := here()) is None or (roots := _roots.get()) is None:
        return loop.config
    return patch_configurable(loop.config, {_APART: True, _PLACE: roots.graph(place, loop)})


def _scratchpad(config: Any) -> PregelScratchpad | None:
    found = config and config.get("configurable", {}).get(CONFIG_KEY_SCRATCHPAD)
    return found if isinstance(found, PregelScratchpad) else None


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
    around = f"{graph.ns}{NS_SEP}" if graph is not None and graph.ns else ""
    if graph is None or not ns.startswith(around):
        return str(ns)
    task, *numbers = ns.removeprefix(around).split(NS_SEP)
    position = _position(config.get("metadata", {}).get("langgraph_path", ()))
    step = configurable[CONFIG_KEY_SCRATCHPAD].step - graph.first()
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
_call: ContextVar[int] = ContextVar("reviewconsole_call_number", default=0)
_task: ContextVar[Any] = ContextVar("reviewconsole_task", default=None)  # of the call around
_roots: ContextVar[_Roots | None] = ContextVar("reviewconsole_roots", default=None)
