"""Runs executed over the real wire and saver; the test stands for the console's services."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import (
    Answer,
    Applied,
    Assignment,
    Cancelled,
    Delivered,
    Failed,
    Finished,
    Get,
    Lease,
    List,
    Moving,
    Owner,
    Paused,
    PostedInterrupt,
    Release,
    StoredCheckpoint,
    Travel,
)
from reviewconsole.protocol.moving import settle
from reviewconsole.protocol.plain import Plain
from reviewconsole.runner import interrupts, stored
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.executor import Execution
from reviewconsole.runner.graphs import GraphSpec, Reference
from tests.runner.peer import Peer

ENDS: tuple[type[Any], ...] = (Paused, Finished, Failed, Cancelled, Release)
Outcome = Any
"""Paused, Finished, Failed, Cancelled or Release; each test says which it expects."""


def spec(graph: Any) -> GraphSpec:
    """An agent that is this graph."""
    reference = Reference("agent", Path("langgraph.json"), "agent.py", "graph")
    return GraphSpec(reference, None, lambda config, runtime: graph)


def value_of(question: PostedInterrupt) -> Plain:
    return stored.to_plain(question.value)


def asked(outcome: Any) -> list[Plain]:
    """What a pause asks."""
    assert isinstance(outcome, Paused | Failed), outcome
    return [value_of(question) for question in outcome.interrupts]


def values(outcome: Any) -> Any:
    """The state that an outcome reports."""
    return stored.load(outcome.snapshot)


class Reply(NamedTuple):
    """A decision that is more than the value for `interrupt()`."""

    value: Any = None
    then: str = "run"
    update: dict[str, Any] | None = None
    moving: tuple[Moving, ...] = ()


class Desk:
    """Assigns the runs of one thread, as the console's services do, and keeps its decisions."""

    def __init__(self, peer: Peer, client: ConsoleClient, graph: Any, **options: Any) -> None:
        self.peer = peer
        self._client = client
        self._graph = graph
        self._options = options
        self._runs = 0
        self._decisions = 0
        self._taken: list[Answer] = []  # decided at the checkpoint of the last pause
        self.answers: tuple[Answer, ...] = ()
        self.paused: Paused | Failed | None = None

    async def start(self, given: Any) -> Outcome:
        """Run the agent with this input."""
        return await self.execute(self.begin(given))

    async def resume(self, *replies: Any) -> Outcome:
        """Answer the questions of the last pause, in order, and run on."""
        return await self.execute(self.decide(*replies))

    async def ask_again(self) -> Outcome:
        """Run on after a failure, without the answers that the agent failed on."""
        self.answers = tuple(self._taken)
        return await self.execute(self._assignment("ask_again", None))

    async def travel(
        self, checkpoint_id: str | None, next: Sequence[str], **change: Any
    ) -> Outcome:
        """Replay from a checkpoint, or fork it with a change (`update`, `as_node`, `stays`)."""
        return await self.execute(self.trip(checkpoint_id, next, **change))

    def trip(self, checkpoint_id: str | None, next: Sequence[str], **change: Any) -> Assignment:
        """A new run that begins at this checkpoint."""
        if change.get("update") is not None:
            change["update"] = stored.store(change["update"])
        assert checkpoint_id is not None
        fields: dict[str, Any] = {"ns": "", "update": None, "as_node": None, "stays": False}
        self.answers = ()
        trigger = "fork" if change else "replay"
        travel = Travel(checkpoint_id=checkpoint_id, next=tuple(next), **(fields | change))
        return replace(self._assignment(trigger, None), travel=travel)

    def history(self) -> list[StoredCheckpoint]:
        """The checkpoints of the agent's own graph, oldest first."""
        request = List(Owner("agent"), "t", "", None, None, None, None)
        return list(reversed(self.peer.store.find(request).checkpoints))

    def begin(self, given: Any) -> Assignment:
        """A new run with this input."""
        return self._assignment("start", given)

    def decide(self, *replies: Any) -> Assignment:
        """A new run with these answers to the questions of the last pause."""
        assert self.paused is not None
        new = [
            self._answer(question, reply)
            for question, reply in zip(self.paused.interrupts, replies, strict=True)
        ]
        self.answers = (*self._taken, *new)
        return self._assignment("resume", None)

    async def execute(self, assignment: Assignment) -> Outcome:
        """Execute a run and return its outcome."""
        await self.execution(assignment).run()
        return self.conclude(assignment)

    def conclude(self, assignment: Assignment) -> Outcome:
        """Note how a run has ended."""
        (outcome,) = self.outcomes(assignment.lease)
        if isinstance(outcome, Paused) or (isinstance(outcome, Failed) and outcome.interrupts):
            applied = {d for each in self.peer.of(Applied) for d in each.decisions}
            same = self.paused and self.paused.checkpoint_id == outcome.checkpoint_id
            self._taken = [
                _settled(answer)
                for answer in (self.answers if same else ())
                if answer.decision in applied
                or (isinstance(outcome, Paused) and not outcome.refused)
            ]
            self.paused = outcome
        return outcome

    def execution(self, assignment: Assignment, **options: Any) -> Execution:
        saver = ConsoleSaver(self._client, assignment.lease)
        return Execution(assignment, spec(self._graph), self._client, saver, **options)

    def again(self, assignment: Assignment) -> Assignment:
        """The same run for the next runner, after the first one was lost."""
        lease = Lease(assignment.lease.run, assignment.lease.attempt + 1)
        applied = self.applied(assignment)
        answers = tuple(
            _settled(answer) if answer.decision in applied else answer
            for answer in assignment.answers
        )
        return Assignment(**(_fields(assignment) | {"lease": lease, "answers": answers}))

    def outcomes(self, lease: Lease) -> list[Outcome]:
        """How a run has ended, by what its runner reported and the console took."""
        ends: list[Any] = self.peer.of(*ENDS)
        return [each for each in ends if each.lease == lease]

    def applied(self, assignment: Assignment) -> list[int]:
        """The decisions that a run reported as applied, in order."""
        reports = self.peer.of(Applied)
        return [d for each in reports if each.lease == assignment.lease for d in each.decisions]

    def delivered(self, assignment: Assignment) -> bool:
        """Whether a run handed its decisions over: what was applied was."""
        told: list[Any] = self.peer.of(Delivered, Applied)
        return any(each.lease == assignment.lease for each in told)

    def head(self) -> str | None:
        """The newest checkpoint of the thread."""
        found = self.peer.store.find(Get(Owner("agent"), "t", "", None)).checkpoints
        return found[0].checkpoint_id if found else None

    def _answer(self, question: PostedInterrupt, reply: Any) -> Answer:
        self._decisions += 1
        decided = reply if isinstance(reply, Reply) else Reply(reply)
        return Answer(
            decision=self._decisions,
            kind=question.kind,
            interrupt_id=question.interrupt_id,
            task_id=question.task_id,
            fingerprint=question.fingerprint,
            digest=question_digest(settle(value_of(question), decided.moving)),
            value=stored.store(decided.value),
            settled=False,
            then=decided.then,
            update=stored.store(decided.update) if decided.update is not None else None,
            moving=decided.moving,
            origin=question.origin,
        )

    def _assignment(self, trigger: str, given: Any) -> Assignment:
        self._runs += 1
        if trigger == "start":
            self.answers = ()
        fields: dict[str, Any] = {
            "lease": Lease(self._runs, 1),
            "agent": "agent",
            "thread": "t",
            "trigger": trigger,
            "input": stored.store(given),
            "context": None,
            "interrupt_before": (),
            "interrupt_after": (),
            "recursion_limit": 25,
            "base_checkpoint_id": self.head(),
            "answers": self.answers,
        }
        return Assignment(**(fields | self._options))


def _settled(answer: Answer) -> Answer:
    fields = {name: getattr(answer, name) for name in Answer.__slots__}
    return Answer(**(fields | {"settled": True}))


def _fields(assignment: Assignment) -> dict[str, Any]:
    return {name: getattr(assignment, name) for name in Assignment.__slots__}


# Graphs ----------------------------------------------------------------------------------------


class State(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]


def chain(*nodes: Any, **options: Any) -> Any:
    """A graph of nodes one after the other, each named as its function."""
    builder = StateGraph(State, **options)
    for node in nodes:
        builder.add_node(node.__name__, node)
    builder.add_edge(START, nodes[0].__name__)
    for before, after in itertools.pairwise(nodes):
        builder.add_edge(before.__name__, after.__name__)
    return builder.compile()


def ask(state: State) -> State:
    return {"out": [interrupts.interrupt({"query": "ready?"})]}
