"""The static breakpoint that a branch would begin at: what a runner will find there. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.exceptions import NotFound
from agents.history import breakpoints
from agents.history.breakpoints import Stop
from agents.history.graph_ways import Way
from agents.models import Agent, Run, Thread
from agents.services import history
from agents.services.history import CheckpointState
from agents.services.value_references import origin_of
from reviewconsole.protocol.marks import AS_NODE, DECISION
from reviewconsole.protocol.plain import Plain

_COPIES = 8  # of copies that are looked through; behind them it is unknown what ran


def foreseen(
    state: CheckpointState,
    thread: Thread,
    *,
    ways: Sequence[Way],
    as_node: str,
    nodes: Sequence[str],
    lends: Run | None,
) -> Stop | None:
    """The stop of a branch that begins at a checkpoint; None where it runs on.

    `ways` lead to what is next there, `as_node` is whose writes a fork has, `nodes` are all of the
    agent's. The stops are those of the run that lends them, or else the graph's. Queries: none, or
    where there are stops after nodes at most 8 for each copy or change that people made there.
    """
    before = _stops(thread.agent, lends.interrupt_before if lends else (), "interrupt_before")
    after = _stops(thread.agent, lends.interrupt_after if lends else (), "interrupt_after")
    ran: Sequence[str] | None = (as_node,) if as_node else ()
    if after and not as_node:
        ran = _ran(state, thread)
    # As the runner does it: where nothing tells any more what ran, it may have been any node.
    return breakpoints.stop(ways, nodes if ran is None else ran, before, after)


def _stops(agent: Agent, of_run: Sequence[str], which: str) -> Sequence[str]:
    return of_run or [node for node in agent.spec.get(which) or () if ":" not in node]


def _ran(state: CheckpointState, thread: Thread) -> tuple[str, ...] | None:
    """The nodes of the step that a checkpoint was made in, or the one it is a copy or change of."""
    for _ in range(_COPIES):
        metadata: dict[Any, Plain] = {**state.metadata}
        if isinstance(named := metadata.get(AS_NODE), str):
            return (named,)
        decided, stepped = DECISION in metadata, state.source == "loop"
        if stepped and not decided and state.nodes:
            return state.nodes
        origin = origin_of(metadata) or state.parent_id
        if origin == state.parent_id and not (stepped or decided or state.source == "fork"):
            return ()
        try:
            before = history.checkpoint(thread=thread, checkpoint_id=origin or "")
        except NotFound:
            return None
        if (stepped and not decided) or (decided and {*before.next} != {*state.next}):
            return ()
        state = before
    return None
