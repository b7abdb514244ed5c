"""Replays and forks that cannot be carried out: said plainly, and nothing is touched."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import START, StateGraph

from reviewconsole.protocol.messages import Failed, List, Owner, Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, ask, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def a(state: State) -> State:
    return {"out": ["a"]}


def b(state: State) -> State:
    return {"out": ["b"]}


def c(state: State) -> State:
    return {"out": ["c"]}


async def refuse(desk: Desk, at: str | None, next: list[str], **change: Any) -> tuple[str, str]:
    """The error and the message of a journey that fails; the thread is as it was."""
    told = desk.history()
    failed = await desk.travel(at, next, **change)
    assert isinstance(failed, Failed)
    assert desk.history() == told
    return failed.error, failed.message


async def test_a_checkpoint_that_is_gone(peer, client):
    desk = Desk(peer, client, chain(a))
    await desk.start({"out": []})
    gone = "1f000000-0000-6000-8000-000000000000"
    assert await refuse(desk, gone, ["a"]) == (
        "CheckpointGone",
        f"the checkpoint {gone} is not in the store any more",
    )


async def test_a_checkpoint_inside_names_the_one_around_it(peer, client):
    outer = StateGraph(State)
    outer.add_node("nested", chain(ask))
    outer.add_edge(START, "nested")
    desk = Desk(peer, client, outer.compile())
    paused = await desk.start({"out": []})
    (question,) = paused.interrupts
    inside = List(Owner("agent"), "t", question.ns, None, None, None, 1)
    (newest,) = desk.peer.store.find(inside).checkpoints
    refused = await desk.travel(newest.checkpoint_id, ["ask"], ns=question.ns)
    assert isinstance(refused, Paused)
    assert str(refused.refused).endswith(f"that runs it, {paused.checkpoint_id}")
    assert refused.interrupts == paused.interrupts


async def test_other_nodes_than_were_told(peer, client):
    desk = Desk(peer, client, chain(a, b))
    await desk.start({"out": []})
    at = desk.history()[1].checkpoint_id
    assert await refuse(desk, at, ["b"]) == (
        "GraphChanged",
        "b should run from this checkpoint, but with the agent's graph as it is now a would; it "
        "has a, b, and a fork can be written as one of these",
    )


async def test_a_node_that_nobody_has(peer, client):
    desk = Desk(peer, client, chain(a, b))
    await desk.start({"out": []})
    for as_node in ("c", "__copy__", "__input__"):
        error, message = await refuse(desk, desk.head(), [], as_node=as_node)
        assert error == "GraphChanged"
        assert message.startswith(f"the agent has no node {as_node} (any more); it has a, b")


async def test_a_change_after_several_nodes_says_whose_it_is(peer, client):
    builder = StateGraph(State)
    for node in (a, b, c):
        builder.add_node(node)
    builder.add_edge(START, "a")
    builder.add_edge(START, "b")
    builder.add_edge(["a", "b"], "c")
    desk = Desk(peer, client, builder.compile())
    await desk.start({"out": []})
    at = desk.history()[2].checkpoint_id
    error, message = await refuse(desk, at, ["c"], update={"out": ["edit"]})
    assert error == "ForkRefused"
    assert message.endswith("say as which node: a, b, c")
    forked = await desk.travel(at, ["c"], as_node="c", update={"out": ["edit"]})
    assert values(forked) == {"out": ["a", "b", "edit"]}


async def test_an_edge_that_raises_changes_nothing(peer, client):
    def route(state: State) -> str:
        return {"a": "b"}[state["out"][-1]]

    builder = StateGraph(State)
    builder.add_node(a)
    builder.add_node(b)
    builder.add_edge(START, "a")
    builder.add_conditional_edges("a", route, ["b"])
    desk = Desk(peer, client, builder.compile())
    await desk.start({"out": []})
    at = desk.history()[2].checkpoint_id
    error, message = await refuse(desk, at, ["b"], update={"out": ["edit"]})
    assert (error, message) == ("ForkRefused", "the state cannot be changed so: KeyError: 'edit'")
