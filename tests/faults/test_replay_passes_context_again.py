"""LangGraph's trap: context is in no checkpoint, so a replay without it runs another agent."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from typing_extensions import TypedDict

from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


class Context(TypedDict, total=False):
    """For whom the agent acts."""

    tenant: str


def pay(state: State, runtime: Any) -> State:
    """Act for a tenant."""
    return {"out": [(runtime.context or {}).get("tenant", "everybody")]}


def test_langgraph_forgets_the_context(stock):
    graph = chain(pay, context_schema=Context).copy(update={"checkpointer": InMemorySaver()})
    graph.invoke({"out": []}, stock, context={"tenant": "acme"})
    before = next(each for each in graph.get_state_history(stock) if each.next == ("pay",))
    assert graph.invoke(None, before.config) == {"out": ["everybody"]}


@pytest.mark.parametrize("change", [{}, {"update": {"out": []}}], ids=["replay", "fork"])
async def test_a_replay_has_its_context(peer, client, change):
    graph = chain(pay, context_schema=Context)
    desk = Desk(peer, client, graph, context={"tenant": "acme"})
    await desk.start({"out": []})
    before = desk.history()[1].checkpoint_id
    assert values(await desk.travel(before, ["pay"], **change)) == {"out": ["acme"]}
