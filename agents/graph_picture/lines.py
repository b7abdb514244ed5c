"""Edges as SVG paths, with the place of the word beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.graph_picture.picture import Node, shortened

UNDER_ROW = 24.0  # how far an edge dips that leads back from within a row
_CHARACTER = 6.4
_LONGEST_WORD = 16  # characters beside an edge
_WORD_AT = 0.6  # of the way to the target


@dataclass(frozen=True, slots=True)
class Line:
    """The `d` of a path, and the middle of its word."""

    path: str
    label_x: float
    label_y: float


def forward(source: Node, target: Node, bends: Sequence[tuple[float, float, float]]) -> Line:
    """From the lower edge of one to the upper edge of the other.

    Each bend is a row that is passed: its x, and where it begins and ends.
    """
    x, y = source.x, source.bottom
    path = f"M{x:.1f} {y:.1f}"
    for to_x, begin, end in bends:
        path += f"{_curve(x, y, to_x, begin)}V{end:.1f}"
        x, y = to_x, end
    path += _curve(x, y, target.x, target.top)
    along = 3 * _WORD_AT**2 - 2 * _WORD_AT**3  # of the curve, across
    down = 1.5 * _WORD_AT * (1 - _WORD_AT) + _WORD_AT**3  # and down
    return Line(path, x + (target.x - x) * along, y + (target.top - y) * down)


def back(source: Node, target: Node, lane: float, word: str, below: float | None) -> Line:
    """Out of a side, along a lane beside everything, and in again at the same side.

    Where others stand at both sides it leads out at the bottom, and under the row: `below` is where
    that ends. The word stands right of the lane.
    """
    end, middle = target.y - 6, (source.y + target.y) / 2
    leftwards = lane < source.x
    out, into = (source.left, target.left) if leftwards else (source.right, target.right)
    if below is None:
        start = source.y + 6
        path = f"M{out:.1f} {start:.1f}C{lane:.1f} {start:.1f} {lane:.1f} {start:.1f} "
    else:
        under = below + UNDER_ROW
        path = f"M{source.x:.1f} {source.bottom:.1f}V{below:.1f}"
        path += f"C{source.x:.1f} {under:.1f} {lane:.1f} {under:.1f} {lane:.1f} {below:.1f}C"
        path += f"{lane:.1f} {below:.1f} {lane:.1f} {middle:.1f} "
    path += f"{lane:.1f} {middle:.1f}S{lane:.1f} {end:.1f} {into:.1f} {end:.1f}"
    return Line(path, lane + word_width(word) / 2, middle)


def short(word: str) -> str:
    """A word that fits beside an edge."""
    return shortened(word, _LONGEST_WORD)


def word_width(word: str) -> float:
    """The room that a word takes beside an edge."""
    return _CHARACTER * len(short(word)) + 12 if word else 0.0


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (to_y - y) / 2
    return f"C{x:.1f} {y + bend:.1f} {to_x:.1f} {to_y - bend:.1f} {to_x:.1f} {to_y:.1f}"
