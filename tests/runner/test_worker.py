"""A runner at work against a console in memory: what it claims, heeds and hands back."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from reviewconsole.protocol.exceptions import Unauthorised
from reviewconsole.protocol.messages import (
    Assignment,
    CallTool,
    Cancel,
    Cancelled,
    Claim,
    Finished,
    Hello,
    Lease,
    Paused,
    Release,
    Wake,
)
from reviewconsole.runner import executor, interrupts, stored, tools
from reviewconsole.runner.graphs import GraphLoadError, GraphSpec, Reference
from reviewconsole.runner.worker import NothingToServe, Runner
from tests.runner.executing import spec
from tests.runner.peer import TOKEN, Peer


class State(TypedDict, total=False):
    n: int


class Gate:
    """A node that waits until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = 0
        self.open = asyncio.Event()

    async def __call__(self, state: State) -> State:
        self.begun += 1
        await self.open.wait()
        return {"n": 1}


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    tools.install()


def graph(*nodes: Any) -> Any:
    builder = StateGraph(State)
    names = [START, *(f"step {i}" for i in range(len(nodes)))]
    for i, node in enumerate(nodes):
        builder.add_node(f"step {i}", node)
        builder.add_edge(names[i], names[i + 1])
    return builder.compile()


def run_of(number: int, *, agent: str = "agent") -> Assignment:
    return Assignment(
        lease=Lease(number, 1),
        agent=agent,
        thread=f"t{number}",
        trigger="start",
        input=stored.store({"n": 0}),
        context=None,
        interrupt_before=(),
        interrupt_after=(),
        recursion_limit=25,
        base_checkpoint_id=None,
        answers=(),
    )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 -- the peer is in another thread
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(peer: Peer, agent: Any, **options: Any) -> AsyncIterator[Runner]:
    """A runner that serves one graph; stopped at the end."""
    agents = {"agent": spec(agent)}
    runner = Runner(peer.url, TOKEN, agents, name="host:1", **options)
    serving = asyncio.create_task(runner.run())
    await until(lambda: peer.of(Claim) or serving.done())
    yield runner
    runner.stop()
    await serving


async def test_it_introduces_itself_and_its_agents(peer):
    async with serving(peer, graph(Gate()), capacity=3):
        (hello,) = peer.of(Hello)
        assert (hello.name, hello.capacity, hello.held) == ("host:1", 3, ())
        assert [agent["name"] for agent in hello.agents] == ["agent"]
        assert set(hello.versions) == {"python", "langgraph", "langchain", "langchain_core"}
        assert peer.of(Claim)[0] == Claim(3)


async def test_a_run_that_waits_is_claimed_at_once_and_executed(peer):
    gate = Gate()
    gate.open.set()
    peer.runs.append(run_of(1))
    async with serving(peer, graph(gate)):
        await until(lambda: peer.of(Finished))
        assert [each.lease for each in peer.of(Finished)] == [Lease(1, 1)]


async def test_a_hint_brings_the_next_claim(peer):
    gate = Gate()
    gate.open.set()
    async with serving(peer, graph(gate)):
        peer.runs.append(run_of(1))
        peer.hint(Wake())
        await until(lambda: peer.of(Finished))


async def test_a_lost_hint_costs_no_more_than_a_heartbeat():
    gate = Gate()
    gate.open.set()
    with Peer(heartbeat_seconds=0.05) as peer:
        async with serving(peer, graph(gate)):
            peer.runs.append(run_of(1))
            await until(lambda: peer.of(Finished))


async def test_it_takes_no_more_than_its_capacity_and_goes_on_when_one_ends(peer):
    gate = Gate()
    peer.runs.extend(run_of(number) for number in (1, 2, 3))
    async with serving(peer, graph(gate), capacity=2):
        await until(lambda: gate.begun == 2)
        peer.hint(Wake())
        gate.open.set()
        await until(lambda: len(peer.of(Finished)) == 3)
    assert gate.begun == 3


async def test_agents_that_ask_pause(peer):
    def ask(state: State) -> State:
        return {"n": interrupts.interrupt("how many?")}

    peer.runs.append(run_of(1))
    async with serving(peer, graph(ask)):
        await until(lambda: peer.of(Paused))
        (paused,) = peer.of(Paused)
        assert stored.load(paused.interrupts[0].value) == "how many?"


async def test_a_cancelled_run_stops(peer):
    gate = Gate()
    peer.runs.append(run_of(1))
    async with serving(peer, graph(gate, gate)):
        await until(lambda: gate.begun == 1)
        peer.hint(Cancel(Lease(2, 1)), Cancel(Lease(1, 2)), Cancel(Lease(1, 1)))
        peer.runs.append(run_of(9))
        peer.hint(Wake())  # heard after the cancellation
        await until(lambda: gate.begun == 2)
        gate.open.set()
        await until(lambda: peer.of(Cancelled))
        await until(lambda: peer.of(Finished))
    assert [each.lease for each in peer.of(Cancelled)] == [Lease(1, 1)]
    assert [each.lease for each in peer.of(Finished)] == [Lease(9, 1)]


async def test_a_cancellation_comes_by_heartbeat_too():
    gate = Gate()
    with Peer(heartbeat_seconds=0.05) as peer:
        peer.runs.append(run_of(1))
        async with serving(peer, graph(gate, gate)):
            await until(lambda: gate.begun == 1)
            beats = len(peer.received)
            peer.cancelled.add(Lease(1, 1))
            await until(lambda: len(peer.received) > beats + 3)
            gate.open.set()
            await until(lambda: peer.of(Cancelled))


