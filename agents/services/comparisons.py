"""Two checkpoints of a thread side by side. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from agents.models import Decision, Interrupt, Thread
from agents.reviews.diff import Diff
from agents.services.checkpoint_states import CheckpointState
from agents.services.checkpoint_trees import Row


@dataclass(frozen=True, slots=True)
class Differing:
    """A question that was decided differently on the two ways, or on one of them alone."""

    question: Interrupt  # as it was asked on the way to a, else to b
    a: Decision | None
    b: Decision | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two checkpoints, where their ways part, and what differs at the ends."""

    a: CheckpointState
    b: CheckpointState
    ancestor: str | None
    way_a: tuple[Row, ...]  # since the ancestor, oldest first
    way_b: tuple[Row, ...]
    cut_a: bool  # the way is longer; its oldest part is left out
    cut_b: bool
    diff: Diff
    decisions: tuple[Differing, ...]


def compare(*, thread: Thread, a: str, b: str) -> Comparison:
    """Compare two checkpoints of the thread's root. A constant number of queries.

    Raises:
        NotFound: the thread has no such checkpoint at its root.
    """
    raise NotImplementedError
