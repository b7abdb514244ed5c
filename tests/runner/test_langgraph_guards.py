"""What the runner uses of LangGraph beyond its documented interface: a failure here means it moved.

Read the change in LangGraph, then `answers`, `interrupts`, `pauses`, `moves`, `past`, `travel`,
`edges`, `stateless`, `places`, before widening the range of versions in pyproject.toml.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph._internal import _constants as constants
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.graph import START, StateGraph
from langgraph.pregel import Pregel, _loop, _messages, _retry, _task_status
from langgraph.types import _DEFAULT_INTERRUPT_ID, Interrupt, _interrupt_id
from typing_extensions import TypedDict

from reviewconsole.runner import edges, interrupts, stateless


class State(TypedDict, total=False):
    n: int


def graph_of(node: Any, **options: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(checkpointer=InMemorySaver(), **options)


def configurable_of_a_node() -> dict[str, Any]:
    seen: list[dict[str, Any]] = []

    def node(state: State) -> State:
        seen.append(get_config()["configurable"])
        return {"n": 1}

    graph_of(node).invoke({"n": 0}, {"configurable": {"thread_id": "t"}})
    return seen[0]


def test_the_names_of_the_reserved_keys():
    assert (
        constants.RESUME,
        constants.INTERRUPT,
        constants.CONFIG_KEY_SCRATCHPAD,
        constants.CONFIG_KEY_SEND,
        constants.CONFIG_KEY_TASK_ID,
        constants.CONFIG_KEY_CHECKPOINT_NS,
        constants.NO_WRITES,
        constants.NULL_TASK_ID,
        constants.NS_SEP,
        constants.NS_END,
    ) == (
        "__resume__",
        "__interrupt__",
        "__pregel_scratchpad",
        "__pregel_send",
        "__pregel_task_id",
        "checkpoint_ns",
        "__no_writes__",
        "00000000-0000-0000-0000-000000000000",
        "|",
        ":",
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


def test_a_task_sends_to_the_list_of_its_writes():
    send = configurable_of_a_node()[constants.CONFIG_KEY_SEND]
    assert list(send.__self__)[-1] == ("n", 1)
    assert send.__name__ == "extend"


def test_what_says_how_a_task_fares_and_what_it_made():
    assert {"__error__", "__interrupt__", "__resume__"} <= _task_status.CONTROL_WRITES
    assert constants.NO_WRITES not in _task_status.CONTROL_WRITES


def test_the_id_of_questions_that_draw_none():
    assert Interrupt("?").id == _DEFAULT_INTERRUPT_ID == "placeholder-id"


def test_an_edge_is_called_by_two_methods():
    for stock, ours in (
        (edges.langgraph_route, edges._route),
        (edges.langgraph_aroute, edges._aroute),
    ):
        assert list(inspect.signature(stock).parameters)[:3] == ["self", "input", "config"]
        assert inspect.signature(ours) == inspect.signature(stock)


def test_writes_beside_the_step_are_applied_before_it_and_their_mark_is_passed_over(caplog):
    graph = graph_of(lambda state: {"n": state["n"] * 10}, interrupt_before=["node"])
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    graph.invoke({"n": 1}, config)
    writes = [("n", 2), (constants.NO_WRITES, {"mark": 1})]
    graph.checkpointer.put_writes(graph.get_state(config).config, writes, constants.NULL_TASK_ID)
    state = graph.get_state(config)
    assert (state.values, state.next) == ({"n": 2}, ("node",))
    assert graph.invoke(None, config) == {"n": 20}
    assert caplog.records == []


def test_messages_get_their_ids_before_they_are_written():
    writes: list[tuple[str, Any]] = [("messages", [HumanMessage("hi")])]
    reduce: Any = _messages._messages_delta_reducer
    channel = DeltaChannel(reduce, list)
    _messages.ensure_message_ids({"messages": channel}, writes)
    assert writes[0][1][0].id


def test_a_step_waits_for_a_checkpoint_that_a_graph_without_any_never_writes():
    for stream in (Pregel.stream, Pregel.astream):
        assert inspect.getsource(stream).count("loop._put_checkpoint_fut") == 1
    assert {_loop.SyncPregelLoop.__base__, _loop.AsyncPregelLoop.__base__} == {_loop.PregelLoop}
    assert "_put_checkpoint_fut" not in _loop.PregelLoop.__annotations__
    stateless.install()
    inside = graph_of(lambda state: {"n": state["n"] + 1})
    inside.checkpointer = False
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    assert graph_of(inside).invoke({"n": 1}, config, durability="sync") == {"n": 2}


async def test_a_fork_of_a_checkpoint_that_is_passed_writes_nothing_beside_it():
    """`past.PastSaver` says of each checkpoint that it is passed: the newest has another id."""
    graph = graph_of(lambda state: {"n": 1})
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    graph.invoke({"n": 0}, config)
    input_, *_ = reversed(list(graph.get_state_history(config)))
    before = graph.checkpointer.get_tuple(input_.config).pending_writes
    await graph.aupdate_state(input_.config, {"n": 5}, as_node="node")
    assert graph.checkpointer.get_tuple(input_.config).pending_writes == before


async def test_a_change_is_of_the_node_that_ran_last():
    graph = graph_of(lambda state: {"n": 1})
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    graph.invoke({"n": 0}, config)
    saved = graph.checkpointer.get_tuple(config)
    assert graph._infer_as_node(saved.checkpoint["versions_seen"]) == "node"


def test_a_graph_begins_with_a_config_and_takes_its_number_from_the_task():
    """`places` changes both."""
    stock = inspect.unwrap(_loop.PregelLoop.__init__)
    config = inspect.signature(stock).parameters["config"]
    assert config.kind is inspect.Parameter.KEYWORD_ONLY
    assert "subgraph_counter" in {field.name for field in dataclasses.fields(PregelScratchpad)}
    spaces: list[str] = []

    def inner(state: State) -> State:
        spaces.append(get_config()["configurable"][constants.CONFIG_KEY_CHECKPOINT_NS])
        return {"n": 1}

    builder = StateGraph(State)
    builder.add_node("inner", inner)
    builder.add_edge(START, "inner")
    inside = builder.compile()

    def node(state: State) -> State:
        inside.invoke({"n": 0})
        inside.invoke({"n": 0})
        return {"n": 1}

    graph_of(node).invoke({"n": 0}, {"configurable": {"thread_id": "t"}})
    parts = [[part.split(":")[0] for part in ns.split("|")] for ns in spaces]
    assert parts == [["node", "inner"], ["node", "1", "inner"]]
