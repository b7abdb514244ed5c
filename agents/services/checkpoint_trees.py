"""All checkpoints of a thread as a tree of branches, a window at a time. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from django.db.models import Count, Q

from agents.history import ancestry
from agents.history.levels import level
from agents.history.tree import Lane, lanes
from agents.models import Checkpoint, Thread
from agents.services import tree_rows
from agents.services.checkpoint_states import levels_of
from agents.services.inside_graphs import inside_of
from agents.services.tree_rows import Row

MOST_ROWS = 500
MOST_LANES = 24  # columns; branches beyond share the last
_MOST_TAKEN = 200  # checkpoints that are looked at for the nodes taken

Skeleton: TypeAlias = Sequence[tuple[str, str | None]]
"""Checkpoints of the root and their parents, newest first."""


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
    """Read a window: the newest, the one older than `before`, or the one that has `at` in it.

    Queries: at most 15, whatever its size. An id of no checkpoint is no error: what stands around
    its place is read. Lanes need the ids of all that is newer than the window, and their parents.
    """
    limit = max(1, min(limit, MOST_ROWS))
    root = Checkpoint.objects.filter(thread=thread, ns="")
    start = 0
    if at is not None:
        start = root.filter(checkpoint_id__gt=_place(at)).count() // limit * limit
    elif before is not None:
        start = root.filter(checkpoint_id__gte=_place(before)).count()
    skeleton = skeleton_of(thread, start + limit + 1)
    window = range(start, min(start + limit, len(skeleton)))
    ids = [checkpoint for checkpoint, _ in skeleton[window.start : window.stop]]
    drawn = dict(zip(ids, _lanes(thread, skeleton, window), strict=True))
    newer = skeleton[start - 1][0] if 0 < start <= len(skeleton) else None
    found = _read(thread, ids, before=newer)
    total, tips = _counted(thread)
    columns = [column for lane in drawn.values() for column in (lane.lane, *lane.passing)]
    return Tree(
        rows=tuple(replace(row, lane=drawn[row.checkpoint_id]) for row in placed(found, skeleton)),
        older=ids[-1] if len(skeleton) > start + limit else None,
        newer=newer,
        total=total,
        tips=tips,
        lanes=max(columns, default=-1) + 1,
    )


def way(*, thread: Thread, checkpoint_id: str, limit: int = 1000) -> tuple[str, ...]:
    """The ids of a checkpoint and its ancestors at the root, newest first; none if it is unknown.

    Queries: 1, or 2 where the way leads past many checkpoints of other branches.
    """
    root = Checkpoint.objects.filter(thread=thread, ns="", checkpoint_id__lte=_place(checkpoint_id))
    rows = root.order_by("-checkpoint_id").values_list("checkpoint_id", "parent_id")
    nearby = 2 * limit
    parents = dict(rows[:nearby])
    found = ancestry.path(parents, checkpoint_id)
    if found and len(found) < limit and len(parents) == nearby and parents[found[-1]]:
        found = ancestry.path(dict(rows), checkpoint_id)
    return found[:limit]


def nodes_taken(*, thread: Thread, checkpoint_id: str) -> tuple[str, ...]:
    """The nodes that ran on the way to a checkpoint, oldest first, each time they ran.

    Named as the picture names them: `tools`, and `sub:tools` inside a graph; `__end__` is last
    where the graph came to its end. Of a long way the newest 200 checkpoints. Queries: at most 12.
    """
    ids = way(thread=thread, checkpoint_id=checkpoint_id, limit=_MOST_TAKEN)
    rows = _read(thread, ids[::-1])
    ended = ("__end__",) if rows and not rows[-1].next else ()
    return (*_taken(rows), *ended)


def skeleton_of(thread: Thread, limit: int | None = None) -> Skeleton:
    """The newest checkpoints of the root, by default all. One query."""
    rows = Checkpoint.objects.filter(thread=thread, ns="").order_by("-checkpoint_id")
    return list(rows.values_list("checkpoint_id", "parent_id")[:limit])


def placed(rows: Iterable[Row], skeleton: Skeleton) -> Iterator[Row]:
    """Say which rows are the head and tips; the skeleton has all that is newer than they are."""
    followed = {parent for _, parent in skeleton}
    head = skeleton[0][0] if skeleton else None
    for row in rows:
        place = row.checkpoint_id
        yield replace(row, is_head=place == head, is_tip=place not in followed)


def _place(checkpoint_id: str) -> str:
    """What may come from an address as a database can be asked for it: without NUL."""
    return checkpoint_id.partition("\0")[0]


def _counted(thread: Thread) -> tuple[int, int]:
    """How many checkpoints the root has, and how many of them nothing follows. One query."""
    root = Checkpoint.objects.filter(thread=thread, ns="")
    kept = Q(parent_id__in=root.values("checkpoint_id"))
    counted = root.aggregate(
        total=Count("checkpoint_id"), parents=Count("parent_id", distinct=True, filter=kept)
    )
    return counted["total"], counted["total"] - counted["parents"]


def _lanes(thread: Thread, skeleton: Skeleton, window: range) -> Iterator[Lane]:
    """The lanes of a window. Its checkpoints' parents may be older: one query tells which are."""
    known = {checkpoint for checkpoint, _ in skeleton}
    missing = {parent for _, parent in skeleton if parent is not None and parent not in known}
    rows = Checkpoint.objects.filter(thread=thread, ns="", checkpoint_id__in=missing)
    older = rows.order_by("-checkpoint_id").values_list("checkpoint_id", flat=True)
    last = MOST_LANES - 1
    for lane in lanes([*skeleton, *((each, None) for each in older)], window):
        yield replace(
            lane,
            lane=min(lane.lane, last),
            parent_lane=None if lane.parent_lane is None else min(lane.parent_lane, last),
            passing=tuple(column for column in lane.passing if column < last),
        )


def _read(thread: Thread, ids: Sequence[str], before: str | None = None) -> list[Row]:
    """These checkpoints of the root with the graphs inside, up to `before`. Queries: at most 10."""
    levels = levels_of(thread)
    nested = inside_of(thread, ids, before)
    rows = tree_rows.read(thread, {("", each) for each in ids} | nested.places, levels)
    return [nested.within(rows, ("", each)) for each in ids if ("", each) in rows]


def _taken(rows: Iterable[Row], path: str = "") -> Iterator[str]:
    """The nodes of one graph, oldest first; those of a graph inside stand for its node."""
    told: set[str] = set()
    for row in rows:
        names = (f"{path}:{node}" if path else node for node in row.nodes)
        hidden = told | ({f"{path}:__start__"} if path else set())
        yield from (name for name in names if name not in hidden)
        by_graph: dict[str, list[Row]] = {}
        for inner in reversed(row.inside):
            by_graph.setdefault(inner.ns, []).append(inner)
        told = {level(ns) for ns in by_graph}
        for ns, inside in by_graph.items():
            yield from _taken(inside, level(ns))
