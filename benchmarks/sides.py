"""The processes whose speed is compared: an agent with a runner's client, and one without.

Each side is a process of its own that keeps its connections; what is measured is told over a pipe
and happens inside it, with the graphs of `benchmarks.graphs`, so both do the same work.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from functools import cache
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from benchmarks import graphs
from benchmarks.consoles import AGENTS

Saver = BaseCheckpointSaver[Any]
POOL = 10  # connections: more and fewer are slower
DURABILITY: Any = "sync"  # what the runner takes: nothing runs on what is not stored


class Lane:
    """A thread to work on: where its checkpoints go, and what is around its calls."""

    def __init__(
        self, saver: Saver, thread: str, around: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.saver = saver
        self.config: RunnableConfig = {
            "configurable": {"thread_id": thread},
            "recursion_limit": 10_000,
        }
        self.around = around


Lanes = Callable[[str, int], Awaitable[list[Lane]]]
"""Opens so many new threads for an agent."""


@cache
def _compiled(
    agent: str, turns: int, compressible: bool = True
) -> CompiledStateGraph[Any, Any, Any, Any]:
    match agent:
        case "small":
            return graphs.small().compile()
        case "chat":
            return graphs.chat(turns, compressible=compressible).compile()
        case _:
            return graphs.asking().compile()


async def steps(lane: Lane, agent: str, turns: int, compressible: bool = True) -> int:
    """Run an agent on one thread to its end; how many steps it made."""
    graph = _compiled(agent, turns, compressible).copy(update={"checkpointer": lane.saver})
    with lane.around():
        await graph.ainvoke(graphs.INPUTS[agent], lane.config, durability=DURABILITY)
    return graphs.STEPS if agent == "small" else 2 * turns + 1


async def cycle(lane: Lane) -> int:
    """Run to a question, answer it, run to the end."""
    graph = _compiled("asking", 0).copy(update={"checkpointer": lane.saver})
    with lane.around():
        paused = await graph.ainvoke(graphs.INPUTS["asking"], lane.config, durability=DURABILITY)
        (asked,) = paused["__interrupt__"]
        answered: Command[Any] = Command(resume={asked.id: "yes"})
        ended = await graph.ainvoke(answered, lane.config, durability=DURABILITY)
    if ended["answer"] != "yes":
        raise AssertionError(f"the agent has not heard its answer: {ended}")
    return 1


async def reads(lane: Lane, messages: int, count: int) -> list[float]:
    """Seconds of each of `count` reads of a thread with so many messages."""
    graph = _compiled("chat", 0).copy(update={"checkpointer": lane.saver})
    said = [("user", graphs.text(graphs.MESSAGE_BYTES, compressible=True)) for _ in range(messages)]
    await graph.aupdate_state(lane.config, {"messages": said}, as_node="model")
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        found = await lane.saver.aget_tuple(lane.config)
        took.append(time.perf_counter() - begun)
        if found is None or len(found.checkpoint["channel_values"]["messages"]) != messages:
            raise AssertionError("the messages were not found")
    return took


async def _work(order: tuple[Any, ...], lanes: Lanes) -> Any:
    """Do what was asked of a side: how much was done, and in how many seconds."""
    match order:
        case "steps", str(agent), int(count), int(each), int(turns):
            opened = await lanes(agent, count * each)
            jobs = _jobs([steps(lane, agent, turns) for lane in opened], each)
        case "cycles", int(count), int(each):
            opened = await lanes("asking", count * each)
            jobs = _jobs([cycle(lane) for lane in opened], each)
        case "chats", int(count), int(turns), bool(compressible):
            opened = await lanes("chat", count)
            jobs = _jobs([steps(lane, "chat", turns, compressible) for lane in opened], 1)
        case "reads", int(messages), int(count):
            (lane,) = await lanes("chat", 1)
            return await reads(lane, messages, count)
        case _:
            raise ValueError(f"a side cannot {order!r}")
    begun = time.perf_counter()
    done = await asyncio.gather(*jobs)
    return sum(done), time.perf_counter() - begun


def _jobs(all_of_them: list[Coroutine[Any, Any, int]], each: int) -> list[Awaitable[int]]:
    """The jobs in groups of `each`, of which a group does one after the other."""
    return [_in_turn(all_of_them[n : n + each]) for n in range(0, len(all_of_them), each)]


async def _in_turn(jobs: list[Coroutine[Any, Any, int]]) -> int:
    return sum([await job for job in jobs])


@asynccontextmanager
async def _console_lanes(address: str, token: str) -> AsyncIterator[Lanes]:
    """Threads of runs that are claimed as a runner does, with fencing, gate and journal."""
    from reviewconsole.protocol.messages import (  # noqa: PLC0415 -- of this side alone
        VERSION,
        Claim,
        Finished,
        Hello,
        Lease,
        Whole,
    )
    from reviewconsole.runner import tools  # noqa: PLC0415
    from reviewconsole.runner.checkpointer import ConsoleSaver  # noqa: PLC0415
    from reviewconsole.runner.client import ConsoleClient  # noqa: PLC0415
    from reviewconsole.runner.gate import Gate  # noqa: PLC0415

    tools.install()
    instance = uuid4().hex
    agents = tuple({"name": agent} for agent in AGENTS)
    held: list[Lease] = []

    def hello() -> Hello:
        return Hello(VERSION, instance, "bench", 1000, agents, {}, tuple(held))

    with ConsoleClient(address, token, hello) as client:
        await client.ask(Claim(0))  # the console knows the agents from here on

        async def lanes(_: str, count: int) -> list[Lane]:
            while held:
                await client.ask(Finished(held.pop(), None, Whole("null", b"")))
            opened: list[Lane] = []
            while len(opened) < count:
                for run in (await client.ask(Claim(count - len(opened)))).runs:
                    held.append(run.lease)
                    gate = Gate(client, run.lease, run.thread)
                    opened.append(Lane(ConsoleSaver(client, run.lease), run.thread, gate.open))
            return opened

        yield lanes


@asynccontextmanager
async def _saver_lanes(url: str) -> AsyncIterator[Lanes]:
    """Threads on LangGraph's own saver for PostgreSQL, with the pool it is fastest with."""
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415
    from psycopg.rows import dict_row  # noqa: PLC0415
    from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415

    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url, min_size=POOL, max_size=POOL, kwargs=options, open=False
    )
    async with pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        yield _on(saver)


