"""Answers bound to questions: which recorded decision a question of a task may take.

The executor opens an `AnswerBook` for each run. The book, not LangGraph's store, holds the answers:
the graph is resumed without any, so an agent that got hold of LangGraph's own `interrupt` asks
again. What was taken is still written to the task's `__resume__`, as LangGraph does: it tells the
run that takes over after a crash which answers were taken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from langgraph._internal._constants import (
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_TASK_ID,
    RESUME,
)
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.config import get_config
from langgraph.types import _interrupt_id

from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import Answer
from reviewconsole.protocol.moving import settle
from reviewconsole.protocol.plain import Plain
from reviewconsole.runner import places, stored

Send = Callable[[Sequence[tuple[str, Any]]], None]
Origin = dict[str, Any]  # as in `PostedInterrupt.origin`
Bound = TypeVar("Bound", "Question", Answer)

_book: ContextVar[AnswerBook | None] = ContextVar("reviewconsole_answer_book", default=None)


def open_book() -> AnswerBook | None:
    """The book of the run that this code belongs to; None outside of any run."""
    return _book.get()


@dataclass(frozen=True, slots=True)
class Question:
    """A question that waits for an answer: where it stands and what it asks."""

    task_id: str
    interrupt_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of `interrupt`: its task, what it asks, and LangGraph's record of this execution."""

    task_id: str
    ns: str  # the task's place: the same each time it runs
    value: Plain  # its stored form
    digest: str
    origin: Origin | None
    scratchpad: PregelScratchpad
    send: Send

    @classmethod
    def here(cls, value: Any, origin: Origin | None = None) -> Asked:
        """A question in the task that this code runs in; there must be one."""
        place, configurable = places.here(), (places.task() or get_config())["configurable"]
        plain = stored.to_plain(stored.store(value))
        return cls(
            task_id=configurable[CONFIG_KEY_TASK_ID],
            ns=place.ns if place else configurable[CONFIG_KEY_CHECKPOINT_NS],
            value=plain,
            digest=question_digest(plain),
            origin=origin,
            scratchpad=configurable[CONFIG_KEY_SCRATCHPAD],
            send=configurable[CONFIG_KEY_SEND],
        )

    @property
    def unbound(self) -> list[Any]:
        """The answers that LangGraph itself stored for this task, in its order."""
        return [entry for entry in self.scratchpad.resume if decision_of(entry) is None]

    def is_answered_by(self, answer: Answer) -> bool:
        """Whether the answer was given to this question, but for the parts that may move.

        Where parts may move, the place must be the same: what another call asks is another
        question, however alike they look.
        """
        if not answer.moving:
            return answer.digest == self.digest
        if answer.origin != self.origin:
            return False
        return answer.digest == question_digest(settle(self.value, answer.moving))


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer in an agent's hands; `source` is None for one that LangGraph had stored itself."""

    value: Any
    source: Answer | None


@dataclass(slots=True)
class _Execution:
    """One execution of a task: a retry, and every later run, begins with all answers unused."""

    resume: list[Any]  # what is written to `__resume__`
    used: set[int] = field(default_factory=set)  # decisions
    unbound_used: int = 0


