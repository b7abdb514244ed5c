"""The tree of a thread's checkpoints, a window at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.exceptions import NotFound
from agents.live import branches, lane_drawing
from agents.live.lane_drawing import Drawing
from agents.live.story import VERBS
from agents.live.topic import Topic, Viewer
from agents.models import Interrupt, Thread
from agents.services import checkpoints, history
from agents.services.history import Row
from agents.services.message_counts import message_counts

ROWS = 50  # of the root
INSIDE = 6  # checkpoints of the graphs inside of one step; the others are on its page


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was asked at a checkpoint, and what became of it in a word."""

    interrupt: Interrupt
    type: str  # of what was decided; "" while nothing is
    verb: str


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of the tree as the page draws it."""

    row: Row
    drawing: Drawing | None
    said: int  # how many messages there were; 0: none, or not known
    is_told: bool  # on the branch whose story stands beside the tree
    is_marked: bool  # the page was asked for this one
    from_step: int | None  # where its replay or fork began
    questions: Sequence[Question]
    inside: Sequence[Row]  # of the graphs inside
    more_inside: int


@dataclass(frozen=True, slots=True)
class TreeView:
    """A window of the tree."""

    thread: Thread
    rows: Sequence[RowView]
    older: str | None
    newer: str | None
    is_newest: bool
    total: int
    tips: int
    told: str  # `branch` of the page, for the links to other windows


def tree(topic: Topic, _viewer: Viewer) -> dict[str, Any]:
    """The window that the page was asked for: `before`, `at` and `branch` among the filters.

    A constant number of queries.

    Raises:
        NotFound: there is no such thread.
    """
    thread = Thread.objects.filter(pk=topic.pk).defer("snapshot").first()
    if thread is None:
        raise NotFound("There is no such thread.")
    before, at = topic.filters.get("before"), topic.filters.get("at")
    told = topic.filters.get("branch", "")
    found = history.tree(thread=thread, before=before, at=at, limit=ROWS)
    ids = [row.checkpoint_id for row in found.rows]
    way = _way(thread, told, ids)
    counts = message_counts(thread=thread, checkpoint_ids=ids)
    steps = branches.steps(thread, {row.from_checkpoint_id for row in found.rows})
    return {
        "tree": TreeView(
            thread=thread,
            rows=[_view(row, found.lanes, at, way, counts, steps) for row in found.rows],
            older=found.older,
            newer=found.newer,
            is_newest=found.newer is None,
            total=found.total,
            tips=found.tips,
            told=told,
        )
    }


def _way(thread: Thread, told: str, ids: Sequence[str]) -> set[str]:
    """The checkpoints of this window that are on the branch whose story is told."""
    if not ids:
        return set()
    end = told or checkpoints.head(thread) or ""
    return set(history.way(thread=thread, checkpoint_id=end, limit=branches.LONGEST))


def _view(
    row: Row,
    lanes: int,
    at: str | None,
    way: set[str],
    counts: Mapping[str, int],
    steps: Mapping[str, int | None],
) -> RowView:
    return RowView(
        row=row,
        drawing=lane_drawing.draw(row.lane, lanes) if row.lane else None,
        said=counts.get(row.checkpoint_id, 0),
        is_told=row.checkpoint_id in way,
        is_marked=row.checkpoint_id == at,
        from_step=steps.get(row.from_checkpoint_id),
        questions=[_question(item) for item in row.interrupts],
        inside=row.inside[:INSIDE],
        more_inside=max(len(row.inside) - INSIDE, 0) + row.inside_left_out,
    )


def _question(item: Interrupt) -> Question:
    decision = getattr(item, "decision", None)
    types = {action["type"] for action in decision.actions} if decision else set()
    if len(types) != 1:
        return Question(item, "", "decided" if types else "")
    (decided,) = types
    return Question(item, decided, "answered" if decided == "respond" else VERBS[decided])
