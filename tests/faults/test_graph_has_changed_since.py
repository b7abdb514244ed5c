"""LangGraph's trap: a thread that was made by another graph silently runs nothing, or less."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from reviewconsole.protocol.messages import Failed
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def fetch(state: State) -> State:
    """Stays in the graph."""
    return {"out": ["fetch"]}


def check(state: State) -> State:
    """Is taken out of the graph."""
    return {"out": ["check"]}


def send(state: State) -> State:
    """Stays in the graph."""
    return {"out": ["send"]}


def test_langgraph_runs_nothing_for_a_node_that_is_gone(stock):
    saver = InMemorySaver()
    before = chain(fetch, check, send).copy(update={"checkpointer": saver})
    before.invoke({"out": []}, stock)
    paused = next(each for each in before.get_state_history(stock) if each.next == ("check",))
    now = chain(fetch, send).copy(update={"checkpointer": saver})
    assert now.invoke(None, paused.config) == {"out": ["fetch"]}


@pytest.fixture
async def changed(peer, client) -> tuple[Desk, str]:
    """A thread whose agent has lost a node since, and the checkpoint before that node."""
    made = Desk(peer, client, chain(fetch, check, send))
    await made.start({"out": []})
    desk = Desk(peer, client, chain(fetch, send))
    desk._runs = 1
    return desk, desk.history()[2].checkpoint_id


async def test_a_node_that_is_gone_is_said(changed):
    desk, before_check = changed
    told = desk.history()
    failed = await desk.travel(before_check, ["check"])
    assert isinstance(failed, Failed)
    assert (failed.error, failed.message) == (
        "GraphChanged",
        "the agent has no node check (any more); it has fetch, send, and a fork can be written as "
        "one of these",
    )
    assert desk.history() == told


async def test_what_still_works(changed):
    desk, before_check = changed
    forked = await desk.travel(before_check, [], as_node="fetch", update={"out": ["by hand"]})
    assert values(forked) == {"out": ["fetch", "by hand", "send"]}
    earlier = await desk.travel(desk.history()[1].checkpoint_id, ["fetch"])
    assert values(earlier) == {"out": ["fetch", "send"]}


async def test_a_channel_that_is_gone_is_said(changed):
    desk, before_check = changed
    failed: Any = await desk.travel(before_check, [], as_node="fetch", update={"verdict": "ok"})
    assert (failed.error, failed.message) == (
        "ForkRefused",
        "the state cannot be changed: it has no verdict; its channels are out",
    )
