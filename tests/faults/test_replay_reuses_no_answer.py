"""LangGraph's trap: what a pause was answered goes on to answer it, and to be what came of it."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END
from langgraph.types import Command

from reviewconsole.protocol.messages import Finished
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, Reply, State, asked, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def ask(state: State) -> State:
    """A pause."""
    return {"out": [interrupts.interrupt("sure?")]}


def test_langgraph_reuses_the_old_answer(stock):
    graph = chain(ask).copy(update={"checkpointer": InMemorySaver()})
    graph.invoke({"out": []}, stock)
    paused = graph.get_state(stock)
    graph.invoke(Command(resume="old"), stock)
    assert graph.invoke(Command(resume="new"), paused.config) == {"out": ["old"]}
    ended = graph.update_state(paused.config, None, as_node=END)
    assert graph.get_state(ended).values == {"out": ["old"]}


async def test_a_replay_asks_and_an_end_takes_nothing(peer, client):
    desk = Desk(peer, client, chain(ask))
    paused = await desk.start({"out": []})
    await desk.resume(Reply("old", update={"out": ["changed with it"]}))

    again = await desk.travel(paused.checkpoint_id, ["ask"])
    assert (asked(again), values(again)) == (["sure?"], {"out": []})
    assert again.interrupts[0].fingerprint != paused.interrupts[0].fingerprint
    assert values(await desk.resume("new")) == {"out": ["new"]}

    ended = await desk.travel(paused.checkpoint_id, ["ask"], as_node=END)
    assert (type(ended), values(ended)) == (Finished, {"out": []})
