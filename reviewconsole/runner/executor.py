"""One run, from its assignment to its outcome.

The outcome is read from the store after the stream has ended. Whatever is unknown, changed or
unexpected holds the run: it is reported as paused, with the reason, or as failed; nothing that was
not decided is run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Literal, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained, is_invalid_resume
from langgraph.runtime import RunControl

from reviewconsole.protocol.exceptions import ProtocolError
from reviewconsole.protocol.messages import (
    Applied,
    Assignment,
    Cancelled,
    Delivered,
    Done,
    Failed,
    Finished,
    Paused,
    PostedInterrupt,
    Release,
    Travel,
    Whole,
)
from reviewconsole.runner import interrupts, moves, pauses, resumption, stored, travel, verdicts
from reviewconsole.runner.answers import AnswerBook
from reviewconsole.runner.breakpoints import Graph, stops
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.exceptions import Disconnected, Refusal, Stalled
from reviewconsole.runner.failures import connection_error, failed, is_over
from reviewconsole.runner.graphs import GraphSpec
from reviewconsole.runner.pauses import Standing
from reviewconsole.runner.progress import Listener, Watch
from reviewconsole.runner.receipts import Receipts
from reviewconsole.runner.resumption import Begin, Finish, GoOn, Hold
from reviewconsole.runner.travel import CannotTravel, Departure

logger = logging.getLogger(__name__)

GRACE_SECONDS = 5.0  # a step that is asked to stop may take so long to end

Report = Applied | Paused | Finished | Failed | Cancelled | Release
Shown = Paused | Finished  # reports that carry the state
NO_STATE = Whole("null", b"")


class Console(Listener, Protocol):
    """What an execution tells the console."""

    async def ask(self, request: Report, /) -> Done: ...

    def submit(self, request: Delivered, /) -> Future[Any]: ...


class Execution:
    """Executes one assignment and reports its outcome, once.

    `saver` keeps the checkpoints, whatever the graph was compiled with; with `tokens`, chat models
    stream what they say. `cancel`, `release` and `drop` are called on the event loop that runs it.
    """

    def __init__(
        self,
        assignment: Assignment,
        spec: GraphSpec,
        console: Console,
        saver: ConsoleSaver,
        *,
        tokens: bool = True,
    ) -> None:
        self.assignment = assignment
        self._spec = spec
        self._console = console
        self._saver = saver
        self._tokens = tokens
        self._control = RunControl()
        self._ending: Literal["cancel", "release", "drop"] | None = None
        self._task: asyncio.Task[Any] | None = None  # while it may be cut off
        self._receipts = Receipts(assignment, console)
        self._changed = False  # whether the decisions of this run change the state
        self._asked: tuple[PostedInterrupt, ...] = ()  # when its answers were handed over
        self._recorded: frozenset[int] = frozenset()  # taken by an attempt before this one
        self._book = AnswerBook()
        self._thread: RunnableConfig = {"configurable": {"thread_id": assignment.thread}}
        self._config = self._thread | {"recursion_limit": assignment.recursion_limit}

    def cancel(self) -> None:
        """Stop at the next step, or in a few seconds, and report `Cancelled`."""
        self._end("cancel")

    def release(self, *, now: bool = False) -> None:
        """Stop at the next step, or in a few seconds, or now, and hand the run back."""
        self._end("release")
        if now:
            self._cut_off()

    def drop(self) -> None:
        """Stop now and say nothing: the run is not this runner's any more."""
        self._ending = "drop"
        self._cut_off()

    def _end(self, how: Literal["cancel", "release"]) -> None:
        if self._ending is None:
            self._ending = how
            self._control.request_drain(how)
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._cut_off)

    def _cut_off(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Execute the run and report its outcome. Raises only a cancellation from outside."""
        logger.info("%s: started", self)
        self._task = asyncio.current_task()
        try:
            report = await self._outcome()
            self._receipts.tell_delivered()
            self._task = None
            if report is not None:
                await self._send(report)
        except (Refusal, Disconnected) as error:
            logger.warning("%s: dropped: %s", self, error)
        except asyncio.CancelledError:
            if self._ending != "drop":
                raise
            logger.warning("%s: dropped", self)

    async def _send(self, report: Report) -> None:
        """Report the outcome; without its state where that is too large, for a pause must be shown.

        What the console cannot take at all is reported as a failure.
        """
        smaller = [replace(report, snapshot=NO_STATE)] if isinstance(report, Shown) else []
        for each in (report, *smaller):
            try:
                await self._console.ask(each)
            except (ProtocolError, Refusal) as error:
                if is_over(error):
                    raise
                logger.warning("%s: not reported as %s: %s", self, _name(each), error)
                report = failed(error, self.assignment.lease, None)
            else:
                logger.info("%s: %s", self, _name(each))
                return
        await self._console.ask(report)

    async def _outcome(self) -> Report | None:
        """What became of the run; None when there is nobody to tell."""
        try:
            interrupts.require_in_force()
            async with self._spec.open(self._config, context=self.assignment.context) as graph:
                graph = graph.copy(update={"checkpointer": self._saver})
                try:
                    return await self._take_up(graph)
                except GraphDrained:
                    return self._stopped()
                except Exception as error:
                    return await self._failed(error, graph)
        except asyncio.CancelledError:
            if self._task is None or self._ending in (None, "drop"):
                raise
            self._task.uncancel()
            return self._stopped()
        except Exception as error:
            return await self._failed(error, None)

    async def _take_up(self, graph: Graph) -> Report | None:
        lease, answers = self.assignment.lease, self.assignment.answers
        if self.assignment.trigger == "start" and lease.attempt == 1:
            return await self._begin(graph)
        standing = await self._read(graph)
        if self.assignment.travel is not None:
            return await self._travel(graph, standing, self.assignment.travel)
        if lease.attempt > 1 and answers:
            self._recorded = await pauses.recorded(self._saver, standing)
        match resumption.plan(self.assignment, standing, self._recorded):
            case Begin():
                return await self._begin(graph)
            case GoOn() as plan:
                return await self._go_on(graph, standing, plan)
            case Finish(decisions):
                return await self._finish(graph, standing, decisions)
            case Hold(refused, past):
                await self._receipts.report(self._past(past, standing))
                return self._paused(standing, refused)

    async def _begin(self, graph: Graph) -> Report | None:
        return await self._stream(graph, stored.load(self.assignment.input), AnswerBook())

    async def _go_on(self, graph: Graph, standing: Standing, plan: GoOn) -> Report | None:
        answers = self.assignment.answers
        await self._receipts.report(self._past(plan.past, standing))
        if reason := moves.refusal(graph, answers, plan.moves):
            return self._paused(standing, f"nothing was resumed: {reason}")
        self._receipts.deliver()
        for stop, answer in plan.verdicts:
            verdict = stored.load(answer.value)
            await verdicts.decide(graph, stop, verdict, decision=answer.decision)
        for move in plan.moves:
            await moves.pass_over(graph, self._saver, move)
        self._changed = await moves.update(
            graph, self._saver, self._thread, answers, base=self.assignment.base_checkpoint_id
        )
        if plan.verdicts or plan.moves:
            standing = await self._read(graph)
            if resumption.open_questions(self.assignment, standing):
                # The node that is next has a breakpoint of its own.
                await self._receipts.report(self._receipts.done_without_asking())
                return self._paused(standing, None)
        if standing.ended and standing.checkpoint_id == self.assignment.base_checkpoint_id:
            raise Stalled("nothing of this thread is open, so there is nothing to go on with")
        if standing.ended:
            await self._receipts.report(self._receipts.done_without_asking())
            return self._finished(standing)
        if not (plan.verdicts or plan.moves or self._changed):
            self._saver.trust()
        self._asked = standing.questions
        waiting = [pauses.question(question) for question in standing.questions]
        return await self._stream(graph, None, AnswerBook(answers, waiting))

    def _past(self, own: Iterable[int], standing: Standing) -> set[int]:
        """What an attempt before this one has left behind: decisions of this run and of others."""
        is_first = self.assignment.lease.attempt == 1
        return {*own, *(() if is_first else self._receipts.passed(standing))}

    async def _finish(
        self, graph: Graph, standing: Standing, decisions: tuple[int, ...]
    ) -> Report | None:
        self._receipts.deliver()
        await moves.finish(graph, self._thread, decision=decisions[0])
        await self._receipts.report(self._receipts.done_without_asking())
        return self._finished(await self._read(graph))

    async def _travel(self, graph: Graph, standing: Standing, trip: Travel) -> Report | None:
        """Begin a branch in the past, once; an attempt that finds it begun goes on."""
        departure: Departure | None
        if standing.checkpoint_id == self.assignment.base_checkpoint_id:
            try:
                departure = await travel.depart(graph, self._saver, self.assignment, trip)
            except CannotTravel as error:
                if not standing.questions:
                    raise
                return self._paused(standing, f"the thread stays where it is: {error}")
            if departure.replays:
                return await self._stream(graph, None, AnswerBook(), departure)
            standing = await self._read(graph)
        else:
            departure = await travel.taken_up(graph, self._saver, self._thread, trip)
            standing = await self._read(graph)
        holds = isinstance(resumption.plan(self.assignment, standing, frozenset()), Hold)
        if standing.questions and (holds or trip.stays):
            return self._paused(standing, None)
        if standing.ended or trip.stays:
            return self._finished(standing)
        return await self._stream(graph, None, AnswerBook(), departure)

    async def _stream(
        self, graph: Graph, given: Any, book: AnswerBook, departure: Departure | None = None
    ) -> Report | None:
        """Run the graph until it stops, from the head or a departure, and read why it did."""
        self._book = book
        refused: str | None = None
        try:
            await self._consume(graph, given, book, departure)
        except Exception as error:
            if not is_invalid_resume(error):
                await self._receipts.report(book.consumed())
                raise
            refused = f"nothing was resumed: the agent does not take this answer: {error}"
        # A task of the functional API that has taken its answer is not run again.
        taken = book.consumed() | self._recorded & {a.decision for a in self.assignment.answers}
        await self._receipts.report({*taken, *self._receipts.done_without_asking()})
        standing = await self._read(graph)
        if standing.questions:
            reason = refused or self._receipts.not_taken(self._asked, standing, self._changed)
            await self._receipts.report(self._receipts.passed(standing))
            return self._paused(standing, reason)
        if refused is not None or standing.next:
            raise Stalled(
                refused
                or f"the stream has ended before {', '.join(standing.next)}, and neither a "
                "question nor a breakpoint that LangGraph shows explains it"
            )
        # Every task is past, also one that took its answer unseen before the runner was lost.
        due = [answer.decision for answer in self._receipts.due()]
        await self._receipts.report({*due, *self._receipts.passed(standing)})
        return self._finished(standing)

    async def _consume(
        self, graph: Graph, given: Any, book: AnswerBook, departure: Departure | None
    ) -> None:
        config = self._config
        if departure is not None:
            graph = graph.copy(update={"checkpointer": departure.saver})
            config = {**config, "configurable": departure.config["configurable"]}
        lease, shown = self.assignment.lease, self._saver.shown
        watch = Watch(self._console, lease, shown, tokens=self._tokens)
        events: AsyncIterator[Any] = graph.astream(
            given,
            config,
            context=self.assignment.context,
            stream_mode=watch.modes(graph),
            subgraphs=True,
            interrupt_before=stops(self.assignment.interrupt_before) or None,
            interrupt_after=stops(self.assignment.interrupt_after) or None,
            durability="sync",
            control=self._control,
        )
        with book.open(), watch:
            async for ns, mode, event in events:
                watch.see(ns, mode, event)
                if mode == "tasks" and "result" in event:  # finished, failed or asking
                    taken = book.consumed(event["id"])
                    await self._receipts.report(
                        {*taken, *self._receipts.done_without_asking(event["id"])}
                    )

    # Reporting --------------------------------------------------------------------------------

    def _paused(self, standing: Standing, refused: str | None) -> Report | None:
        if self._ending == "cancel":
            return self._stopped()
        return Paused(
            lease=self.assignment.lease,
            checkpoint_id=standing.checkpoint_id or "",
            snapshot=standing.snapshot,
            next=standing.next,
            interrupts=self._located(standing.questions),
            refused=refused,
        )

    def _finished(self, standing: Standing) -> Finished:
        lease = self.assignment.lease
        return Finished(lease, standing.checkpoint_id, standing.snapshot, standing.next)

    def _located(self, questions: Iterable[PostedInterrupt]) -> tuple[PostedInterrupt, ...]:
        """The questions with what this execution saw of where they were asked."""
        return tuple(
            replace(each, origin=self._book.origin(each.interrupt_id, pauses.question(each).digest))
            for each in questions
        )

    def _stopped(self) -> Report | None:
        match self._ending:
            case "cancel":
                return Cancelled(self.assignment.lease)
            case "release":
                return Release(self.assignment.lease)
            case _:
                return None

    async def _failed(self, error: Exception, graph: Graph | None) -> Report:
        """The failure, with the state it left behind where that can be read."""
        if (reason := connection_error(error)) is not None and is_over(reason):
            raise reason
        logger.warning("%s: %s: %s", self, type(error).__name__, error)
        standing: Standing | None = None
        try:
            standing = await self._read(graph) if graph is not None else None
        except Exception:
            logger.warning("%s: its state cannot be read", self, exc_info=True)
        return failed(error, self.assignment.lease, standing, self._still_waiting(standing))

    def _still_waiting(self, standing: Standing | None) -> tuple[PostedInterrupt, ...]:
        """What waits although the run has failed, but for what this run had an answer to."""
        if standing is None:
            return ()
        undecided = resumption.open_questions(self.assignment, standing)
        return self._located(each for each in undecided if each.kind != "breakpoint")

    async def _read(self, graph: Graph) -> Standing:
        await self._saver.shown.complete(graph)
        return await pauses.read(
            graph,
            self._thread,
            agent=self.assignment.agent,
            before=stops(self.assignment.interrupt_before),
            after=stops(self.assignment.interrupt_after),
        )

    def __str__(self) -> str:
        lease = self.assignment.lease
        attempt = f" (attempt {lease.attempt})" if lease.attempt > 1 else ""
        return f"run {lease.run} of {self.assignment.agent}{attempt}"


def _name(report: Report) -> str:
    return type(report).__name__.lower()
