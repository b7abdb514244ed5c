"""Replays and forks: where they begin, what they run, what they leave alone."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START

from reviewconsole.protocol.messages import Failed, Finished, Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, Reply, State, asked, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


@pytest.fixture
def ran() -> list[str]:
    """The nodes that ran, in order."""
    return []


def asking(ran: list[str], **options: Any) -> Any:
    """a, then a question, then c."""

    def a(state: State) -> State:
        ran.append("a")
        return {"out": ["a"]}

    def ask(state: State) -> State:
        ran.append("ask")
        return {"out": [interrupts.interrupt("sure?")]}

    def c(state: State) -> State:
        ran.append("c")
        return {"out": ["c"]}

    return chain(a, ask, c, **options)


async def answered(
    peer: Any, client: Any, ran: list[str], **options: Any
) -> tuple[Desk, list[str]]:
    """A finished thread of `asking`, and its checkpoints: input, before a, before ask, …"""
    desk = Desk(peer, client, asking(ran), **options)
    await desk.start({"out": []})
    assert isinstance(await desk.resume("yes"), Finished)
    ran.clear()
    return desk, [each.checkpoint_id for each in desk.history()]


async def test_what_ran_before_is_not_run_again(peer, client, ran):
    desk, (_, _, _, before_c, _) = await answered(peer, client, ran)
    finished = await desk.travel(before_c, ["c"])
    assert isinstance(finished, Finished)
    assert (ran, values(finished)) == (["c"], {"out": ["a", "yes", "c"]})
    assert finished.checkpoint_id == desk.head()
    assert [(each.parent_id) for each in desk.history()][-2] == before_c


async def test_a_replay_asks_again(peer, client, ran):
    desk, (_, _, before_ask, _, _) = await answered(peer, client, ran)
    first = desk.peer.of(Paused)[0]
    again = await desk.travel(before_ask, ["ask"])
    assert asked(again) == ["sure?"]
    assert again.interrupts[0].fingerprint != first.interrupts[0].fingerprint
    assert again.checkpoint_id == desk.head() != before_ask
    assert values(await desk.resume("no")) == {"out": ["a", "no", "c"]}
    assert ran == ["ask", "ask", "c"]


async def test_a_replay_of_the_head_asks_again(peer, client, ran):
    desk = Desk(peer, client, asking(ran))
    first = await desk.start({"out": []})
    for _ in range(2):  # the second begins at the branch that the first has made
        again = await desk.travel(desk.head(), ["ask"])
        assert asked(again) == ["sure?"]
        assert again.checkpoint_id == desk.head() != first.checkpoint_id
    assert values(await desk.resume("no")) == {"out": ["a", "no", "c"]}


async def test_a_fork_changes_the_state_and_runs_on(peer, client, ran):
    desk, (_, _, before_ask, _, _) = await answered(peer, client, ran)
    paused = await desk.travel(before_ask, ["ask"], update={"out": ["edit"]})
    assert values(paused) == {"out": ["a", "edit"]}
    assert values(await desk.resume("no")) == {"out": ["a", "edit", "no", "c"]}


async def test_a_fork_stays(peer, client, ran):
    desk, (_, _, before_ask, _, _) = await answered(peer, client, ran)
    stayed = await desk.travel(before_ask, ["ask"], update={"out": ["edit"]}, stays=True)
    assert isinstance(stayed, Finished)
    assert (stayed.next, values(stayed), ran) == (("ask",), {"out": ["a", "edit"]}, [])
    assert stayed.checkpoint_id == desk.head()
    paused = await desk.travel(desk.head(), ["ask"])
    assert (asked(paused), values(paused)) == (["sure?"], {"out": ["a", "edit"]})


async def test_a_fork_that_changes_nothing_stays(peer, client, ran):
    desk, (_, _, before_ask, _, _) = await answered(peer, client, ran)
    stayed = await desk.travel(before_ask, ["ask"], stays=True)
    assert (stayed.next, values(stayed), ran) == (("ask",), {"out": ["a"]}, [])
    assert stayed.checkpoint_id == desk.head()


async def test_a_node_is_skipped(peer, client, ran):
    desk, (_, _, before_ask, _, _) = await answered(peer, client, ran)
    finished = await desk.travel(before_ask, ["ask"], as_node="ask")
    assert (values(finished), ran) == ({"out": ["a", "c"]}, ["c"])


async def test_a_person_writes_as_a_node(peer, client, ran):
    desk, (_, _, before_ask, _, _) = await answered(peer, client, ran)
    finished = await desk.travel(before_ask, ["ask"], as_node="ask", update={"out": ["by hand"]})
    assert (values(finished), ran) == ({"out": ["a", "by hand", "c"]}, ["c"])


async def test_a_person_writes_as_a_node_of_another_place(peer, client, ran):
    desk, (*_, end) = await answered(peer, client, ran)
    paused = await desk.travel(end, [], as_node="a", update={"out": ["again"]})
    assert values(paused) == {"out": ["a", "yes", "c", "again"]}
    assert asked(paused) == ["sure?"]


async def test_a_thread_is_finished_in_the_past(peer, client, ran):
    desk, (_, _, before_ask, _, _) = await answered(peer, client, ran)
    finished = await desk.travel(before_ask, ["ask"], as_node=END)
    assert isinstance(finished, Finished)
    # Nothing of the old answer: LangGraph would take what the finished task has written.
    assert (values(finished), finished.next, ran) == ({"out": ["a"]}, (), [])
    changed = await desk.travel(before_ask, ["ask"], as_node=END, update={"out": ["edit"]})
    assert (values(changed), changed.next, ran) == ({"out": ["a", "edit"]}, (), [])


async def test_the_input_is_given_again_or_changed(peer, client, ran):
    desk, (given, *_) = await answered(peer, client, ran)
    again = await desk.travel(given, [START])
    assert (values(again), ran) == ({"out": ["a"]}, ["a", "ask"])
    ran.clear()
    changed = await desk.travel(given, [START], update={"out": ["other"]})
    assert (values(changed), ran) == ({"out": ["other", "a"]}, ["a", "ask"])


async def test_nothing_runs_after_an_end(peer, client, ran):
    desk, (*_, end) = await answered(peer, client, ran)
    failed = await desk.travel(end, [])
    assert isinstance(failed, Failed)
    assert (failed.error, failed.checkpoint_id, desk.head()) == ("ForkRefused", end, end)


async def test_the_past_is_not_written_to(peer, client, ran):
    desk, before = await answered(peer, client, ran)
    told = desk.history()
    for change in ({}, {"update": {"out": ["edit"]}}, {"as_node": "ask"}, {"as_node": END}):
        await desk.travel(before[2], ["ask"], **change)
    await desk.travel(before[-1], [], as_node="a", update={"out": ["again"]})
    await desk.travel(desk.head(), ["ask"], as_node="ask")
    assert desk.history()[: len(told)] == told


async def test_a_change_that_the_agent_does_not_take_changes_nothing(peer, client, ran):
    desk = Desk(peer, client, asking(ran))
    paused = await desk.start({"out": []})
    told = desk.history()
    for change in ({"out": 1}, {"gone": 1}):
        refused = await desk.travel(desk.head(), ["ask"], as_node="ask", update=change)
        assert isinstance(refused, Paused)
        assert str(refused.refused).startswith("the thread stays where it is: the state cannot be")
        assert refused.interrupts == paused.interrupts
    assert desk.history() == told
    assert values(await desk.resume("yes")) == {"out": ["a", "yes", "c"]}


async def test_what_a_decision_changed_is_not_the_past(peer, client, ran):
    desk = Desk(peer, client, asking(ran))
    paused = await desk.start({"out": []})
    await desk.resume(Reply("yes", update={"out": ["decided"]}))
    again = await desk.travel(paused.checkpoint_id, ["ask"])
    assert values(again) == {"out": ["a"]}
    assert values(await desk.resume("no")) == {"out": ["a", "no", "c"]}
