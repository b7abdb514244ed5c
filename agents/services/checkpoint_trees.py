"""All checkpoints of a thread as a tree of branches, a window at a time. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.history.tree import Lane
from agents.models import Interrupt, Run, Thread


@dataclass(frozen=True, slots=True)
class Row:
    """One checkpoint of the tree."""

    checkpoint_id: str
    parent_id: str | None
    ns: str
    step: int | None
    source: str  # input, loop, update or fork; "": unknown
    nodes: tuple[str, ...]  # that ran to make it
    next: tuple[str, ...]  # that run after it
    created_at: datetime
    duration: timedelta | None  # since its parent was stored or, if later, its run was taken
    stored_bytes: int | None  # that storing it added; None: not measured
    run: Run | None  # with created_by
    lane: Lane | None  # None inside of graphs
    is_head: bool
    is_tip: bool  # nothing follows it
    waits: bool  # a person is asked here
    interrupts: tuple[Interrupt, ...]
    inside: tuple[Row, ...]  # checkpoints of the graphs inside, of the step that follows this one
    pruned_parent: bool  # it had a parent, which is no longer kept
    from_checkpoint_id: str  # where its replay or fork began, if it was the first of one


@dataclass(frozen=True, slots=True)
class Tree:
    """A window of the tree, newest first."""

    rows: tuple[Row, ...]
    older: str | None  # `before` of the next window; None: this is the oldest
    newer: str | None  # `at` of the window before; None: this is the newest
    total: int  # checkpoints of the root
    tips: int  # branches
    lanes: int  # columns of this window


def tree(
    *, thread: Thread, before: str | None = None, at: str | None = None, limit: int = 100
) -> Tree:
    """Read a window: the newest, the one older than `before`, or one that has `at` in it.

    A constant number of queries; an unknown id is no error: the window is the one around it.
    """
    raise NotImplementedError


def way(*, thread: Thread, checkpoint_id: str, limit: int = 1000) -> tuple[str, ...]:
    """The ids of a checkpoint and its ancestors at the root, newest first. One query."""
    raise NotImplementedError


def nodes_taken(*, thread: Thread, checkpoint_id: str) -> tuple[str, ...]:
    """The nodes that ran on the way to a checkpoint, in the order of their first run.

    Named as the picture names them: `tools`, and `sub:tools` inside a graph.
    """
    raise NotImplementedError
