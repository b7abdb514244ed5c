"""Graphs inside a graph that keep no checkpoints of their own."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import START, StateGraph

from reviewconsole.protocol.messages import Finished
from reviewconsole.runner import interrupts, tools
from tests.runner.executing import Desk, State, ask, asked, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    tools.install()


def first(state: State) -> State:
    return {"out": ["first"]}


def last(state: State) -> State:
    return {"out": ["last"]}


def stateless(*nodes: Any) -> Any:
    graph = chain(*nodes)
    graph.checkpointer = False
    return graph


def as_a_node(graph: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("inside", graph)
    builder.add_node(last)
    builder.add_edge(START, "inside")
    builder.add_edge("inside", "last")
    return builder.compile()


def called(graph: Any) -> Any:
    def call(state: State) -> State:
        return {"out": graph.invoke({"out": []})["out"]}

    return chain(call, last)


def awaited(graph: Any) -> Any:
    async def call(state: State) -> State:
        return {"out": (await graph.ainvoke({"out": []}))["out"]}

    return chain(call, last)


@pytest.mark.parametrize("around", [as_a_node, called, awaited])
async def test_a_stateless_graph_runs(peer, client, around):
    outcome = await Desk(peer, client, around(stateless(first))).start({"out": []})
    assert isinstance(outcome, Finished), outcome
    assert values(outcome) == {"out": ["first", "last"]}


@pytest.mark.parametrize("around", [as_a_node, called, awaited])
async def test_a_question_of_a_stateless_graph_takes_its_answer(peer, client, around):
    """Its task has another id each time, and is known by its place."""
    desk = Desk(peer, client, around(stateless(first, ask)))
    assert asked(await desk.start({"out": []})) == [{"query": "ready?"}]
    run = desk.decide("yes")
    outcome = await desk.execute(run)
    assert (values(outcome), desk.applied(run)) == ({"out": ["first", "yes", "last"]}, [1])