async def test_a_lost_lease_is_dropped():
    gate = Gate()
    with Peer(heartbeat_seconds=0.05) as peer:
        peer.runs.append(run_of(1))
        async with serving(peer, graph(gate)):
            await until(lambda: gate.begun == 1)
            peer.lost.add(Lease(1, 1))
            peer.runs.append(run_of(2))
            await until(lambda: gate.begun == 2)
            gate.open.set()
            await until(lambda: peer.of(Finished))
        assert [each.lease for each in peer.of(Finished)] == [Lease(2, 1)]


async def test_a_reconnect_keeps_the_runs(peer):
    gate = Gate()
    peer.runs.append(run_of(1))
    async with serving(peer, graph(gate)):
        await until(lambda: gate.begun == 1)
        peer.stop()
        peer.start()
        await until(lambda: len(peer.of(Hello)) == 2)
        first, second = peer.of(Hello)
        assert (second.instance, second.held) == (first.instance, (Lease(1, 1),))
        gate.open.set()
        await until(lambda: peer.of(Finished))


async def test_an_assignment_that_comes_twice_is_executed_once(peer):
    gate = Gate()
    peer.runs.extend([run_of(1), run_of(1)])
    async with serving(peer, graph(gate)):
        await until(lambda: gate.begun == 1)
        gate.open.set()
        await until(lambda: peer.of(Finished))
    assert gate.begun == 1


async def test_stopping_hands_the_runs_back(peer):
    gate = Gate()
    peer.runs.append(run_of(1))
    async with serving(peer, graph(gate, gate)) as runner:
        await until(lambda: gate.begun == 1)
        runner.stop()
        gate.open.set()
    assert [each.lease for each in peer.of(Release)] == [Lease(1, 1)]


async def test_stopping_twice_hands_them_back_at_once(peer, monkeypatch):
    monkeypatch.setattr(executor, "GRACE_SECONDS", 1000.0)
    gate = Gate()
    peer.runs.append(run_of(1))
    async with serving(peer, graph(gate)) as runner:
        await until(lambda: gate.begun == 1)
        runner.stop()
    assert [each.lease for each in peer.of(Release)] == [Lease(1, 1)]


async def test_runs_that_arrive_after_it_was_stopped_go_back_untouched(peer):
    gate = Gate()
    async with serving(peer, graph(gate)) as runner:
        claims = len(peer.of(Claim))
        peer.runs.append(run_of(1))
        peer.hold()
        peer.hint(Wake())
        await until(lambda: len(peer.of(Claim)) == claims + 1)
        runner.stop()
        peer.proceed()
    assert [each.lease for each in peer.of(Release)] == [Lease(1, 1)]
    assert gate.begun == 0


async def test_the_console_may_not_want_it(peer):
    runner = Runner(peer.url, "wrong", {"agent": spec(graph(Gate()))}, name="host:1")
    with pytest.raises(Unauthorised):
        await runner.run()


async def test_an_agent_that_cannot_be_loaded_does_not_hide_the_others(peer):
    reference = Reference("broken", Path("langgraph.json"), "agent.py", "graph")
    broken = GraphSpec(reference, None, GraphLoadError("broken", "agent.py", "no", "Mend it"))
    agents = {"broken": broken, "agent": spec(graph(Gate()))}
    runner = Runner(peer.url, TOKEN, agents, name="host:1")
    serving = asyncio.create_task(runner.run())
    await until(lambda: peer.of(Hello))
    assert [agent["name"] for agent in peer.of(Hello)[0].agents] == ["agent"]
    runner.stop()
    await serving

    alone = Runner(peer.url, TOKEN, {"broken": broken}, name="host:1")
    with pytest.raises(NothingToServe):
        await alone.run()


async def test_it_says_whether_it_can_hold_tool_calls(peer, monkeypatch):
    async with serving(peer, graph(Gate())):
        assert peer.of(Hello)[-1].cannot_gate is None
        monkeypatch.setattr(BaseTool, "arun", lambda self, tool_input: None)
        peer.drop()
        await until(lambda: len(peer.of(Hello)) == 2)
        assert peer.of(Hello)[-1].cannot_gate == (
            "BaseTool.arun of this langchain-core takes other arguments than is known"
        )


async def test_it_does_not_serve_when_tools_would_ask_nobody(peer, monkeypatch):
    bare = inspect.unwrap(BaseTool.run)
    monkeypatch.setattr(BaseTool, "run", bare)
    runner = Runner(peer.url, TOKEN, {"agent": spec(graph(Gate()))}, name="host:1")
    with pytest.raises(interrupts.NotInForce, match="so a rejected call could run"):
        await runner.run()


async def test_the_tools_of_a_run_ask_the_console(peer):
    @tool
    def pay(amount: int) -> str:
        """Pay money."""
        return "paid"

    def node(state: State) -> State:
        pay.invoke({"amount": 1})
        return {"n": 1}

    peer.runs.append(run_of(1))
    async with serving(peer, graph(node)):
        await until(lambda: peer.of(Finished))
    assert [(each.lease, each.tool) for each in peer.of(CallTool)] == [(Lease(1, 1), "pay")]
