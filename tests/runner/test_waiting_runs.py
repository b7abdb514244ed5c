"""A console that does not answer: what runs have it wait for is bounded by their number."""

import asyncio
import operator
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph

from reviewconsole.protocol.messages import Owner, Put
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.client import ConsoleClient
from tests.processes import wait_until
from tests.runner.peer import Peer

RUNS = 50
STEPS = 20


class State(TypedDict):
    """A list that grows by a node's name."""

    seen: Annotated[list[str], operator.add]


def steps(saver: ConsoleSaver) -> Any:
    """A graph of some steps, one after the other."""
    graph = StateGraph(State)
    for number in range(STEPS):
        graph.add_node(str(number), lambda state: {"seen": ["x" * 1000]})
        graph.add_edge(str(number - 1) if number else START, str(number))
    return graph.compile(checkpointer=saver)


async def test_each_run_waits_with_one_step(peer: Peer, client: ConsoleClient) -> None:
    """They do not run ahead of the console: the executor asks for `durability="sync"`."""
    graph = steps(ConsoleSaver(client, Owner("agent")))

    async def run(number: int) -> Any:
        config: RunnableConfig = {"configurable": {"thread_id": str(number)}}
        return await graph.ainvoke({"seen": []}, config, durability="sync")

    runs = [asyncio.create_task(run(number)) for number in range(RUNS)]
    await asyncio.to_thread(wait_until, "a checkpoint", lambda: peer.of(Put))
    peer.hold()
    waiting = []
    for _ in range(20):
        await asyncio.sleep(0.02)
        waiting.append(len(client._outbox._unsettled))
    peer.proceed()

    assert RUNS <= max(waiting) <= 3 * RUNS  # of each a checkpoint and what its tasks wrote
    assert [len(state["seen"]) for state in await asyncio.gather(*runs)] == [STEPS] * RUNS
