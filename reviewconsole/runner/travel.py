"""Replay and fork: a run that begins at an older checkpoint, which stays as it is.

Nothing of what came of that checkpoint is used again: no answer, no result of a task, no change a
decision made. No breakpoint is passed either: LangGraph marks the breakpoint of a checkpoint that
it is told to replay as passed, so there the new branch begins with a copy, and is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import PUSH
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.constants import END
from langgraph.types import StateSnapshot

from reviewconsole.protocol.marks import AS_NODE, FROM, RUN
from reviewconsole.protocol.messages import Assignment, Travel
from reviewconsole.runner import breakpoints, moves, stored
from reviewconsole.runner.breakpoints import Graph
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.past import Draft, PastSaver


class CannotTravel(Exception):
    """A replay or a fork cannot be carried out; the message says why, and what can be done.

    CannotTravel
    ├── CheckpointGone     the checkpoint is not in the store
    ├── GraphChanged       the agent's graph is another one than people were told of
    └── ForkRefused        no branch can begin there, or not with this change
    """


class CheckpointGone(CannotTravel):
    """The checkpoint to begin at is not in the store."""


class GraphChanged(CannotTravel):
    """The agent's graph is another one than people were told of."""


class ForkRefused(CannotTravel):
    """No branch can begin there, or not with this change of the state."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a branch begins: what to run, and with which view of the store."""

    config: RunnableConfig  # names the checkpoint to run from
    saver: ConsoleSaver
    replays: bool  # whether LangGraph makes the new head, when it runs; else it is stored already


async def depart(
    graph: Graph, saver: ConsoleSaver, assignment: Assignment, travel: Travel
) -> Departure:
    """Check that the journey can be made, and make the new head where LangGraph does not.

    Nothing is stored before all of it is known to work; a change is one stored checkpoint. Where
    the departure is from a checkpoint that was made already, LangGraph makes the new head when it
    runs. Reads: about ten. Not idempotent: call it while the head is the one that the run found.

    Raises:
        CannotTravel: as its kinds say. Nothing was changed.
    """
    at: RunnableConfig = {
        "configurable": {
            "thread_id": assignment.thread,
            "checkpoint_ns": travel.ns,
            "checkpoint_id": travel.checkpoint_id,
        }
    }
    past = PastSaver.at(saver, travel.checkpoint_id)
    saved = await past.aget_tuple(at)
    if saved is None:
        raise CheckpointGone(f"the checkpoint {travel.checkpoint_id} is not in the store any more")
    if travel.ns:
        around = saved.metadata.get("parents", {}).get("")
        raise ForkRefused(
            f"the checkpoint belongs to a graph inside, {travel.ns}: it is of one task of one "
            "branch, and another branch runs that graph from its start; begin at the checkpoint "
            f"of the agent's own graph that runs it{f', {around}' if around else ''}"
        )
    graph = graph.copy(update={"checkpointer": past})
    state = await graph.aget_state(at)
    _check_next(graph, state, travel)
    if travel.update is None and travel.as_node is None and not travel.stays:
        if not state.next:
            raise ForkRefused(
                "nothing runs after this checkpoint: it is an end; fork it with a changed state, "
                "or as the node to go on after"
            )
        if not await _stop(graph, state, assignment):
            return Departure(at, past, replays=True)
    marks = {RUN: assignment.lease.run, FROM: travel.checkpoint_id}
    draft = Draft.of(saver, travel.checkpoint_id, marks)
    try:
        await _make(graph, draft, state, saved, travel)
    except CannotTravel:
        raise
    except Exception as error:  # the agent's own reducers and edges have their say
        message = f"the state cannot be changed so: {type(error).__name__}: {error}"
        raise ForkRefused(message) from error
    await draft.store()
    return Departure(draft.head, saver, replays=False)


