"""The runner process at work: claims runs, executes them side by side, hears the console's hints.

Agents run on this event loop; the socket lives in the client's own thread, so that an agent that
blocks the loop cannot lose its lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar
from uuid import uuid4

from reviewconsole.protocol.exceptions import ProtocolError
from reviewconsole.protocol.messages import (
    VERSION,
    Assignment,
    Beat,
    Cancel,
    Claim,
    Hello,
    Hint,
    Lease,
    Release,
    Wake,
    Welcome,
)
from reviewconsole.runner import interrupts, tools
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.describe import describe
from reviewconsole.runner.exceptions import Disconnected, Refusal
from reviewconsole.runner.executor import GRACE_SECONDS, Execution
from reviewconsole.runner.gate import Gate
from reviewconsole.runner.graphs import GraphLoadError, GraphSpec

logger = logging.getLogger(__name__)

DEFAULT_CAPACITY = 20
THREADS_A_RUN = 4  # for nodes and tools that are plain functions
THREAD_NAME = "agent"
CLOSE_SECONDS = 5.0

M = TypeVar("M")


class NothingToServe(RuntimeError):
    """None of the agents could be loaded."""


class Runner:
    """Serves agents until it is told to stop.

    With `tokens`, chat models stream, and people see what a model says while it says it.
    `stop` may be called on the loop that runs `run`; a second call does not wait for steps to end.
    """

    def __init__(
        self,
        url: str,
        token: str,
        agents: Mapping[str, GraphSpec],
        *,
        name: str,
        capacity: int = DEFAULT_CAPACITY,
        tokens: bool = True,
    ) -> None:
        self._agents = agents
        self._name = name
        self._capacity = capacity
        self._tokens = tokens
        self._instance = uuid4().hex
        self._descriptions: dict[str, dict[str, Any]] = {}
        self._executions: dict[Lease, Execution] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wanted = asyncio.Event()  # runs may be queued for us
        self._may_be_more = False  # than there was room for when we asked last
        self._over = asyncio.Event()
        self._client = ConsoleClient(
            url,
            token,
            self._hello,
            on_welcome=self._on_loop(self._welcomed),
            on_beat=self._on_loop(self._beaten),
            on_hint=self._on_loop(self._hinted),
        )

    async def run(self) -> None:
        """Connect, serve until `stop`, and hand back what is not finished.

        Raises:
            NothingToServe: no agent could be loaded; why, is in the log.
            NotInForce: an agent got hold of LangGraph's own `interrupt`, or of a tool that asks
                nobody.
            ProtocolError, Refusal: the console does not want this runner.
        """
        self._loop = asyncio.get_running_loop()
        threads = ThreadPoolExecutor(THREADS_A_RUN * self._capacity, THREAD_NAME)
        self._loop.set_default_executor(threads)
        await self._describe_agents()
        self._client.start()
        self._client.ended.add_done_callback(self._on_loop(lambda _: self._over.set()))
        claims = asyncio.create_task(self._claim_runs())
        claims.add_done_callback(lambda _: self._over.set())
        try:
            await self._over.wait()
        finally:
            await self._hand_back(claims, lost=self._client.ended.done())
            # Functions of agents that do not end must not keep the loop from ending.
            threads.shutdown(wait=False, cancel_futures=True)
            self._loop.set_default_executor(ThreadPoolExecutor(1))
            await asyncio.to_thread(self._client.close, CLOSE_SECONDS)
        self._client.ended.result()
        if not claims.cancelled():
            claims.result()

    def stop(self) -> None:
        """End: hand unfinished runs back at their next step; at the second call, now."""
        if self._over.is_set():
            for execution in self._executions.values():
                execution.release(now=True)
        self._over.set()
        self._wanted.set()

    async def _describe_agents(self) -> None:
        interrupts.require_in_force(everywhere=True)
        tools.require_in_force()
        for name, spec in self._agents.items():
            try:
                async with spec.open({}, access="assistants.read") as graph:
                    self._descriptions[name] = describe(name, spec.description, graph)
            except GraphLoadError as error:
                logger.error("not served: %s", error)
        if not self._descriptions:
            raise NothingToServe("no agent could be loaded; the lines above say why")
        logger.info("%s serves %s", self._name, ", ".join(self._descriptions))

    def _hello(self) -> Hello:
        agents = tuple(self._descriptions.values())
        return Hello(
            version=VERSION,
            instance=self._instance,
            name=self._name,
            capacity=self._capacity,
            agents=agents,
            versions=agents[0]["versions"],
            held=tuple(self._executions.copy()),  # called in the client's thread
            cannot_gate=tools.cannot_gate(),
        )

    # Runs -------------------------------------------------------------------------------------

    async def _claim_runs(self) -> None:
        while not self._over.is_set():
            await self._wanted.wait()
            self._wanted.clear()
            free = self._capacity - len(self._executions)
            self._may_be_more = free <= 0
            if self._may_be_more:
                continue  # the run that ends next asks again
            try:
                assigned = await self._client.ask(Claim(free))
                self._may_be_more = len(assigned.runs) >= free
                if self._over.is_set():  # told to stop while the claim was on its way
                    for assignment in assigned.runs:
                        await self._client.ask(Release(assignment.lease))
                    return
            except Refusal as error:
                logger.warning("no runs were given: %s", error)
                continue
            except (Disconnected, ProtocolError):
                return  # the client has ended, and says why
            for assignment in assigned.runs:
                self._begin(assignment)
            if self._may_be_more and len(self._executions) < self._capacity:
                self._wanted.set()  # one has ended meanwhile

    def _begin(self, assignment: Assignment) -> None:
        lease = assignment.lease
        if lease in self._executions:
            return  # the claim was repeated after a lost reply
        saver = ConsoleSaver(self._client, lease)
        spec = self._agents[assignment.agent]
        execution = Execution(assignment, spec, self._client, saver, tokens=self._tokens)
        self._executions[lease] = execution
        task = asyncio.create_task(self._execute(execution, lease), name=str(execution))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._ended(lease, task))

    async def _execute(self, execution: Execution, lease: Lease) -> None:
        with Gate(self._client, lease, execution.assignment.thread).open():
            await execution.run()

    def _ended(self, lease: Lease, task: asyncio.Task[None]) -> None:
        del self._executions[lease]
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s was left without an outcome", task.get_name(), exc_info=error)
        if self._may_be_more:
            self._wanted.set()

    async def _hand_back(self, claims: asyncio.Task[None], *, lost: bool) -> None:
        """End what still runs: told to the console, or dropped where it does not listen."""
        for execution in self._executions.values():
            if lost:
                execution.drop()
            else:
                execution.release()
        if self._tasks:
            logger.info("waiting for %s to stop", ", ".join(t.get_name() for t in self._tasks))
        await asyncio.wait({*self._tasks, claims}, timeout=2 * GRACE_SECONDS)
        for task in self._tasks:
            logger.error("%s does not stop, and is left to its lease", task.get_name())
        claims.cancel()
        await asyncio.wait({claims})

    # What the console says --------------------------------------------------------------------

    def _on_loop(self, handle: Callable[[M], None]) -> Callable[[M], None]:
        """The handler, called in the client's thread and run on the loop of the agents."""

        def call(message: M) -> None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(handle, message)

        return call

    def _welcomed(self, welcome: Welcome) -> None:
        self._drop(welcome.lost)
        self._wanted.set()

    def _beaten(self, beat: Beat) -> None:
        self._drop(beat.lost)
        for lease in beat.cancel:
            self._cancel(lease)
        self._wanted.set()  # the hint to claim may have been lost

    def _hinted(self, hint: Hint) -> None:
        match hint:
            case Wake():
                self._wanted.set()
            case Cancel(lease):
                self._cancel(lease)

    def _drop(self, leases: Iterable[Lease]) -> None:
        for lease in leases:
            if execution := self._executions.get(lease):
                execution.drop()

    def _cancel(self, lease: Lease) -> None:
        if execution := self._executions.get(lease):
            execution.cancel()
