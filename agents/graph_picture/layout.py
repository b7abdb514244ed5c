"""Sizes and places: each graph inside is laid out by itself and stands as one box in its outer one.

Rows from the longest way without going round in circles, then sweeps that put nodes near their
neighbours. Edges that lead back run along the sides, each on a lane of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from agents.graph_picture import description, lines
from agents.graph_picture.description import Box, Link, level_of
from agents.graph_picture.layers import Layers, Pair, is_bend, layered, leading_back, neighbours
from agents.graph_picture.picture import (
    Edge,
    Frame,
    Node,
    Picture,
    height_of,
    label_of,
    name_lines,
    tool_lines,
)
from agents.graph_picture.way import Way

MOST_NODES = 80
_DEEPEST = 16  # graphs inside of each other
_CHARACTER = 7.2  # width of one character of a label
_SMALL_CHARACTER = 6.4  # of a tool or of a word beside an edge
_PADDING = 28  # of a label inside its node
_NARROWEST = 56.0
_GAP_X = 28
_GAP_Y = 36
_BEND = 12.0  # width that an edge takes where it passes a row
_LANE = 14.0  # between edges that lead back
_MARGIN = 10.0  # of the picture, and of a frame around its nodes
_FRAME_TITLE = 16.0
_SWEEPS = 6


@dataclass(slots=True)
class _Item:
    """What takes room in a row: a node, a graph inside, or a bend of an edge that passes."""

    width: float
    height: float
    inside: _Level | None = None
    x: float = 0  # centre
    top: float = 0

    @property
    def left(self) -> float:
        return self.x - self.width / 2


@dataclass(slots=True)
class _Level:
    """One graph laid out, with the places of its items from its own upper left corner."""

    path: tuple[str, ...]
    items: dict[str, _Item] = field(default_factory=dict)
    layers: Layers = field(default_factory=lambda: Layers([]))
    links: list[tuple[Link, Pair]] = field(default_factory=list)  # with the items they join
    lanes: dict[Pair, float] = field(default_factory=dict)  # of pairs that lead back
    width: float = 0
    height: float = 0

    def row_of(self, item: str) -> list[str]:
        """The row that an item stands in."""
        return next(row for row in self.layers.rows if item in row)

    def is_amid(self, item: str) -> bool:
        """Whether others stand at both sides of an item."""
        row = self.row_of(item)
        return item not in (row[0], row[-1])

    def bottom_of(self, row: Sequence[str]) -> float:
        """Where a row ends."""
        return max(self.items[name].top + self.items[name].height for name in row)


def draw(
    spec: Mapping[str, Any] | None,
    *,
    waiting: Collection[str] = (),
    taken: Sequence[str] = (),
    before: Collection[str] = (),
    after: Collection[str] = (),
) -> Picture | None:
    """Lay out an agent's graph as the runner described it; None if there is nothing to see in it.

    `waiting` are the nodes that wait now and `taken` those that ran, oldest first; a name that
    stands for a graph inside is left out. `before` and `after` are breakpoints beside the compiled
    ones, `*` for every node. Ids are those of the description: `tools`, and `sub:tools` inside.
    Never raises for a description from a runner, whatever it holds.
    """
    boxes = description.boxes(spec)
    deepest = max((len(box.level) for box in boxes.values()), default=0)
    if not boxes or len(boxes) > MOST_NODES or deepest > _DEEPEST:
        return None
    links = description.links(spec, boxes)
    root = _arrange((), boxes, links)
    way = Way(boxes, links, taken, waiting)
    stops = (
        description.stops(spec, "before").union(before),
        description.stops(spec, "after").union(after),
    )
    nodes: dict[str, Node] = {}
    for name, item, x, y in _nodes(root, _MARGIN, _MARGIN):
        box = boxes[name]
        pausing = [
            name in marked or ("*" in marked and box.kind not in ("start", "end"))
            for marked in stops
        ]
        nodes[name] = Node(
            name, box.name, box.kind, box.tools, x, y, item.width,
            stops_before=pausing[0], stops_after=pausing[1],
            waits=name in waiting, runs=way.runs(name),
        )  # fmt: skip
    return Picture(
        nodes=tuple(nodes[name] for name in boxes),
        edges=tuple(_edges(root, nodes, way, _MARGIN, _MARGIN)),
        frames=tuple(_frames(root, _MARGIN, _MARGIN)),
        width=root.width + 2 * _MARGIN,
        height=root.height + 2 * _MARGIN,
    )


def _arrange(path: tuple[str, ...], boxes: Mapping[str, Box], links: Sequence[Link]) -> _Level:
    """Lay out the graph at this path with all that is inside of it."""
    level = _Level(path)
    for box in boxes.values():
        if box.level[: len(path)] != path:
            continue
        item = _item_of(box.id, path)
        if item not in level.items:
            level.items[item] = (
                _Item(_width(box), height_of(box.tools))
                if item == box.id
                else _framed(_arrange(box.level[: len(path) + 1], boxes, links))
            )
    for link in links:
        ends = level_of(link.source), level_of(link.target)
        inside = ends[0][: len(path) + 1] == ends[1][: len(path) + 1] != path
        if not inside and all(end[: len(path)] == path for end in ends):
            level.links.append((link, (_item_of(link.source, path), _item_of(link.target, path))))
    pairs = list(dict.fromkeys(pair for _link, pair in level.links))
    back = leading_back(level.items, pairs)
    level.layers = layered(list(level.items), [pair for pair in pairs if pair not in back])
    for row in level.layers.rows:
        for name in row:
            level.items.setdefault(name, _Item(_BEND, 0))
    _place(level)
    _give_lanes(level, [pair for pair in pairs if pair in back])
    return level


def _item_of(node: str, path: tuple[str, ...]) -> str:
    """What stands for a node on a level: itself, or the frame that it is in."""
    inner = level_of(node)
    return node if inner == path else ":".join(inner[: len(path) + 1]) + ":"


def _framed(level: _Level) -> _Item:
    wide = max(level.width, _SMALL_CHARACTER * len(level.path[-1])) + 2 * _MARGIN
    return _Item(wide, level.height + 2 * _MARGIN + _FRAME_TITLE, level)


def _width(box: Box) -> float:
    named = _CHARACTER * max(map(len, name_lines(label_of(box.name, box.kind))))
    listed = _SMALL_CHARACTER * max(map(len, tool_lines(box.tools)), default=0)
    return max(_PADDING + max(named, listed), _NARROWEST)


def _place(level: _Level) -> None:
    """Give each item its place: rows below each other, items near their neighbours."""
    items, rows, top = level.items, level.layers.rows, 0.0
    for row in rows:
        height = max(items[name].height for name in row)
        for name in row:
            item = items[name]
            if is_bend(name):
                item.height = height  # the edge goes straight through the row
            item.top = top + (height - item.height) / 2
        top += height + _GAP_Y
        _spread(row, items, dict.fromkeys(row, 0.0))
    for sweep in range(_SWEEPS):
        near = neighbours(level.layers.steps, above=sweep % 2 == 0)
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = {}
            for name in row:
                others = [items[other].x for other in near.get(name, ())]
                wanted[name] = sum(others) / len(others) if others else items[name].x
            _spread(row, items, wanted)
    left = min(item.left for item in items.values())
    for item in items.values():
        item.x -= left
    level.width = max(item.x + item.width / 2 for item in items.values())
    level.height = top - _GAP_Y


def _spread(row: Sequence[str], items: Mapping[str, _Item], wanted: Mapping[str, float]) -> None:
    """Put the items of a row as near to where they are wanted as their widths allow."""
    apart = [(items[a].width + items[b].width) / 2 + _GAP_X for a, b in pairwise(row)]
    rightwards = [wanted[row[0]]]
    for name, gap in zip(row[1:], apart, strict=True):
        rightwards.append(max(wanted[name], rightwards[-1] + gap))
    leftwards = [wanted[row[-1]]]
    for name, gap in zip(row[-2::-1], apart[::-1], strict=True):
        leftwards.append(min(wanted[name], leftwards[-1] - gap))
    for name, one, other in zip(row, rightwards, leftwards[::-1], strict=True):
        items[name].x = (one + other) / 2  # both keep the gaps, and so does their middle


def _give_lanes(level: _Level, back: Sequence[Pair]) -> None:
    """Let each edge that leads back run on the side its source is free at, beside all others."""
    left, right = 0.0, level.width
    words = {pair: link.label for link, pair in level.links if link.label}
    for pair in back:
        row = level.row_of(pair[0])
        if row[0] == pair[0] != row[-1] and pair not in words:
            left -= _LANE
            level.lanes[pair] = left
        else:
            right += _LANE
            level.lanes[pair] = right
            right += lines.word_width(words.get(pair, ""))
        if level.is_amid(pair[0]) and row is level.layers.rows[-1]:
            level.height = level.bottom_of(row) + lines.UNDER_ROW - _MARGIN
    for item in level.items.values():
        item.x -= left
    level.lanes = {pair: lane - left for pair, lane in level.lanes.items()}
    level.width = right - left


def _nodes(level: _Level, dx: float, dy: float) -> Iterator[tuple[str, _Item, float, float]]:
    """Every node, with its centre in the picture."""
    for name, item in level.items.items():
        if item.inside is not None:
            yield from _nodes(item.inside, *_corner(item, dx, dy))
        elif not is_bend(name):
            yield name, item, dx + item.x, dy + item.top + item.height / 2


def _frames(level: _Level, dx: float, dy: float) -> Iterator[Frame]:
    """Every frame, the outer ones first."""
    for item in level.items.values():
        if item.inside is not None:
            path = item.inside.path
            yield Frame(
                ":".join(path), path[-1], dx + item.left, dy + item.top, item.width, item.height
            )
            yield from _frames(item.inside, *_corner(item, dx, dy))


def _edges(
    level: _Level, nodes: Mapping[str, Node], way: Way, dx: float, dy: float
) -> Iterator[Edge]:
    for link, pair in level.links:
        source, target = nodes[link.source], nodes[link.target]
        if pair in level.lanes:
            bottom = dy + level.bottom_of(level.row_of(pair[0]))
            below = bottom if level.is_amid(pair[0]) else None
            line = lines.back(source, target, dx + level.lanes[pair], link.label, below)
        else:
            bends = [level.items[bend] for bend in level.layers.bends[pair]]
            line = lines.forward(
                source, target, [(dx + b.x, dy + b.top, dy + b.top + b.height) for b in bends]
            )
        yield Edge(
            link.source, link.target, target.label, link.conditional, lines.short(link.label),
            line.path, line.label_x, line.label_y, is_taken=way.has(link),
        )  # fmt: skip
    for item in level.items.values():
        if item.inside is not None:
            yield from _edges(item.inside, nodes, way, *_corner(item, dx, dy))


def _corner(item: _Item, dx: float, dy: float) -> tuple[float, float]:
    """Where the graph in a frame begins in the picture."""
    assert item.inside is not None  # noqa: S101 -- asked of frames alone
    return dx + item.x - item.inside.width / 2, dy + item.top + _MARGIN + _FRAME_TITLE
