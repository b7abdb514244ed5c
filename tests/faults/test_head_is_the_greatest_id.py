"""LangGraph's trap: a thread goes on from its newest checkpoint, whichever branch was meant."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from reviewconsole.protocol.messages import Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def draft(state: State) -> State:
    """What the question is about."""
    return {"out": ["draft"]}


def ask(state: State) -> State:
    """The same question on every branch."""
    return {"out": [interrupts.interrupt("send it?")]}


def test_langgraph_answers_another_branch(stock):
    graph = chain(draft, ask).copy(update={"checkpointer": InMemorySaver()})
    graph.invoke({"out": []}, stock)
    meant = graph.get_state(stock)
    graph.update_state(meant.config, {"out": ["forged"]}, as_node="draft")
    # The answer was made for the pause of the first branch.
    assert graph.invoke(Command(resume="yes"), stock) == {"out": ["draft", "forged", "yes"]}


async def test_an_answer_stays_with_its_branch(peer, client):
    desk = Desk(peer, client, chain(draft, ask))
    meant = await desk.start({"out": []})
    late = desk.decide("yes")
    forked = await desk.travel(
        meant.checkpoint_id, ["ask"], as_node="draft", update={"out": ["forged"]}
    )
    assert forked.checkpoint_id == desk.head()

    refused = await desk.execute(late)
    assert isinstance(refused, Paused)
    assert values(refused) == {"out": ["draft", "forged"]}
    assert str(refused.refused).startswith("nothing was resumed: ask asks something that was not")
    assert desk.applied(late) == []


async def test_the_new_branch_is_the_head_and_the_old_one_stays(peer, client):
    desk = Desk(peer, client, chain(draft, ask))
    paused = await desk.start({"out": []})
    ended = await desk.resume("yes")
    told = desk.history()
    again = await desk.travel(paused.checkpoint_id, ["ask"])
    assert again.checkpoint_id == desk.head() > ended.checkpoint_id
    assert desk.history()[: len(told)] == told
