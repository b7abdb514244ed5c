"""The tree of a thread's checkpoints, drawn in lanes, newest first, as `git log --graph` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the drawing: where its checkpoint stands, and the lines around it.

    The line to the parent leaves downwards to `parent_lane`, and runs from there straight down: in
    the rows between it is one of `passing`. A row's own lane is never one of its `passing`.
    """

    lane: int  # the column of the checkpoint, 0 at the left
    has_child: bool  # a line comes from above in its lane
    parent_lane: int | None  # where the line to the parent leaves; None: there is no parent below
    passing: tuple[int, ...]  # columns of the lines that pass from top to bottom, ascending


def lanes(skeleton: Sequence[tuple[str, str | None]], rows: range | None = None) -> Iterator[Lane]:
    """Lay out checkpoints `(id, parent id)`, newest first, and yield these rows, by default all.

    A parent that is unknown, or does not stand below its child, is none. Linear in time and memory,
    but for the lines that pass the rows that are asked for.
    """
    raise NotImplementedError
