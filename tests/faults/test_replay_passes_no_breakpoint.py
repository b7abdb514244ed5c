"""LangGraph's trap: a replay at a breakpoint passes it, though nobody approved it this time."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from reviewconsole.protocol.messages import Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, chain, value_of, values

STOPS = [{"interrupt_before": ("pay",)}, {"interrupt_after": ("plan",)}]


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def plan(state: State) -> State:
    """Come to a breakpoint."""
    return {"out": ["plan"]}


def pay(state: State) -> State:
    """What may happen once it was approved."""
    return {"out": ["paid"]}


def test_langgraph_passes_the_breakpoint(stock):
    graph = chain(plan, pay).copy(update={"checkpointer": InMemorySaver()})
    graph.invoke({"out": []}, stock, interrupt_before=["pay"])
    stop = graph.get_state(stock)
    assert stop.next == ("pay",)
    assert graph.invoke(None, stop.config, interrupt_before=["pay"])["out"][-1] == "paid"


@pytest.mark.parametrize("stops", STOPS, ids=["before", "after"])
@pytest.mark.parametrize(
    "change",
    [{}, {"stays": True}, {"update": {"out": []}}, {"as_node": "plan", "update": {"out": []}}],
    ids=["replay", "stays", "fork", "as the node"],
)
async def test_the_breakpoint_is_asked_about(peer, client, stops, change):
    desk = Desk(peer, client, chain(plan, pay), **stops)
    first = await desk.start({"out": []})
    await desk.resume({"calls": []})

    again = await desk.travel(first.checkpoint_id, ["pay"], **change)
    assert isinstance(again, Paused)
    (asked,) = again.interrupts
    assert (asked.kind, value_of(asked)) == ("breakpoint", value_of(first.interrupts[0]))
    assert asked.fingerprint != first.interrupts[0].fingerprint
    assert values(again) == {"out": ["plan"]}
    assert values(await desk.resume({"calls": []})) == {"out": ["plan", "paid"]}


async def test_a_run_up_to_a_breakpoint_stops_there(peer, client):
    desk = Desk(peer, client, chain(plan, pay), **STOPS[0])
    await desk.start({"out": []})
    before_plan = desk.history()[1].checkpoint_id
    again = await desk.travel(before_plan, ["plan"])
    assert (type(again), again.next, values(again)) == (Paused, ("pay",), {"out": ["plan"]})