class AnswerBook:
    """The answers that the questions of one run may take; safe for threads.

    `answers` are all answers of the pause, with those that were applied before to earlier questions
    of the same task: the task runs again from its start and asks them again. Of two answers to one
    question the newest counts. `pending` are the questions that wait in the store, which no answer
    stored without its question may reach.
    """

    def __init__(self, answers: Iterable[Answer] = (), pending: Iterable[Question] = ()) -> None:
        unique: dict[tuple[str, str, str], Answer] = {}
        for answer in sorted(answers, key=lambda answer: answer.decision):
            if (answer.kind, answer.then) == ("interrupt", "run"):
                unique[answer.task_id, answer.interrupt_id, answer.digest] = answer
        self._answers = tuple(unique.values())
        self._pending = tuple(pending)
        self._executions: dict[Callable[[], int], _Execution] = {}
        self._consumed: dict[int, str] = {}  # decision → the task that took it
        self._origins: dict[tuple[str, str], Origin] = {}  # question's id and digest → its place
        self._closed = False
        self._lock = threading.Lock()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let every task started inside take from this book, in whatever thread it runs.

        After the block nothing is handed out any more: a tool may outlive its run.
        """
        token = _book.set(self)
        try:
            yield
        finally:
            _book.reset(token)
            with self._lock:
                self._closed = True

    def consumed(self, task_id: str | None = None) -> frozenset[int]:
        """The decisions whose answers were taken and written down, by this task or by any."""
        with self._lock:
            return frozenset(
                decision
                for decision, taker in self._consumed.items()
                if task_id is None or taker == task_id
            )

    def take(self, asked: Asked) -> Taken | None:
        """The first unused answer to this question, marked as used in this execution."""
        with self._lock:
            if self._closed:
                return None
            execution = self._execution(asked)
            return self._take_bound(asked, execution) or self._take_unbound(asked, execution)

    @property
    def has_answers(self) -> bool:
        """Whether `take_bound` can give any, whatever is asked."""
        return bool(self._answers)

    def take_bound(self, asked: Asked) -> Taken | None:
        """Do as `take`, with answers of this console only: none that LangGraph had stored."""
        with self._lock:
            return None if self._closed else self._take_bound(asked, self._execution(asked))

    def _take_bound(self, asked: Asked, execution: _Execution) -> Taken | None:
        # What was said to exactly this question goes before what leaves some of it open.
        for answer in sorted(
            self._of_task(asked, self._answers), key=lambda each: bool(each.moving)
        ):
            if asked.is_answered_by(answer) and answer.decision not in execution.used:
                execution.used.add(answer.decision)
                return Taken(stored.load(answer.value), answer)
        return None

    def _take_unbound(self, asked: Asked, execution: _Execution) -> Taken | None:
        """An answer of a thread that was paused before it came here, by position as it always was.

        Nothing says which question it answers, but no question that still waits can be the one.
        """
        waiting = {question.digest for question in self._of_task(asked, self._pending)}
        unbound = asked.unbound
        if asked.digest in waiting or execution.unbound_used == len(unbound):
            return None
        execution.unbound_used += 1
        return Taken(unbound[execution.unbound_used - 1], None)

    def record(self, asked: Asked, taken: Taken) -> None:
        """Write the whole list of the task's answers to `__resume__`, as LangGraph does."""
        with self._lock:
            execution = self._execution(asked)
            if taken.source is not None:
                self._consumed[taken.source.decision] = asked.task_id
                if taken.source.decision not in map(decision_of, execution.resume):
                    execution.resume.append(_entry(taken.source))
            asked.send([(RESUME, list(execution.resume))])

    def name(self, asked: Asked) -> str:
        """The id of the question: a different one for each answer that its task has already."""
        answered = len(asked.unbound) + len(self._of_task(asked, self._answers))
        return _interrupt_id(asked.ns, answered)

    def locate(self, interrupt_id: str, asked: Asked) -> None:
        """Note where a question was asked."""
        if asked.origin is not None:
            with self._lock:
                self._origins[interrupt_id, asked.digest] = asked.origin

    def origin(self, interrupt_id: str, digest: str) -> Origin | None:
        """Where a question was asked in this run, if that was not in the body of a node."""
        with self._lock:
            return self._origins.get((interrupt_id, digest))

    def _of_task(self, asked: Asked, bound: Sequence[Bound]) -> list[Bound]:
        """Those that belong to the asking task.

        By its id, or by an id its questions have: a graph that a tool invokes shows in the state
        only as the task around it.
        """
        most = len(self._answers) + len(asked.scratchpad.resume)
        ids = {_interrupt_id(asked.ns, answered) for answered in range(most + 1)}
        return [each for each in bound if each.task_id == asked.task_id or each.interrupt_id in ids]

    def _execution(self, asked: Asked) -> _Execution:
        # LangGraph makes a new counter for each execution of a task, retries included, and shares
        # it between the threads of that execution; the scratchpad itself has slots.
        counter = asked.scratchpad.interrupt_counter
        if counter not in self._executions:
            self._executions[counter] = _Execution(resume=list(asked.scratchpad.resume))
        return self._executions[counter]


def decision_of(entry: Any) -> int | None:
    """The decision that an entry of a stored `__resume__` records; None if LangGraph wrote it."""
    match entry:
        case {"reviewconsole_decision": int(decision), "interrupt_id": str(), "value": _, **rest}:
            return None if rest else decision
    return None


def _entry(answer: Answer) -> dict[str, Any]:
    return {
        "reviewconsole_decision": answer.decision,
        "interrupt_id": answer.interrupt_id,
        "value": stored.load(answer.value),  # its own copy: an agent may change what it gets
    }
