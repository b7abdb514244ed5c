"""What the runner uses of LangGraph beyond its documented interface: a failure here means it moved.

Read the change in LangGraph, then `answers`, `interrupts`, `pauses`, before widening the range of
versions in pyproject.toml.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest
from langgraph._internal import _constants as constants
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.graph import START, StateGraph
from langgraph.pregel import _retry
from langgraph.types import _interrupt_id
from typing_extensions import TypedDict

from reviewconsole.runner import interrupts


class State(TypedDict, total=False):
    n: int


def configurable_of_a_node() -> dict[str, Any]:
    seen: list[dict[str, Any]] = []

    def node(state: State) -> State:
        seen.append(get_config()["configurable"])
        return {"n": 1}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"n": 0}, {"configurable": {"thread_id": "t"}})
    return seen[0]


def test_the_names_of_the_reserved_keys():
    assert (
        constants.RESUME,
        constants.INTERRUPT,
        constants.CONFIG_KEY_SCRATCHPAD,
        constants.CONFIG_KEY_SEND,
        constants.CONFIG_KEY_TASK_ID,
        constants.CONFIG_KEY_CHECKPOINT_NS,
    ) == (
        "__resume__",
        "__interrupt__",
        "__pregel_scratchpad",
        "__pregel_send",
        "__pregel_task_id",
        "checkpoint_ns",
    )


def test_a_node_finds_its_task_in_its_config():
    configurable = configurable_of_a_node()
    task_id = configurable[constants.CONFIG_KEY_TASK_ID]
    assert configurable[constants.CONFIG_KEY_CHECKPOINT_NS] == f"node:{task_id}"
    assert isinstance(configurable[constants.CONFIG_KEY_SCRATCHPAD], PregelScratchpad)
    assert configurable[constants.CONFIG_KEY_SCRATCHPAD].resume == []
    assert callable(configurable[constants.CONFIG_KEY_SEND])


def test_a_retry_gets_a_counter_of_its_own():
    configurable = configurable_of_a_node()
    first = configurable[constants.CONFIG_KEY_SCRATCHPAD]
    retried = _retry._reset_interrupt_counter({"configurable": configurable})
    second = retried["configurable"][constants.CONFIG_KEY_SCRATCHPAD]
    assert second.interrupt_counter is not first.interrupt_counter
    assert second == dataclasses.replace(first, interrupt_counter=second.interrupt_counter)


def test_the_ids_of_questions():
    assert [_interrupt_id("node:1", answered) for answered in (0, 1)] == [
        "bd00ab1d89bcbb85b2b33c0e6efdaeb0",
        "13a0affd4742089361b2452b7d0735af",
    ]


def test_interrupt_takes_the_arguments_that_ours_takes():
    theirs = inspect.signature(interrupts.langgraph_interrupt)
    assert str(inspect.signature(interrupts.interrupt)) == str(theirs)


def test_a_pause_carries_its_questions_as_one_tuple():
    with pytest.raises(GraphInterrupt) as raised:
        raise GraphInterrupt((1, 2))  # type: ignore[arg-type]  # any two will do
    assert raised.value.args == ((1, 2),)
