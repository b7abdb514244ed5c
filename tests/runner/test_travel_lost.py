"""The runner is lost at any moment of a replay or a fork: there is one branch, and all of it."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END

from reviewconsole.protocol.messages import Cancelled, Finished, Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, asked, chain, values
from tests.runner.losing import at_every_request
from tests.runner.travelling import branches


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def a(state: State) -> State:
    return {"out": ["a"]}


def ask(state: State) -> State:
    return {"out": [interrupts.interrupt("sure?")]}


def c(state: State) -> State:
    return {"out": ["c"]}


def at_the_head(**options: Any) -> Any:
    """Prepare a thread that waits for `ask`, and a journey from there."""

    async def prepare(peer: Any, client: Any) -> tuple[Desk, Any]:
        desk = Desk(peer, client, chain(a, ask, c), **options.get("run", {}))
        await desk.start({"out": []})
        return desk, desk.trip(desk.head(), ["ask"], **options.get("change", {}))

    return prepare


CHANGES: list[tuple[dict[str, Any], type[Any], list[str], tuple[str, ...]]] = [
    ({}, Paused, ["a"], ("ask",)),
    ({"stays": True}, Finished, ["a"], ("ask",)),
    ({"update": {"out": ["edit"]}}, Paused, ["a", "edit"], ("ask",)),
    ({"update": {"out": ["edit"]}, "stays": True}, Finished, ["a", "edit"], ("ask",)),
    ({"as_node": "ask"}, Finished, ["a", "c"], ()),
    ({"as_node": "ask", "update": {"out": ["hand"]}}, Finished, ["a", "hand", "c"], ()),
    ({"as_node": END, "update": {"out": ["edit"]}}, Finished, ["a", "edit"], ()),
]


@pytest.mark.parametrize(("change", "ends", "out", "next"), CHANGES, ids=str)
async def test_there_is_one_branch(peer, client, change, ends, out, next):
    async def check(desk: Desk, run: Any, outcome: Any, requests: int) -> None:
        assert (type(outcome), values(outcome)["out"], outcome.next) == (ends, out, next)
        assert outcome.checkpoint_id == desk.head()
        assert len(branches(desk, run)) == 1
        if isinstance(outcome, Paused):
            assert asked(outcome) == ["sure?"]
            assert values(await desk.resume("yes"))["out"] == [*out, "yes", "c"]

    await at_every_request(peer, client, at_the_head(change=change), check)


@pytest.mark.parametrize("change", [{}, {"update": {"out": []}}, {"as_node": "a"}], ids=str)
async def test_no_breakpoint_is_passed(peer, client, change):
    async def check(desk: Desk, run: Any, outcome: Any, requests: int) -> None:
        assert isinstance(outcome, Paused)
        assert [question.kind for question in outcome.interrupts] == ["breakpoint"]
        assert outcome.refused is None
        assert len(branches(desk, run)) == 1

    run = {"interrupt_before": ("ask",)}
    await at_every_request(peer, client, at_the_head(run=run, change=change), check)


async def test_what_has_run_on_the_branch_is_not_run_again(peer, client):
    """The second runner finds a step that is done, and one that is not."""
    ran: list[str] = []

    def first(state: State) -> State:
        ran.append("first")
        return {"out": ["first"]}

    def second(state: State) -> State:
        ran.append("second")
        if len(ran) == 4:
            peer.lost.add(trip.lease)
        return {"out": ["second"]}

    desk = Desk(peer, client, chain(first, second))
    await desk.start({"out": []})
    trip = desk.trip(desk.history()[1].checkpoint_id, ["first"])
    await desk.execution(trip).run()
    assert (ran, desk.outcomes(trip.lease)) == (["first", "second"] * 2, [])
    finished = await desk.execute(desk.again(trip))
    assert (ran[4:], values(finished)) == (["second"], {"out": ["first", "second"]})


async def test_a_cancelled_journey_stops(peer, client):
    desk, run = await at_the_head(change={"as_node": "ask"})(peer, client)
    execution = desk.execution(run)
    execution.cancel()
    await execution.run()
    assert [type(each) for each in desk.outcomes(run.lease)] == [Cancelled]
