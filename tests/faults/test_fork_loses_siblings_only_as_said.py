"""LangGraph's trap: a change of the state drops what else the step was to do, without a word."""

from __future__ import annotations

from typing import Any, cast

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from reviewconsole.protocol.messages import Failed
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, asked, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def plan(state: State) -> State:
    """Decide what is to be done."""
    return {"out": ["plan"]}


def work(name: Any) -> Any:
    """One of the tasks that were sent."""
    return {"out": [f"{name} {interrupts.interrupt('go?')}"]}


def sending() -> Any:
    builder = StateGraph(State)
    builder.add_node(plan)
    builder.add_node("work", cast(Any, work))
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda state: [Send("work", n) for n in "ab"], ["work"])
    return builder.compile()


def waiting_for_two() -> Any:
    """A node that two call for, and one after it."""
    builder = StateGraph(State)
    for name in ("left", "right", "join", "last"):
        builder.add_node(name, lambda state, name=name: {"out": [name]})
    builder.add_edge(START, "left")
    builder.add_edge(START, "right")
    builder.add_edge(["left", "right"], "join")
    builder.add_edge("join", "last")
    return builder.compile()


def test_langgraph_drops_what_was_sent(stock):
    graph = sending().copy(update={"checkpointer": InMemorySaver()})
    graph.invoke({"out": []}, stock)
    forked = graph.update_state(stock, {"out": ["edit"]}, as_node="work")
    assert graph.get_state(forked).next == ()


def test_langgraph_runs_a_skipped_node_that_two_call_for(stock):
    graph = waiting_for_two().copy(update={"checkpointer": InMemorySaver()})
    graph.invoke({"out": []}, stock, interrupt_before=["join"])
    graph.update_state(stock, None, as_node="join")
    assert graph.invoke(None, stock) == {"out": ["left", "right", "join", "last", "last"]}


async def test_what_was_sent_is_kept_or_the_change_is_refused(peer, client):
    desk = Desk(peer, client, sending())
    paused = await desk.start({"out": []})
    await desk.resume("A", "B")
    refused = await desk.travel(paused.checkpoint_id, ["work"], update={"out": ["edit"]})
    assert (type(refused), refused.error) == (Failed, "ForkRefused")
    assert "would lose all of it; fork the checkpoint before" in refused.message

    sender = desk.history()[1].checkpoint_id
    again = await desk.travel(sender, ["plan"], update={"out": ["edit"]})
    assert asked(again) == ["go?", "go?"]
    assert values(await desk.resume("A2", "B2"))["out"] == ["edit", "plan", "a A2", "b B2"]


async def test_a_skipped_node_does_not_run(peer, client):
    desk = Desk(peer, client, waiting_for_two())
    await desk.start({"out": []})
    join = desk.history()[2].checkpoint_id
    skipped = await desk.travel(join, ["join"], as_node="join")
    assert values(skipped) == {"out": ["left", "right", "last"]}
