"""LangGraph's trap: a change inside of a graph is lost as soon as the graph around it forks."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

from reviewconsole.protocol.messages import List, Owner, Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, ask, asked, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def prepare(state: State) -> State:
    """What the question inside is about."""
    return {"out": ["prepared"]}


def nested() -> Any:
    builder = StateGraph(State)
    builder.add_node("inside", chain(prepare, ask))
    builder.add_edge(START, "inside")
    return builder.compile()


def test_langgraph_forgets_a_change_inside(stock):
    graph = nested().copy(update={"checkpointer": InMemorySaver()})
    graph.invoke({"out": []}, stock)
    around = graph.get_state(stock, subgraphs=True)
    graph.update_state(around.tasks[0].state.config, {"out": ["edit"]})
    graph.invoke(None, around.config)  # goes back to the past of the graph around
    inside = graph.get_state(stock, subgraphs=True).tasks[0].state
    assert inside.values == {"out": ["prepared"]}


async def test_a_fork_inside_is_refused_with_where_to_fork(peer, client):
    desk = Desk(peer, client, nested())
    paused = await desk.start({"out": []})
    (question,) = paused.interrupts
    newest = List(Owner("agent"), "t", question.ns, None, None, None, 1)
    (inside,) = desk.peer.store.find(newest).checkpoints
    refused = await desk.travel(
        inside.checkpoint_id, ["ask"], ns=question.ns, update={"out": ["edit"]}
    )
    assert isinstance(refused, Paused)
    assert str(refused.refused).endswith(f"graph that runs it, {paused.checkpoint_id}")
    assert refused.interrupts == paused.interrupts  # still open, with what was asked

    again = await desk.travel(paused.checkpoint_id, ["inside"], update={"out": ["edit"]})
    assert asked(again) == asked(paused)
    assert values(await desk.resume("yes"))["out"][:1] == ["edit"]
