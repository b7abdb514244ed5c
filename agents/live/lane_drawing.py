"""How the lines of a tree of checkpoints are drawn beside one of its rows.

The lines are as long as the row is high, whatever stands in it: they begin at its top edge, and run
on below its bottom edge, where the picture ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.history.tree import Lane

MOST_LANES = 10  # drawn; those further to the right lie on one dashed line
STEP, MARGIN = 14, 9  # pixels between lanes, and before the first
MIDDLE = 18  # pixels from a row's top to its point
_END = 9999  # below any row


@dataclass(frozen=True, slots=True)
class Drawing:
    """The lines of one row, as paths of an SVG."""

    width: int
    x: int  # of the point
    lines: str
    crowd: str  # the line of the lanes that are not drawn apart; "" where there are none


def draw(lane: Lane, lanes: int) -> Drawing:
    """Draw one row of a tree that is so many lanes wide."""
    shown = min(max(lanes, 1), MOST_LANES)
    x = _x(lane.lane)
    paths = [f"M{_x(each)} 0V{_END}" for each in lane.passing if each < MOST_LANES - 1]
    if lane.has_child:
        paths.append(f"M{x} 0V{MIDDLE}")
    if lane.parent_lane is not None:
        paths.append(f"M{x} {MIDDLE}" + _down(x, _x(lane.parent_lane)))
    is_crowded = any(each >= MOST_LANES - 1 for each in lane.passing)
    crowd = f"M{_x(MOST_LANES)} 0V{_END}" if is_crowded else ""
    return Drawing(2 * MARGIN + (shown - 1) * STEP, x, "".join(paths), crowd)


def _x(lane: int) -> int:
    return MARGIN + min(lane, MOST_LANES - 1) * STEP


def _down(x: int, parent: int) -> str:
    if x == parent:
        return f"V{_END}"
    bend, level = MIDDLE + 10, MIDDLE + 20
    return f"C{x} {bend} {parent} {bend} {parent} {level}V{_END}"
