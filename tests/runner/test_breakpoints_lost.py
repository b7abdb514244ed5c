"""Breakpoints after a node, where the store has lost which node ran: people are asked."""

from __future__ import annotations

from typing import Any

import pytest

from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, asked, chain, values
from tests.runner.travelling import metadata


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def a(state: State) -> State:
    return {"out": ["a"]}


def b(state: State) -> State:
    return {"out": ["b"]}


def c(state: State) -> State:
    return {"out": ["c"]}


def after(*nodes: str) -> list[Any]:
    """The question of a breakpoint after these."""
    return [{"breakpoint": "after", "nodes": [*nodes], "tool_calls": []}]


async def test_every_stop_after_a_node_counts(peer, client):
    desk = Desk(peer, client, chain(a, b, c), interrupt_after=("a", "b"))
    paused = await desk.start({"out": []})
    assert asked(paused) == after("a")
    desk.peer.store.forget("t", str(desk.history()[-1].parent_id))

    again = await desk.travel(paused.checkpoint_id, ["b"])
    assert asked(again) == after("a", "b")
    assert values(again)["out"] == ["a"]
    # What comes of it is told as ever.
    assert asked(await desk.resume({"calls": []})) == after("b")
    assert values(await desk.resume({"calls": []}))["out"] == ["a", "b", "c"]


async def test_a_decision_about_less_is_not_taken(peer, client):
    desk = Desk(peer, client, chain(a, b, c), interrupt_after=("*",))
    await desk.start({"out": []})
    desk.peer.store.forget("t", str(desk.history()[-1].parent_id))
    held = await desk.resume({"calls": []})
    assert (asked(held), held.refused is None) == (after("a", "b", "c"), False)
    assert asked(await desk.resume({"calls": []})) == after("b")


async def test_what_a_replay_began_with_is_lost(peer, client):
    desk = Desk(peer, client, chain(a, b, c), interrupt_after=("a",))
    paused = await desk.start({"out": []})
    again = await desk.travel(paused.checkpoint_id, ["b"])
    assert metadata(desk.history()[-1])["reviewconsole_from"] == paused.checkpoint_id
    desk.peer.store.forget("t", paused.checkpoint_id)
    third = await desk.travel(again.checkpoint_id, ["b"])
    assert (asked(third), values(third)["out"]) == (after("a"), ["a"])


async def test_nothing_is_asked_where_no_stop_is_after_a_node(peer, client):
    desk = Desk(peer, client, chain(a, b, c), interrupt_before=("c",))
    await desk.start({"out": []})
    at = desk.history()[-2]
    desk.peer.store.forget("t", str(at.parent_id))
    again = await desk.travel(at.checkpoint_id, ["b"])
    assert (asked(again), values(again)["out"]) == (
        [{"breakpoint": "before", "nodes": ["c"], "tool_calls": []}],
        ["a", "b"],
    )
