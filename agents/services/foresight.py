"""Foresight: what a replay or a fork would do, said before it is done. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from agents.models import Interrupt, Run
from agents.services.history import CheckpointState


@dataclass(frozen=True, slots=True)
class Foresight:
    """What will happen if the thread goes back to a checkpoint in this way."""

    checkpoint: CheckpointState
    next: tuple[str, ...]  # the nodes that are next there: what a form repeats
    first: tuple[str, ...]  # those that run first in this way; () where nothing runs by itself
    may_run: tuple[str, ...]  # after them, as the graph's edges allow
    repeats: tuple[str, ...]  # nodes, then tools by name, that ran after it and may do so again
    superseded: tuple[Interrupt, ...]  # open now: nobody will be able to answer them
    asks_again: tuple[Interrupt, ...]  # decided at this checkpoint: asked again, never reused
    loses: tuple[str, ...]  # nodes of this step whose results the new branch will not have
    gone_nodes: tuple[str, ...]  # next there, and no longer in the agent's graph
    gone_channels: tuple[str, ...]  # with a value there, and no longer in the agent's state
    new_channels: tuple[str, ...]  # in the state now, without a value there; where it has changed
    context_of: Run | None  # whose context and breakpoints are passed again
    waits_for: Run | None  # the replay or fork before it
    runners: int  # online, for this agent
    blocked: str  # why it cannot be done now, and what can; "": it can


def foresee(
    *,
    thread: int,
    checkpoint_id: str,
    ns: str = "",
    as_node: str = "",
    writes: bool = False,
    stays: bool = False,
) -> Foresight:
    """Say what a replay (by default) or a fork of this kind would do. Queries: constant, about 30.

    `writes` tells that values are written, `as_node` whose they are, `stays` that nothing runs.

    Raises:
        NotFound: there is no such thread or checkpoint.
    """
    raise NotImplementedError
