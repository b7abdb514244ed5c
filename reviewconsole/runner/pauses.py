"""Where a thread stands, read from its store: the state, and what it waits for.

The end of a stream is the moment to read it: LangGraph announces a question before it is stored,
and of a breakpoint the store knows nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import PULL, RESUME
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel
from langgraph.types import _DEFAULT_INTERRUPT_ID, Interrupt, PregelTask, StateSnapshot

from reviewconsole.protocol.fingerprint import fingerprint, question_digest
from reviewconsole.protocol.marks import DECISION
from reviewconsole.protocol.messages import PostedInterrupt, Whole
from reviewconsole.runner import breakpoints, stored
from reviewconsole.runner.answers import Question, decision_of
from reviewconsole.runner.breakpoints import Breakpoint, Graph, Stops
from reviewconsole.runner.call_ids import asked_about

_LONGEST_ID = 128  # characters, as the console keeps it


class Unanswerable(ValueError):
    """A question that an agent raised by hand cannot be told from others, or not be shown."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question stands: a level of the graph, and what its open step runs there."""

    graph: Graph
    config: RunnableConfig  # of this level's newest checkpoint
    unfinished: tuple[str, ...]  # nodes, one for each task
    finished: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a thread stands.

    `questions` are what it waits for, those of `stops` (the breakpoints) among them, and `places`
    where each stands. `at_rest` says that every unfinished task waits and none has failed.
    `unfinished` are the ids of these tasks, `several` of those among them that run more than one
    tool: they show one question at a time, and others may come. `levels` are the configs of the
    graph and of the graphs inside that have not ended.
    """

    checkpoint_id: str | None
    snapshot: Whole
    next: tuple[str, ...]
    ended: bool  # no step is open: with `next` empty, one may still wait to be closed
    questions: tuple[PostedInterrupt, ...]
    places: tuple[Place, ...]
    stops: tuple[Breakpoint, ...]
    at_rest: bool
    unfinished: frozenset[str]
    several: frozenset[str]
    levels: tuple[RunnableConfig, ...]

    def stop_of(self, question: PostedInterrupt) -> Breakpoint | None:
        """The breakpoint that a question stands for; None for a question that an agent asked."""
        return next(
            (stop for stop in self.stops if stop.interrupt_id == question.interrupt_id), None
        )

    def place_of(self, question: PostedInterrupt) -> Place:
        """Where one of its questions stands."""
        return self.places[self.questions.index(question)]


@dataclass(frozen=True, slots=True)
class _Level:
    """The graph, or a graph inside one of its tasks, with its newest state."""

    graph: Graph
    state: StateSnapshot

    @property
    def ns(self) -> str:
        return str(self.state.config["configurable"].get("checkpoint_ns", ""))

    @property
    def tasks(self) -> list[PregelTask]:
        """The tasks that are not finished."""
        left = Counter(self.state.next)
        return [task for task in self.state.tasks if task.result is None and left[task.name] > 0]

    @property
    def begun(self) -> bool:
        """Whether a breakpoint that it stood at is passed.

        It is not where a task has failed and none asks: what was decided has come to nothing.
        """
        if any(task.interrupts for task in self.tasks):
            return True
        if any(task.error for task in self.tasks):
            return False
        return any(task.result is not None or self.inside(task) for task in self.state.tasks)

    @property
    def decided(self) -> bool:
        """Whether its newest checkpoint was made for a decision: what its tasks asked is past."""
        return DECISION in (self.state.metadata or {})

    @property
    def place(self) -> Place:
        """Where the questions of its tasks stand."""
        unfinished = tuple(task.name for task in self.tasks)
        finished = Counter(task.name for task in self.state.tasks) - Counter(unfinished)
        return Place(self.graph, self.state.config, unfinished, tuple(finished.elements()))

    def inside(self, task: PregelTask) -> _Level | None:
        """The graph that runs in a task, if LangGraph shows it and it has not ended."""
        graph = dict(self.graph.get_subgraphs()).get(task.name)
        if isinstance(graph, Pregel) and isinstance(task.state, StateSnapshot) and task.state.tasks:
            return _Level(graph, task.state)
        return None


@dataclass(frozen=True, slots=True)
class _Leaf:
    """An unfinished task, the innermost one that LangGraph shows."""

    level: _Level
    task: PregelTask

    @property
    def place(self) -> Place:
        return self.level.place

    @property
    def at_rest(self) -> bool:
        """Whether it waits, and not with an error: then it is asked anew."""
        return bool(self.task.interrupts and not self.task.error)


async def read(
    graph: Graph, config: RunnableConfig, *, agent: str, before: Stops = (), after: Stops = ()
) -> Standing:
    """Read where the thread of `config` stands.

    `before` and `after` are the breakpoints of the run, which stand for those that the graph was
    compiled with. Reads: one, one for each level inside, and one for each `after` breakpoint.

    Raises:
        Unstorable: a value cannot be written as the console stores it.
        Unanswerable: the id or the schema of a question is of no use, or two of a task share an id.
    """
    state = await graph.aget_state(config, subgraphs=True)
    thread = str(config["configurable"]["thread_id"])
    checkpoint_id = state.config["configurable"].get("checkpoint_id")
    root = _Level(graph, state)
    levels = list(_levels(root))
    leaves = list(_leaves(root))

    async def stops_at(level: _Level) -> list[tuple[_Level, Breakpoint]]:
        insides = filter(None, map(level.inside, level.tasks))
        found = [each for inside in insides for each in await stops_at(inside)]
        if found or level.begun:
            return found
        compiled = level.graph.interrupt_before_nodes, level.graph.interrupt_after_nodes
        named = (before or compiled[0], after or compiled[1]) if level is root else compiled
        stop = await breakpoints.find(graph, level.graph, level.state, *named)
        return [(level, stop)] if stop else []

    stops = await stops_at(root)

    def posted(**fields: Any) -> PostedInterrupt:
        value = stored.store(fields.pop("value"))
        return PostedInterrupt(
            value=value,
            fingerprint=fingerprint(
                agent=agent,
                thread=thread,
                checkpoint_id=str(checkpoint_id),
                interrupt_id=fields["interrupt_id"],
                value=stored.to_plain(value),
            ),
            **fields,
        )

    stopped = {level.ns for level, _ in stops}
    questions: list[tuple[PostedInterrupt, _Leaf | _Level]] = [
        *((posted(**_asked(leaf, each)), leaf) for leaf in leaves for each in leaf.task.interrupts),
        *((posted(**_stopped(level, stop)), level) for level, stop in stops),
    ]
    _check_distinct([question for question, _ in questions])
    return Standing(
        checkpoint_id=checkpoint_id,
        snapshot=stored.store(_public(state.values)),
        next=state.next,
        ended=not state.tasks,
        questions=tuple(question for question, _ in questions),
        places=tuple(where.place for _, where in questions),
        stops=tuple(stop for _, stop in stops),
        at_rest=all(leaf.at_rest or leaf.level.ns in stopped for leaf in leaves),
        unfinished=frozenset(leaf.task.id for leaf in leaves),
        several=frozenset(leaf.task.id for leaf in leaves if _asks_several(leaf)),
        levels=tuple(level.state.config for level in levels),
    )


def question(posted: PostedInterrupt) -> Question:
    """A posted question as the answer book compares it."""
    return Question(
        posted.task_id, posted.interrupt_id, question_digest(stored.to_plain(posted.value))
    )


async def recorded(saver: BaseCheckpointSaver[Any], standing: Standing) -> frozenset[int]:
    """The decisions whose answers the store shows as taken, at the open steps of a thread.

    Reads: one for each level.
    """
    found = set()
    for level in standing.levels:
        saved = await saver.aget_tuple(level)
        for _task, channel, entries in (saved.pending_writes or []) if saved else []:
            if channel == RESUME and isinstance(entries, list):
                found |= {decision_of(entry) for entry in entries}
    return frozenset(found - {None})  # type: ignore[arg-type]  # what is left are numbers


def _levels(level: _Level) -> Iterator[_Level]:
    yield level
    for task in level.tasks:
        if inside := level.inside(task):
            yield from _levels(inside)


def _leaves(level: _Level) -> Iterator[_Leaf]:
    for task in level.tasks:
        inside = level.inside(task)
        inner = list(_leaves(inside)) if inside else []
        # A graph that LangGraph does not show asks through the task around it. So does one whose
        # waiting node was skipped, until the task runs again: that question is past.
        shown = any(leaf.task.interrupts or leaf.level.decided for leaf in inner)
        yield from [_Leaf(level, task)] if not inner or (task.interrupts and not shown) else inner


def _check_distinct(questions: list[PostedInterrupt]) -> None:
    ids = Counter((question.task_id, question.interrupt_id) for question in questions)
    for question in questions:
        if ids[question.task_id, question.interrupt_id] > 1:
            raise Unanswerable(
                f"{question.node} raises several interrupts with the id {question.interrupt_id!r}, "
                "so no answer would be of one of them; give each an id of its own, or call "
                "interrupt()"
            )


def _check_showable(node: str, asked: Interrupt) -> None:
    match asked.id:
        case str(name) if name.isprintable() and len(name) <= _LONGEST_ID:
            pass
        case name:
            raise Unanswerable(
                f"{node} raises an interrupt with the id {str(name)[:_LONGEST_ID]!r}; an id is a "
                f"printable text of at most {_LONGEST_ID} characters, as interrupt() makes it"
            )
    try:
        json.dumps(_schema(asked))
    except (TypeError, ValueError, RecursionError) as error:
        raise Unanswerable(
            f"the response_schema of {node}'s interrupt is not JSON, as a JSON Schema is: {error}"
        ) from error


def _schema(asked: Interrupt) -> dict[str, Any] | None:
    return asked.response_schema if isinstance(asked.response_schema, dict) else None


def _asked(leaf: _Leaf, asked: Interrupt) -> dict[str, Any]:
    _check_showable(leaf.task.name, asked)
    return {
        # `NodeInterrupt` draws no id: several that wait at once share this one.
        "kind": "node_interrupt" if asked.id == _DEFAULT_INTERRUPT_ID else "interrupt",
        "interrupt_id": asked.id,
        "task_id": leaf.task.id,
        "ns": leaf.level.ns,
        "node": leaf.task.name,
        "value": asked.value,
        "response_schema": _schema(asked),
        "call_ids": asked_about(asked.value, leaf.level.state.values),
    }


def _stopped(level: _Level, stop: Breakpoint) -> dict[str, Any]:
    return {
        "kind": "breakpoint",
        "interrupt_id": stop.interrupt_id,
        "task_id": "",
        "ns": level.ns,
        "node": stop.nodes[0],
        "value": stop.value,
        "response_schema": None,
        "call_ids": tuple(str(call["id"]) for call in stop.calls),
    }


def _asks_several(leaf: _Leaf) -> bool:
    """Whether a task runs several tool calls at once: it shows the question of one at a time."""
    node = breakpoints.tool_node(leaf.level.graph.nodes[leaf.task.name].bound)
    if node is None or leaf.task.path[0] != PULL:
        return False
    return len(breakpoints.open_calls(leaf.level.state.values, node._messages_key)[1]) > 1


def _public(values: Any) -> Any:
    """The state without the channels that LangGraph keeps for itself."""
    if not isinstance(values, dict):
        return values
    return {
        key: value
        for key, value in values.items()
        if not (isinstance(key, str) and key.startswith(("__", "branch:")))
    }