async def taken_up(
    graph: Graph, saver: ConsoleSaver, thread: RunnableConfig, travel: Travel
) -> Departure | None:
    """Where an attempt goes on that finds the branch begun; None: from the head, like any run.

    The head is departed from by its id while nothing has run there: a graph inside that remembers
    then remembers what it knew at that time, not what it did on another branch since. An ending
    that was begun is ended. Idempotent.
    """
    if travel.as_node == END:
        await close(graph, thread)
    head = await saver.aget_tuple(thread)
    if head is None or head.pending_writes or head.metadata["source"] not in ("fork", "update"):
        return None
    return Departure(head.config, saver, replays=False)


async def close(graph: Graph, config: RunnableConfig) -> None:
    """End the branch at the checkpoint of `config`, or at the head. Idempotent."""
    while (await graph.aget_state(config)).tasks:
        # A node that waits for all others is called for when nothing else is left to run.
        made = await graph.aupdate_state(config, None, as_node=END)
        if "checkpoint_id" in config["configurable"]:
            config = made


async def _stop(
    graph: Graph, state: StateSnapshot, assignment: Assignment
) -> breakpoints.Breakpoint | None:
    """The breakpoint that the checkpoint stands at: of the run's own, or of the graph's."""
    before, after = assignment.interrupt_before, assignment.interrupt_after
    return await breakpoints.find(
        graph,
        graph,
        state,
        breakpoints.stops(before) or graph.interrupt_before_nodes,
        breakpoints.stops(after) or graph.interrupt_after_nodes,
    )


def _check_next(graph: Graph, state: StateSnapshot, travel: Travel) -> None:
    """Refuse a journey that would run other nodes than people were told."""
    known = [name for name in graph.nodes if not name.startswith("__")]
    named = {*travel.next, *([travel.as_node] if travel.as_node else [])}
    still = f"; it has {', '.join(known)}, and a fork can be written as one of these"
    if gone := sorted(named - graph.nodes.keys() - {END}):
        raise GraphChanged(f"the agent has no node {', '.join(gone)} (any more){still}")
    if {*state.next} != {*travel.next}:
        raise GraphChanged(
            f"{_named(travel.next)} should run from this checkpoint, but with the agent's graph as "
            f"it is now {_named(state.next)} would{still}"
        )


async def _make(
    graph: Graph, draft: Draft, state: StateSnapshot, saved: CheckpointTuple, travel: Travel
) -> None:
    """Draft the new head, and what leads to it."""
    graph = graph.copy(update={"checkpointer": draft})
    config = state.config
    as_node = None if travel.as_node == END else travel.as_node
    if travel.update is not None or as_node is not None:
        values = _values(graph, travel)
        node = as_node or _author(graph, state, saved)
        draft.marks[AS_NODE] = node
        if as_node in state.next:
            draft.use_up(graph, state.next, saved)
        config = await graph.aupdate_state(config, values, as_node=node)
    elif travel.as_node is None:
        await graph.aupdate_state(config, None, as_node="__copy__")
    if travel.as_node == END:
        await close(graph, config)


def _values(graph: Graph, travel: Travel) -> Any:
    """What to write; None for a node that is skipped."""
    if travel.update is None:
        return None
    if reason := moves.unwritable(graph, travel.update):
        raise ForkRefused(f"the state cannot be changed: {reason}")
    return stored.load(travel.update)


def _author(graph: Graph, state: StateSnapshot, saved: CheckpointTuple) -> str:
    """The node that ran last: a change of the state is written as if it had made it."""
    if any(task.path[0] == PUSH for task in state.tasks):
        raise ForkRefused(
            f"{_named(state.next)} was sent its input one by one (Send), and changing the state "
            "here would lose all of it; fork the checkpoint before"
        )
    author = graph._infer_as_node(saved.checkpoint["versions_seen"])
    if author is None:
        raise ForkRefused(
            "several nodes ran last, so it is open whose change this is; say as which node: "
            f"{', '.join(name for name in graph.nodes if not name.startswith('__'))}"
        )
    return author


def _named(nodes: tuple[str, ...]) -> str:
    return ", ".join(dict.fromkeys(nodes)) or "nothing"
