"""The tree of a thread's checkpoints, drawn in lanes, newest first, as `git log --graph` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the drawing: where its checkpoint stands, and the lines around it.

    The line to the parent leaves downwards to `parent_lane` and runs straight down from there: it
    is one of `passing` of the rows between. Where a newer checkpoint has the same parent, its line
    is joined, and `parent_lane` is one of this row's own `passing`.
    """

    lane: int  # the column of the checkpoint, 0 at the left
    has_child: bool  # a line comes from above in its lane
    parent_lane: int | None  # None: there is no parent below
    passing: tuple[int, ...]  # columns of the lines that pass from top to bottom, ascending


def lanes(skeleton: Sequence[tuple[str, str | None]], rows: range | None = None) -> Iterator[Lane]:
    """Lay out checkpoints `(id, parent id)`, newest first, and yield these rows, by default all.

    A parent that does not stand below its child is none. Takes time and memory that grow with the
    checkpoints alone, and with the lines that pass the rows that are asked for.
    """
    place = {checkpoint: row for row, (checkpoint, _) in enumerate(skeleton)}
    columns = _Columns()
    for row, (checkpoint, parent) in enumerate(skeleton[: rows.stop] if rows else skeleton):
        lane, has_child = columns.take(checkpoint)
        wanted = rows is None or row in rows
        passing = tuple(sorted(columns.lines.values())) if wanted else ()
        parent_lane = None
        if parent is not None and place.get(parent, -1) > row:
            parent_lane = columns.lead_to(parent, lane)
        else:
            columns.free(lane)
        if wanted:
            yield Lane(lane, has_child, parent_lane, passing)


class _Columns:
    """The columns in use: in each a line that leads down to a checkpoint."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}  # the column, by the checkpoint it leads to
        self._free: list[int] = []
        self._width = 0

    def take(self, checkpoint: str) -> tuple[int, bool]:
        """The column of a checkpoint, and whether a line has led there; it leads no further."""
        lane = self.lines.pop(checkpoint, None)
        if lane is not None:
            return lane, True
        if self._free:
            return heappop(self._free), False
        self._width += 1
        return self._width - 1, False

    def lead_to(self, parent: str, lane: int) -> int:
        """Go on to the parent in this column, or join the line that leads there already."""
        if parent in self.lines:
            self.free(lane)
        return self.lines.setdefault(parent, lane)

    def free(self, lane: int) -> None:
        """Use the column no more."""
        heappush(self._free, lane)