@asynccontextmanager
async def _memory_lanes() -> AsyncIterator[Lanes]:
    """Threads in the memory of the process: what LangGraph itself costs."""
    yield _on(InMemorySaver())


def _on(saver: Saver) -> Lanes:
    async def lanes(_: str, count: int) -> list[Lane]:
        return [Lane(saver, uuid4().hex, nullcontext) for _ in range(count)]

    return lanes


async def _serve(side: AbstractAsyncContextManager[Lanes], ends: Connection) -> None:
    async with side as lanes:
        ends.send("ready")
        while (order := await asyncio.to_thread(ends.recv)) is not None:
            ends.send(await _work(order, lanes))


def _be(kind: str, arguments: tuple[str, ...], ends: Connection) -> None:
    sides: dict[str, Callable[..., AbstractAsyncContextManager[Lanes]]] = {
        "console": _console_lanes, "postgres": _saver_lanes, "memory": _memory_lanes,
    }  # fmt: skip
    asyncio.run(_serve(sides[kind](*arguments), ends))


class Side:
    """The driver's end of a side."""

    def __init__(self, ends: Connection, pid: int) -> None:
        self._ends = ends
        self.pid = pid

    def do(self, *order: Any) -> Any:
        """Have it work, and wait for what it measured."""
        self._ends.send(order)
        return self._ends.recv()


@contextmanager
def side(kind: str, *arguments: str) -> Iterator[Side]:
    """Start a side: `console` address and token, `postgres` URL, or `memory`."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_be, args=(kind, arguments, there)
    )
    process.start()
    there.close()  # if it fails, `recv` ends
    try:
        here.recv()
        yield Side(here, process.pid or 0)
        here.send(None)
        process.join(10)
    finally:
        process.kill()
